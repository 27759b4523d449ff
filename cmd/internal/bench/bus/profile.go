package bus

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profileEnv names a directory; when it is set every process of a measurement leaves a CPU profile there.
const profileEnv = "REEVE_BENCH_PROFILE"

// profiled runs a role's work under the profiler if that is wanted.
func profiled(role string, work func() error) error {
	dir := os.Getenv(profileEnv)
	if dir == "" {
		return work()
	}
	file, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s-%d.pprof", role, os.Getpid())))
	if err != nil {
		return err
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return work()
}
