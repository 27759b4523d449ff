package availability

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func dropped(b Batch) (names []primitives.Hash) {
	for _, a := range b.Actions {
		if d, ok := a.(Drop); ok {
			names = append(names, d.Candidate)
		}
	}
	return names
}

func TestRoomIsMadeByWhatIsFinalThenByWhatWasOnlyProposedThenByWhatNoBlockHasIncluded(t *testing.T) {
	s := play(t, Limits{Bytes: 100, Candidates: 100})
	fill := func(name string, of State) {
		s.wait(time.Second)
		if of == Proposed {
			s.data(name, 10, Stored)
			return
		}
		s.backed(name, Stored)
		s.chunk(name, 1, 20, Stored)
		if of != Backed {
			s.included(name, block(1, name), Stored)
		}
	}
	fill("final 1", Finalized)
	s.does(s.Finalized([]Block{block(1, "final 1")}, s.now))
	fill("included", Unfinalized)
	fill("backed", Backed)
	fill("proposed", Proposed)
	fill("final 2", Backed)
	s.included("final 2", block(2, "f"), Stored)
	s.does(s.Finalized([]Block{block(2, "f")}, s.now))
	s.wait(promised)
	s.backed("new", Stored)
	for i, gone := range []string{"final 1", "final 2", "proposed", "backed"} {
		_, b := s.StoreChunk(hash("new"), uint32(i), 20, s.now)
		if diff := cmp.Diff([]primitives.Hash{hash(gone)}, dropped(s.does(b))); diff != "" {
			t.Fatalf("for chunk %d: (-want +got)\n%s", i, diff)
		}
	}
	s.state("included", Unfinalized)
	s.chunk("new", 4, 21, NoSpace) // what is included never goes, and nobody for itself
	s.state("new", Backed)
}

func TestWhatThisNodeMayHavePromisedToHoldDoesNotGoForWhatIsNewer(t *testing.T) {
	s := play(t, Limits{Bytes: 100, Candidates: 9})
	s.backed("c", Stored)
	s.chunk("c", 1, 90, Stored)
	s.wait(promised - 1)
	s.backed("new", Stored)
	s.chunk("new", 1, 90, NoSpace)
	s.wait(1)
	s.chunk("new", 1, 90, Stored)
	s.state("c", gone)
}

func TestALateChunkOfWhatIsFinalTakesNoRoomFromWhatIsNot(t *testing.T) {
	s := play(t, Limits{Bytes: 100, Candidates: 9})
	s.included("final", block(1, "b"), Stored)
	s.does(s.Finalized([]Block{block(1, "b")}, s.now))
	s.backed("backed", Stored)
	s.chunk("backed", 0, 70, Stored)
	s.data("proposed", 10, Stored)
	s.wait(promised)
	s.chunk("final", 0, 11, NoSpace)
	s.chunk("final", 0, 10, Stored)
}

func TestWhenAllThatMayGoIsNotEnoughNothingGoes(t *testing.T) {
	s := play(t, Limits{Bytes: 100, Candidates: 3})
	for n, name := range []string{"a", "b", "c"} {
		s.included(name, block(uint64(n), "b"), Stored)
		s.chunk(name, 0, 30, Stored)
	}
	s.backed("d", NoSpace)
	s.included("d", block(1, "b"), NoSpace)
	s.data("d", 1, NoSpace)
	s.does(s.Finalized([]Block{block(0, "b"), block(1, "b"), block(2, "b")}, s.now))
	s.chunk("a", 1, 101, NoSpace)
	for _, name := range []string{"a", "b", "c"} {
		s.state(name, Finalized)
	}
	s.chunk("b", 1, 20, Stored) // for which an older one goes
	s.state("a", gone)
	s.chunk("b", 2, 60, NoSpace) // for which a newer one would have to
}

func TestWhatNoBlockHasBackedTakesAQuarterOfTheRoomAndItsOldestGoFirst(t *testing.T) {
	s := play(t, Limits{Bytes: 400, Candidates: 100})
	for i := range 10 {
		s.wait(time.Second)
		s.data(fmt.Sprint(i), 30, Stored) // 40 with its chunks
		if _, bytes := s.Used(Proposed); bytes > 100 {
			t.Fatalf("%d bytes", bytes)
		}
	}
	s.state("7", gone)
	s.state("8", Proposed)
	s.state("9", Proposed)
	s.data("large", 91, NoSpace)
	s.backed("8", Stored) // it is no proposal any more
	s.data("10", 30, Stored)
	s.state("9", Proposed)
}

func TestWhatGoesForItsShareMakesRoomOnceAndNotTwice(t *testing.T) {
	s := play(t, Limits{Bytes: 400, Candidates: 100})
	s.included("included", block(1, "b"), Stored)
	s.chunk("included", 0, 320, Stored)
	s.data("a", 30, Stored) // 40 with its chunks
	s.data("b", 30, Stored)
	s.data("new", 50, Stored) // for which a goes in any case, and that isn't enough
	s.state("a", gone)
	s.state("b", gone)
	s.state("new", Proposed)
}

func TestAFloodOfProposedCandidatesIsBoundedInNumberAndDropsNothingThatABlockHasBacked(t *testing.T) {
	s := play(t, Limits{Bytes: 1 << 20, Candidates: 40})
	for i := range 30 {
		s.backed(fmt.Sprint("backed ", i), Stored)
	}
	for i := range 100 {
		s.data(fmt.Sprint(i), 0, Stored)
	}
	proposed, _ := s.Used(Proposed)
	if backed, _ := s.Used(Backed); backed != 30 || proposed != 10 {
		t.Errorf("%d backed, %d proposed", backed, proposed)
	}
}

func TestCandidatesAreBoundedInNumberAndEmptyOnesDontGoForBytes(t *testing.T) {
	s := play(t, Limits{Bytes: 100, Candidates: 3})
	s.backed("empty", Stored)
	s.backed("full", Stored)
	s.chunk("full", 0, 100, Stored)
	s.wait(promised)
	s.backed("new", Stored)
	s.chunk("new", 0, 10, Stored)
	s.state("empty", Backed)
	s.state("full", gone)
	s.backed("another", Stored)
	s.backed("and one more", Stored)
	s.state("empty", gone)
	s.backed("and another", NoSpace) // all others are too young to go
	if len(s.candidates) != 3 {
		t.Errorf("%d candidates", len(s.candidates))
	}
}

func TestBlocksThatIncludeOneCandidateAreBounded(t *testing.T) {
	s := play(t, wide)
	for n := range uint64(maxBlocks) {
		s.included("c", block(n, "b"), Stored)
	}
	s.included("c", block(maxBlocks, "b"), NoSpace)
	s.included("c", block(5, "b"), AlreadyStored)
	if len(s.Awaiting(1<<63)) != maxBlocks {
		t.Errorf("%d heights", len(s.Awaiting(1<<63)))
	}
}

func TestAStoreThatIsGivenLessRoomMakesItWhenSomethingComes(t *testing.T) {
	s := play(t, Limits{Bytes: 100, Candidates: 9})
	for _, name := range []string{"a", "b", "c"} {
		s.backed(name, Stored)
		s.chunk(name, 0, 30, Stored)
	}
	s.limits = Limits{Bytes: 50, Candidates: 2}
	s.wait(promised)
	s.prune()
	s.restart()
	s.backed("new", Stored)
	s.chunk("new", 0, 20, Stored)
	if _, bytes := s.Used(Backed); len(s.candidates) != 2 || bytes != 50 || len(s.disk) != 2 {
		t.Errorf("%d candidates with %d bytes", len(s.candidates), bytes)
	}
}
