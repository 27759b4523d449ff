package availability

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func hash(name string) primitives.Hash { return primitives.HashOf([]byte(name)) }

func block(number uint64, name string) Block { return Block{Number: number, Hash: hash(name)} }

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	wide  = Limits{Bytes: math.MaxInt64, Candidates: math.MaxInt}
)

// scene is a store in a test, in which everything is durable at once unless the test says otherwise.
type scene struct {
	*testing.T
	*Store
	now  time.Time
	disk map[primitives.Hash]Record
	age  time.Duration
}

func play(t *testing.T, l Limits) *scene {
	return &scene{T: t, Store: New(l, start), now: start, disk: map[primitives.Hash]Record{}}
}

func (s *scene) wait(d time.Duration) { s.now = s.now.Add(d) }

// does performs a batch.
func (s *scene) does(b Batch) Batch {
	for _, a := range b.Actions {
		switch a := a.(type) {
		case Write:
			s.disk[a.Record.Candidate] = a.Record
		case Drop:
			delete(s.disk, a.Candidate)
		}
	}
	s.age = max(s.age, b.Age)
	s.Written(b.Number)
	return b
}

func (s *scene) restart() {
	records := []Record{}
	for key, r := range s.disk {
		again, err := DecodeRecord(key, r.Encode())
		if err != nil {
			s.Fatal(err)
		}
		records = append(records, again)
	}
	s.Store = Restore(s.limits, records, s.age, s.now)
}

func (s *scene) prune() Batch { return s.does(s.Prune(s.now)) }

func (s *scene) outcome(o Outcome, b Batch, want Outcome) {
	s.Helper()
	s.does(b)
	if o != want {
		s.Fatalf("outcome %d, not %d", o, want)
	}
}

func (s *scene) backed(name string, want Outcome) {
	s.Helper()
	o, b := s.Backed(hash(name), 10, s.now)
	s.outcome(o, b, want)
}

func (s *scene) included(name string, in Block, want Outcome) {
	s.Helper()
	o, b := s.Included(hash(name), 10, in, s.now)
	s.outcome(o, b, want)
}

func (s *scene) chunk(name string, v uint32, size int64, want Outcome) {
	s.Helper()
	a, b := s.StoreChunk(hash(name), v, size, s.now)
	s.outcome(a.Outcome, b, want)
}

func (s *scene) data(name string, size int64, want Outcome) {
	s.Helper()
	a, b := s.StoreData(hash(name), 10, size, 1, s.now)
	s.outcome(a.Outcome, b, want)
}

// state holds the state of a candidate against what it should be; states: it is forgotten.
func (s *scene) state(name string, want State) {
	s.Helper()
	if r, ok := s.Record(hash(name)); ok && r.State != want || !ok && want != states {
		s.Errorf("%s is in state %d (%v), not %d", name, r.State, ok, want)
	}
}

const gone = states

func TestAChunkWithoutMetadataIsNotStoredAndAfterCandidateBackedItIs(t *testing.T) {
	s := play(t, wide)
	s.chunk("c", 3, 100, UnknownCandidate)
	if len(s.candidates) != 0 {
		t.Error("something was kept")
	}
	s.backed("c", Stored)
	a, b := s.StoreChunk(hash("c"), 3, 100, s.now)
	want := []Action{
		Put{Candidate: hash("c"), Chunks: []uint32{3}},
		Write{Record{
			Candidate: hash("c"), State: Backed, Validators: 10, Bytes: 100, Chunks: primitives.NewBits(10, 3),
		}},
	}
	if diff := cmp.Diff(want, b.Actions); diff != "" || a != (Answer{Stored, b.Number}) {
		t.Errorf("%v (-want +got)\n%s", a, diff)
	}
	s.does(b)
	if !s.HasChunk(hash("c"), 3) {
		t.Error("it isn't here")
	}
	s.chunk("c", 3, 100, AlreadyStored)
	s.chunk("c", 10, 100, IndexMismatch)
}

func TestAChunkIsHereOnlyIfItsBitIsSetAndNotIfOnlyMetadataIs(t *testing.T) {
	s := play(t, wide)
	s.backed("c", Stored)
	s.chunk("c", 3, 100, Stored)
	if s.HasChunk(hash("c"), 4) || s.HasChunk(hash("c"), 99) || s.HasChunk(hash("d"), 3) || s.HasData(hash("c")) {
		t.Error("what isn't here is said to be")
	}
	if _, known := s.Record(hash("d")); known || s.Chunks(hash("d")) != nil {
		t.Error("what is unknown is said to be known")
	}
}

func TestOfStoredDataAllChunksAreHereInTheirOrder(t *testing.T) {
	s := play(t, wide)
	s.backed("c", Stored)
	s.chunk("c", 4, 1, Stored)
	s.data("c", 1000, Stored)
	all := []uint32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	if diff := cmp.Diff(all, s.Chunks(hash("c"))); diff != "" || !s.HasData(hash("c")) {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, bytes := s.Used(Backed); bytes != 1010 {
		t.Errorf("%d bytes are counted", bytes)
	}
	s.data("c", 1000, AlreadyStored)
	if a, _ := s.StoreData(hash("c"), 11, 1, 1, s.now); a.Outcome != IndexMismatch {
		t.Errorf("outcome %d for another number of validators", a.Outcome)
	}
}

func TestNothingIsHereBeforeItIsDurableAndWhoStoresItAgainIsToldWhenItIs(t *testing.T) {
	s := play(t, wide)
	a, first := s.StoreData(hash("c"), 10, 20, 1, s.now)
	again, none := s.StoreData(hash("c"), 10, 20, 1, s.now)
	if again != (Answer{AlreadyStored, a.After}) || none.Number != 0 {
		t.Errorf("%v then %v, %v", a, again, none)
	}
	if s.HasData(hash("c")) || len(s.Chunks(hash("c"))) > 0 {
		t.Error("what isn't durable is here")
	}
	late, _ := s.StoreChunk(hash("c"), 1, 1, s.now)
	if late != (Answer{AlreadyStored, a.After}) {
		t.Errorf("%v of a chunk", late)
	}
	_, second := s.Backed(hash("c"), 10, s.now)
	s.Written(first.Number)
	if !s.HasData(hash("c")) || !s.HasChunk(hash("c"), 9) || second.Number != first.Number+1 {
		t.Error("what is durable isn't here")
	}
}

func TestWhatWasDroppedAndStoredAgainIsHereAfterTheLaterBatch(t *testing.T) {
	s := play(t, Limits{Bytes: 100, Candidates: 8})
	first, _ := s.StoreData(hash("a"), 2, 20, 1, s.now)
	_, _ = s.StoreData(hash("b"), 2, 20, 1, s.now) // takes its place
	second, _ := s.StoreData(hash("a"), 2, 20, 1, s.now)
	if again, _ := s.StoreData(hash("a"), 2, 20, 1, s.now); again != (Answer{AlreadyStored, second.After}) {
		t.Errorf("%v, not after batch %d", again, second.After)
	}
	s.Written(first.After)
	if s.HasData(hash("a")) {
		t.Error("what was dropped is here")
	}
	s.Written(second.After)
	if !s.HasData(hash("a")) {
		t.Error("it isn't here")
	}
}

func TestStoredButNotIncludedDataIsPruned(t *testing.T) {
	s := play(t, wide)
	s.data("proposed", 10, Stored)
	s.wait(time.Minute)
	s.data("backed", 10, Stored)
	s.backed("backed", Stored)
	s.wait(30 * time.Minute)
	s.backed("backed", AlreadyStored) // that prolongs nothing
	s.wait(29*time.Minute - 1)
	s.prune()
	s.state("proposed", Proposed)
	s.wait(1)
	b := s.prune()
	if diff := cmp.Diff([]Action{Drop{hash("proposed")}}, b.Actions); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if next := s.Next(s.now); next != time.Minute {
		t.Errorf("next in %s", next)
	}
	s.wait(time.Minute)
	s.prune()
	s.state("backed", gone)
	if len(s.disk) != 0 || s.used != [states]amount{} {
		t.Errorf("%v, %v", s.disk, s.used)
	}
}

func TestIncludedDataIsKeptUntilFinalityHoweverLongThatTakes(t *testing.T) {
	s := play(t, wide)
	s.backed("c", Stored)
	s.included("c", block(1, "b"), Stored)
	s.wait(1000 * time.Hour)
	s.prune()
	s.state("c", Unfinalized)
	s.does(s.Finalized([]Block{block(1, "b")}, s.now))
	s.state("c", Finalized)
}

func TestFinalisedDataIsKeptFor25HoursAndLaterFinalityProlongsNothing(t *testing.T) {
	s := play(t, wide)
	s.included("c", block(1, "b"), Stored)
	s.does(s.Finalized([]Block{block(1, "b")}, s.now))
	for n := range uint64(24) {
		s.wait(time.Hour)
		s.included("c", block(1, "b"), AlreadyStored)
		s.included("c", block(n+2, "another"), AlreadyStored)
		s.does(s.Finalized([]Block{block(n+2, "later")}, s.now))
	}
	s.wait(time.Hour - 1)
	s.prune()
	s.state("c", Finalized)
	s.wait(1)
	s.prune()
	s.state("c", gone)
}

func TestWhatOnlyOrphanedBlocksIncludeGoesBackToTheRuleOfAnHour(t *testing.T) {
	s := play(t, wide)
	s.included("c", block(5, "orphan"), Stored)
	s.included("c", block(5, "another"), Stored)
	s.included("c", block(6, "its child"), Stored)
	s.wait(2 * time.Hour)
	s.does(s.Finalized([]Block{block(5, "final")}, s.now))
	s.state("c", Unfinalized) // by the block at 6
	s.does(s.Finalized([]Block{block(6, "final too")}, s.now))
	s.state("c", Backed)
	s.wait(time.Hour - 1)
	s.prune()
	s.state("c", Backed)
	s.wait(1)
	s.prune()
	s.state("c", gone)
}

func TestOfSeveralBlocksThatIncludeACandidateOneThatIsFinalIsEnough(t *testing.T) {
	s := play(t, wide)
	s.included("c", block(6, "later orphan"), Stored)
	s.included("c", block(5, "orphan"), Stored)
	s.included("c", block(5, "final"), Stored)
	s.included("d", block(6, "later orphan"), Stored)
	if diff := cmp.Diff([]uint64{5, 6}, s.Awaiting(9)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	s.does(s.Finalized([]Block{block(4, "nothing"), block(5, "final")}, s.now))
	s.state("c", Finalized)
	s.state("d", Unfinalized)
	if r, _ := s.Record(hash("c")); len(r.Blocks) != 0 {
		t.Errorf("it still has %v", r.Blocks)
	}
	if diff := cmp.Diff([]uint64{6}, s.Awaiting(9)); diff != "" || s.Awaiting(5) != nil {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWeDontMissAnythingIfImportNotificationsAreMissed(t *testing.T) {
	s := play(t, wide)
	// Three blocks come at once, after the last of them is final: each candidate is known only by being included.
	for n, name := range []string{"a", "b", "c"} {
		s.included(name, block(uint64(n), name), Stored)
		s.chunk(name, 1, 5, Stored)
	}
	if diff := cmp.Diff([]uint64{0, 1, 2}, s.Awaiting(2)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	s.does(s.Finalized([]Block{block(0, "a"), block(1, "x"), block(2, "c")}, s.now))
	s.state("a", Finalized)
	s.state("b", Backed)
	s.state("c", Finalized)
}

func TestACandidateInASessionOfAnotherSizeIsNotTheOneThatIsHere(t *testing.T) {
	s := play(t, wide)
	s.data("c", 10, Stored)
	o, b := s.Backed(hash("c"), 11, s.now)
	s.outcome(o, b, IndexMismatch)
	s.state("c", Proposed)
}
