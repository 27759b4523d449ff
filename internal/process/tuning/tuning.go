// Package tuning sets how much of a machine a process takes for itself. A node is many small processes: what suits one
// large program, a scheduler thread per core and a collector that runs every four megabytes, costs them most of
// what a message costs. It is called once, by main, and what the environment says (GOMAXPROCS, GOGC, GOMEMLIMIT) goes first.
package tuning

import (
	"os"
	"runtime"
	"runtime/debug"
)

const (
	// heapGrowth is how much garbage may gather, in percent of what lives: a process with a few megabytes alive collects
	// every 16 MiB rather than every 4. Measured: a 64 KiB ask takes less than half the time.
	heapGrowth = 400
	// softLimit in bytes bounds what that may become when much lives: above it the collector works harder.
	softLimit = 192 << 20
)

// Relay suits a process that passes messages on and never computes for long: one scheduler thread, so that handing a message
// from one goroutine to another wakes nobody. A computation of a few milliseconds would hold up everything else in it.
func Relay() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	Worker()
}

// Host suits a process that mostly passes messages on, computes at times, and waits for the disk: a scheduler thread for every four
// cores. Measured on two cores: a call that it passes on takes two thirds of what it takes with a thread per core.
func Host() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/4))
	}
	Worker()
}

// Worker suits a process that computes: it keeps its scheduler threads and collects less often.
func Worker() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit)
	}
}
