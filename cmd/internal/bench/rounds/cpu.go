package rounds

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPUClock is the Linux clock that counts one process's CPU time, all its threads together, ended ones included.
type CPUClock int32

// ClocksOf names the clocks of processes. The encoding (the complement of the pid shifted by three, and 2 for the
// scheduler's own nanosecond count) is the kernel's ABI: include/linux/posix-timers.h.
func ClocksOf(pids []int) []CPUClock {
	clocks := make([]CPUClock, 0, len(pids))
	for _, pid := range pids {
		clocks = append(clocks, CPUClock(^int32(pid)<<3|2))
	}
	return clocks
}

// TotalCPU is the CPU time that the processes have used since they started. One that is gone counts as nothing;
// its round fails for another reason.
func TotalCPU(clocks []CPUClock) time.Duration {
	var total time.Duration
	for _, clock := range clocks {
		var at unix.Timespec
		if err := unix.ClockGettime(int32(clock), &at); err == nil {
			total += time.Duration(at.Nano())
		}
	}
	return total
}
