package availability

import (
	"testing"
	"time"
)

func TestTermsGoOnAfterARestartWhereTheyWere(t *testing.T) {
	s := play(t, wide)
	s.included("final", block(1, "b"), Stored)
	s.does(s.Finalized([]Block{block(1, "b")}, s.now))
	s.included("waits", block(2, "b"), Stored)
	for minute := range 25*60 - 1 {
		s.wait(time.Minute)
		s.prune()
		if minute%30 == 9 {
			s.restart()
		}
	}
	s.state("final", Finalized)
	s.wait(time.Minute)
	s.prune()
	s.state("final", gone)
	s.state("waits", Unfinalized)
	s.does(s.Finalized([]Block{block(2, "b")}, s.now))
	s.state("waits", Finalized)
}

func TestARestartAddsNoMoreToATermThanWasNotWritten(t *testing.T) {
	s := play(t, wide)
	s.backed("c", Stored)
	s.wait(markEvery - 1)
	s.prune()
	s.restart()
	s.wait(time.Hour - 1)
	s.prune()
	s.state("c", Backed)
	s.wait(1)
	s.prune()
	s.state("c", gone)
}

func TestAnAgeThatWasNotWrittenIsThatOfTheYoungestRecord(t *testing.T) {
	s := play(t, wide)
	s.wait(30 * time.Minute)
	s.backed("c", Stored)
	s.age = 0
	s.restart()
	if s.Store.age != 30*time.Minute || s.Next(s.now) != markEvery {
		t.Errorf("the age is %s", s.Store.age)
	}
}

func TestTheTimeInWhichTheStoreWasntThereDoesNotCount(t *testing.T) {
	s := play(t, wide)
	s.backed("c", Stored)
	s.wait(1000 * time.Hour)
	s.restart()
	s.prune()
	s.state("c", Backed)
	s.wait(time.Hour)
	s.prune()
	s.state("c", gone)
}

func TestAClockThatIsSetBackDropsNothingAndKeepsNothingLonger(t *testing.T) {
	s := play(t, wide)
	s.backed("c", Stored)
	s.wait(30 * time.Minute)
	s.prune()
	s.wait(-1000 * time.Hour)
	s.prune()
	s.wait(30*time.Minute - 1)
	s.prune()
	s.state("c", Backed)
	s.wait(1)
	s.prune()
	s.state("c", gone)
}

func TestTheAgeIsWrittenEveryFewMinutesWhateverHappens(t *testing.T) {
	s := play(t, wide)
	for range 10 {
		next := s.Next(s.now)
		if next != markEvery {
			t.Fatalf("next in %s", next)
		}
		s.wait(next - 1)
		if b := s.prune(); b.Number != 0 {
			t.Fatalf("too early: %v", b)
		}
		s.wait(1)
		if b := s.prune(); b.Number == 0 || b.Age != s.Store.age {
			t.Fatalf("%v at %s", b, s.Store.age)
		}
	}
}

func TestWhatIsOverGoesInSeveralBatches(t *testing.T) {
	s := play(t, wide)
	for i := range 2*pruneAtOnce + 1 {
		s.backed(string(rune(i)), Stored)
	}
	s.wait(time.Hour)
	for _, want := range []int{pruneAtOnce, pruneAtOnce, 1} {
		if s.Next(s.now) != 0 {
			t.Error("there is nothing more to do")
		}
		if b := s.prune(); len(b.Actions) != want {
			t.Errorf("%d in a batch, not %d", len(b.Actions), want)
		}
	}
	if s.Next(s.now) == 0 {
		t.Error("there is more to do")
	}
}
