package main

import (
	"sync"
	"sync/atomic"

	"github.com/reevenet/reeve/internal/process/supervise"
)

// notices tells the person when a process has died, and what became of it. While a network is starting, one that is left
// alone is the error with which the command ends, which says all of it.
func (a *app) notices(starting *atomic.Bool) func(supervise.Status) {
	var mu sync.Mutex
	restarts := map[string]int{}
	return func(s supervise.Status) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case s.State == supervise.Quarantined && starting.Load():
		case s.State == supervise.Quarantined:
			a.say("  %s is left alone: %s", s.Name, s.Cause)
		case s.State == supervise.Running && s.Restarts > restarts[s.Name]:
			a.say("  %s: %s; running again as process %d", s.Name, s.Cause, s.Process.PID)
		}
		restarts[s.Name] = s.Restarts
	}
}
