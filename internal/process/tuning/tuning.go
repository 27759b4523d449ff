// Package tuning sets how much of a machine a process takes for itself. A node is many small processes: what suits one
// large program, a scheduler thread per core and a collector that runs every four megabytes, costs them most of what a
// message costs. A Profile is applied once, by main, and what the environment says (GOMAXPROCS, GOGC, GOMEMLIMIT) goes
// first.
package tuning

import (
	"os"
	"runtime"
	"runtime/debug"
)

// Profile is how much a process takes. The zero value suits one that computes.
type Profile struct {
	Threads Threads
	// Memory is the soft limit in bytes of what the process may hold: above it the collector works harder. 0: 192 MiB.
	Memory int64
}

// Threads says how many scheduler threads a process has.
type Threads int

// The numbers of threads.
const (
	// PerCore suits a process that computes.
	PerCore Threads = iota
	// One suits a process that passes messages on and never computes for long: handing a message from one goroutine to
	// another wakes nobody. A computation of a few milliseconds would hold up everything else in it.
	One
	// PerFourCores suits a process that mostly passes messages on, computes at times, and waits for the disk. Measured
	// on two cores: a call that it passes on takes two thirds of what it takes with a thread per core.
	PerFourCores
)

const (
	// heapGrowth is how much garbage may gather, in percent of what lives: a process with a few megabytes alive
	// collects every 16 MiB rather than every 4. Measured: a 64 KiB ask takes less than half the time.
	heapGrowth = 400
	// softLimit is Profile's Memory where it says nothing.
	softLimit = 192 << 20
)

// Apply makes it this process's.
func (p Profile) Apply() {
	if os.Getenv("GOMAXPROCS") == "" {
		switch p.Threads {
		case One:
			runtime.GOMAXPROCS(1)
		case PerFourCores:
			runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/4))
		}
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		limit := p.Memory
		if limit == 0 {
			limit = softLimit
		}
		debug.SetMemoryLimit(limit)
	}
}
