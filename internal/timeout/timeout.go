// Package timeout holds the engine's one preemptable timeout: while a chain waits for the other chains of its node, it looks again
// after a pause, and at once when the others are ready. It is pure: whoever owns it calls Tick with the time.
package timeout

import "time"

// TimeoutRegistrar asks for one more firing after a pause.
type TimeoutRegistrar interface {
	// RegisterTimeout makes the timeout fire once after d from the last Tick. While one is pending it does nothing, so at most
	// one is pending; but there is at least one firing after each registration. Once preempted it fires at the next Tick.
	RegisterTimeout(d time.Duration)
}

// PreemptionSignal says that waiting has no more point. It stays raised once it is: who looks later sees it too.
type PreemptionSignal struct{ raised bool }

// Preempt raises the signal.
func (p *PreemptionSignal) Preempt() { p.raised = true }

// Raised tells whether Preempt has been called.
func (p *PreemptionSignal) Raised() bool { return p.raised }

// TimeoutScheduler is a TimeoutRegistrar that Tick drives.
type TimeoutScheduler struct {
	onTimeout func()
	preempt   *PreemptionSignal
	now, due  time.Time
	pending   bool
}

// NewTimeoutScheduler calls onTimeout from Tick, when a registered timeout is due or the signal is raised. onTimeout may register
// the next one.
func NewTimeoutScheduler(onTimeout func(), preempt *PreemptionSignal) *TimeoutScheduler {
	return &TimeoutScheduler{onTimeout: onTimeout, preempt: preempt}
}

// RegisterTimeout is TimeoutRegistrar's.
func (s *TimeoutScheduler) RegisterTimeout(d time.Duration) {
	if s.pending {
		return
	}
	s.pending, s.due = true, s.now.Add(d)
}

// Tick moves the time and fires what is due, at most once.
func (s *TimeoutScheduler) Tick(now time.Time) {
	s.now = now
	if !s.pending || now.Before(s.due) && !s.preempt.Raised() {
		return
	}
	s.pending = false // before the call, so that it may register again
	s.onTimeout()
}

// Next is when Tick is needed; false while nothing is pending.
func (s *TimeoutScheduler) Next() (time.Time, bool) {
	if s.pending && s.preempt.Raised() {
		return s.now, true
	}
	return s.due, s.pending
}
