package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Identity names one process for good: the kernel gives a pid to another process later, but never with the same start time.
type Identity struct {
	PID     int    `json:"pid"`
	Started uint64 `json:"started"` // in clock ticks since the machine started
}

// ErrNoProcess says that the process has ended.
var ErrNoProcess = errors.New("the process has ended")

// Identify returns the identity of the process that has that pid now; its Started is zero when there is none.
func Identify(pid int) Identity {
	started, err := startTime(pid)
	if err != nil {
		return Identity{PID: pid}
	}
	return Identity{PID: pid, Started: started}
}

// Alive tells whether the process still exists, a zombie included.
func (id Identity) Alive() bool {
	started, err := startTime(id.PID)
	return err == nil && started == id.Started
}

// Signal sends sig to that process and to no other. The pidfd makes sure that the pid can't change hands in between.
func (id Identity) Signal(sig syscall.Signal) error {
	if id.PID <= 1 || id.Started == 0 {
		return ErrNoProcess
	}
	fd, err := unix.PidfdOpen(id.PID, 0)
	if err != nil {
		return ErrNoProcess
	}
	defer unix.Close(fd)
	if !id.Alive() {
		return ErrNoProcess
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// RSS is the process's resident memory in bytes, or 0 when it has ended.
func (id Identity) RSS() uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", id.PID))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// startTime is field 22 of /proc/<pid>/stat. The name in field 2 may hold spaces and brackets, so counting begins after it.
func startTime(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	end := bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[end+1:]))
	if end < 0 || len(fields) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat reads %q", pid, text)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}
