package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuClock is the Linux clock that counts one process's CPU time, all its threads together, ended ones included.
type cpuClock int32

// clocksOf names the clocks of processes. The encoding (the complement of the pid shifted by three, and 2 for the
// scheduler's own nanosecond count) is the kernel's ABI: include/linux/posix-timers.h.
func clocksOf(pids []int) []cpuClock {
	clocks := make([]cpuClock, 0, len(pids))
	for _, pid := range pids {
		clocks = append(clocks, cpuClock(^int32(pid)<<3|2))
	}
	return clocks
}

// totalCPU is the CPU time that the processes have used since they started. One that is gone counts as nothing;
// its round fails for another reason.
func totalCPU(clocks []cpuClock) time.Duration {
	var total time.Duration
	for _, clock := range clocks {
		var at unix.Timespec
		if err := unix.ClockGettime(int32(clock), &at); err == nil {
			total += time.Duration(at.Nano())
		}
	}
	return total
}
