package virtual

import (
	"time"
	"unsafe"
)

// Watch is what a machine takes for the time. The zero value is right. Its hands can be set while it runs.
type Watch struct {
	// Offset is by how much it is ahead.
	Offset time.Duration
	// Drift is how many millionths it gains.
	Drift int64
}

const million = 1_000_000

// At is what it shows when so much time has passed since the Epoch. Like what time.Now returns it has both of a
// machine's clocks in it: the one that people set, and the one that only runs, by which times are compared.
func (w Watch) At(elapsed time.Duration) time.Time {
	ran := elapsed + elapsed*time.Duration(w.Drift)/million
	return reading(Epoch.Add(w.Offset+ran), ran)
}

// Takes is how much time passes until it has gone on by d, rounded up: a timer never rings before its time.
func (w Watch) Takes(d time.Duration) time.Duration {
	if w.Drift == 0 {
		return d
	}
	drift := time.Duration(w.Drift)
	return d - d/(million+drift)*drift + max(drift, -drift) + 2
}

// inside is a time.Time from inside, since package time has no way to make one whose clocks differ.
type inside struct {
	wall uint64 // one bit that there are both, 33 of seconds since 1885, 30 of nanoseconds
	ran  int64
	_    *time.Location
}

var since = time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// reading is a time with both clocks in it.
func reading(shown time.Time, ran time.Duration) time.Time {
	wall := 1<<63 | uint64(shown.Unix()-since)<<30 | uint64(shown.Nanosecond())
	t := (*inside)(unsafe.Pointer(&shown))
	t.wall, t.ran = wall, int64(ran)
	return shown
}
