// Package proc is what the kernel knows of processes: which one a pid means, whether it lives and what memory it has;
// and child processes that end with their parent. It knows nothing of what the processes do.
package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Identity names one process for good: the kernel gives a pid to another process later, but never with the same start
// time.
type Identity struct {
	PID     int    `json:"pid"`
	Started uint64 `json:"started"` // in clock ticks since the machine started
}

// Identify returns the identity of the process that has that pid now; its Started is zero when there is none.
func Identify(pid int) Identity {
	s, _ := read(pid)
	return Identity{PID: pid, Started: s.started}
}

// Alive tells whether the process still exists, a zombie included.
func (id Identity) Alive() bool {
	s, err := read(id.PID)
	return err == nil && s.started == id.Started
}

// Paused tells whether the process is stopped by a signal.
func (id Identity) Paused() bool {
	s, err := read(id.PID)
	return err == nil && s.started == id.Started && s.state == "T"
}

// Resident is the resident memory of the process that has that pid, in bytes; 0 when there is none, or where the system
// doesn't tell.
func Resident(pid int) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, pages uint64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// stat is what /proc/<pid>/stat says.
type stat struct {
	state   string // one letter
	parent  int
	group   int
	started uint64
}

// read reads fields 3 to 5 and 22. The name in field 2 may hold spaces and brackets, so counting begins after it.
func read(pid int) (s stat, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return s, fmt.Errorf("/proc/%d/stat reads %q", pid, text)
	}
	s.state = fields[0]
	s.started, err = strconv.ParseUint(fields[19], 10, 64)
	if err == nil {
		s.parent, err = strconv.Atoi(fields[1])
	}
	if err == nil {
		s.group, err = strconv.Atoi(fields[2])
	}
	return s, err
}
