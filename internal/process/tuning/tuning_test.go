package tuning

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// restore puts the process back as it was.
func restore(t *testing.T) {
	procs, growth, limit := runtime.GOMAXPROCS(0), debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() {
		runtime.GOMAXPROCS(procs)
		debug.SetGCPercent(growth)
		debug.SetMemoryLimit(limit)
	})
}

func TestARelayHasOneThreadAndCollectsSeldom(t *testing.T) {
	restore(t)
	for _, name := range []string{"GOMAXPROCS", "GOGC", "GOMEMLIMIT"} {
		t.Setenv(name, "")
	}
	Profile{Threads: One}.Apply()
	if n := runtime.GOMAXPROCS(0); n != 1 {
		t.Errorf("%d threads", n)
	}
	if p := debug.SetGCPercent(100); p != heapGrowth {
		t.Errorf("grows by %d %%", p)
	}
	if l := debug.SetMemoryLimit(-1); l != softLimit {
		t.Errorf("limit %d", l)
	}
}

func TestAHostHasAThreadForEveryFourCores(t *testing.T) {
	restore(t)
	t.Setenv("GOMAXPROCS", "")
	for cores, want := range map[int]int{1: 1, 2: 1, 7: 1, 8: 2} {
		runtime.GOMAXPROCS(cores)
		Profile{Threads: PerFourCores}.Apply()
		if n := runtime.GOMAXPROCS(0); n != want {
			t.Errorf("%d of %d", n, cores)
		}
	}
}

func TestAProfileMayHaveALimitOfItsOwn(t *testing.T) {
	restore(t)
	t.Setenv("GOMEMLIMIT", "")
	procs := runtime.GOMAXPROCS(0)
	Profile{Memory: 1 << 30}.Apply()
	if l, n := debug.SetMemoryLimit(-1), runtime.GOMAXPROCS(0); l != 1<<30 || n != procs {
		t.Errorf("limit %d, %d threads", l, n)
	}
}

func TestTheEnvironmentGoesFirst(t *testing.T) {
	restore(t)
	t.Setenv("GOMAXPROCS", "3")
	t.Setenv("GOGC", "50")
	t.Setenv("GOMEMLIMIT", "1GiB")
	runtime.GOMAXPROCS(3)
	debug.SetGCPercent(50)
	limit := debug.SetMemoryLimit(-1)
	Profile{Threads: One}.Apply()
	if n, p, l := runtime.GOMAXPROCS(0), debug.SetGCPercent(100),
		debug.SetMemoryLimit(-1); n != 3 || p != 50 || l != limit {
		t.Errorf("%d threads, %d %%, limit %d", n, p, l)
	}
}
