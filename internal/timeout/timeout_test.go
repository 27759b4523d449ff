package timeout

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/primitives"
)

var start = time.Unix(1000, 0)

func TestOneTimeoutAtMostAndOneAtLeast(t *testing.T) {
	fired := 0
	s := NewTimeoutScheduler(func() { fired++ }, new(PreemptionSignal))
	s.Tick(start)
	s.RegisterTimeout(time.Second)
	s.RegisterTimeout(time.Millisecond) // one is pending: no effect
	s.Tick(start.Add(500 * time.Millisecond))
	if fired != 0 {
		t.Fatal("the second registration replaced the first")
	}
	s.Tick(start.Add(time.Second))
	s.Tick(start.Add(time.Hour))
	if fired != 1 {
		t.Fatalf("fired %d times", fired)
	}
}

func TestItMayRegisterAgainWhileItFires(t *testing.T) {
	fired := 0
	var s *TimeoutScheduler
	s = NewTimeoutScheduler(func() { fired++; s.RegisterTimeout(time.Second) }, new(PreemptionSignal))
	s.Tick(start)
	s.RegisterTimeout(time.Second)
	for i := range 5 {
		s.Tick(start.Add(time.Duration(i+1) * time.Second))
	}
	if fired != 5 {
		t.Errorf("fired %d times in five seconds", fired)
	}
}

func TestPreemptionFiresAtOnceAndStays(t *testing.T) {
	fired, signal := 0, new(PreemptionSignal)
	s := NewTimeoutScheduler(func() { fired++ }, signal)
	s.Tick(start)
	s.RegisterTimeout(time.Hour)
	signal.Preempt()
	s.Tick(start)
	s.RegisterTimeout(time.Hour)
	if at, pending := s.Next(); !pending || !at.Equal(start) {
		t.Errorf("next at %v, %v", at, pending)
	}
	s.Tick(start)
	if fired != 2 {
		t.Errorf("fired %d times", fired)
	}
	s.Tick(start)
	if fired != 2 {
		t.Error("fired without a registration")
	}
}

func TestAChainAddedLaterReopensTheTracker(t *testing.T) {
	a, b := primitives.Hash{1}, primitives.Hash{2}
	tr := NewBootstrapTracker(a)
	tr.Bootstrapped(a)
	if !tr.IsBootstrapped() || !tr.AllBootstrapped().Raised() {
		t.Fatal("one chain, done, and not ready")
	}
	tr.Add(b)
	if tr.IsBootstrapped() || tr.AllBootstrapped().Raised() {
		t.Error("the chain that was added isn't waited for")
	}
	tr.Bootstrapped(b)
	if !tr.AllBootstrapped().Raised() {
		t.Error("never ready again")
	}
}
