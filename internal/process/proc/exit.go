package proc

import (
	"fmt"
	"strings"
	"syscall"
)

// Exit is how a process ended.
type Exit struct {
	Code   int            // when it ended by itself
	Signal syscall.Signal // that ended it; 0: none
	Killed bool           // with SIGKILL, by who started it
}

// Exit says how it ended, once it has.
func (c *Child) Exit() Exit {
	<-c.Exited
	e := Exit{Code: c.cmd.ProcessState.ExitCode()}
	if status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Signal = status.Signal()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.Killed = c.killed && e.Signal == syscall.SIGKILL
	return e
}

// Explain says it in one line. lines are the last that the process wrote: of one that ended by itself, the most telling
// is part of it.
func (e Exit) Explain(lines []string) string {
	if e.Signal != 0 {
		return fmt.Sprintf("killed by signal %d (%v)", int(e.Signal), e.Signal)
	}
	text := fmt.Sprintf("exited with code %d", e.Code)
	if line := telling(lines); line != "" {
		text += ": " + line
	}
	return text
}

// telling picks the line that says most: a Go panic's first line, or one of our own numbered errors, or else the last.
func telling(lines []string) (last string) {
	for i := len(lines) - 1; i >= 0; i-- {
		for _, mark := range []string{"panic: ", "fatal error: ", "REEVE-"} {
			if strings.HasPrefix(lines[i], mark) {
				return lines[i]
			}
		}
		if last == "" {
			last = strings.TrimSpace(lines[i])
		}
	}
	return last
}
