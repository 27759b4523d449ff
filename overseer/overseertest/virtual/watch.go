package virtual

import "time"

// Watch is what a machine takes for the time. The zero value is right.
type Watch struct {
	// Offset is by how much it is ahead.
	Offset time.Duration
	// Drift is how many millionths it gains.
	Drift int64
}

const million = 1_000_000

// At is what it shows when so much time has passed since the Epoch.
func (w Watch) At(elapsed time.Duration) time.Time {
	return Epoch.Add(w.Offset + elapsed + elapsed*time.Duration(w.Drift)/million)
}

// Takes is how much time passes until it has gone on by d, rounded up: a timer never rings before its time.
func (w Watch) Takes(d time.Duration) time.Duration {
	if w.Drift == 0 {
		return d
	}
	drift := time.Duration(w.Drift)
	return d - d/(million+drift)*drift + max(drift, -drift) + 2
}
