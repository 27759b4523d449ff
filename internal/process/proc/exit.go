package proc

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"

	"github.com/reevenet/reeve/internal/process/errcode"
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

// Explain says it in one line. lines are the last that the process wrote, or those of its crash: of one that ended by
// itself or crashed, the most telling are part of it.
func (e Exit) Explain(lines []string) string {
	text := fmt.Sprintf("exited with code %d", e.Code)
	line := telling(lines)
	if e.Signal != 0 {
		text, line = fmt.Sprintf("killed by signal %d (%v)", int(e.Signal), e.Signal), crash(lines)
	}
	if line != "" {
		text += ": " + line
	}
	return text
}

// telling picks what says most: how a crash began, or one of our own numbered errors with what to do, or else the last
// line.
func telling(lines []string) (last string) {
	if begin := crash(lines); begin != "" {
		return begin
	}
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "REEVE-") {
			return strings.Join(append([]string{lines[i]}, errcode.Advice(lines[i+1:])...), " ")
		}
		if last == "" {
			last = strings.TrimSpace(lines[i])
		}
	}
	return last
}

// crashes are how the Go runtime begins to report that it ends the process. A signal that it doesn't outlive is reported
// by its name: SIGQUIT: quit.
var crashes = regexp.MustCompile(`^(panic: |fatal error: |runtime: out of memory|SIG[A-Z0-9]+: )`)

// BeginsCrash tells whether the runtime begins to report a crash with that line.
func BeginsCrash(line string) bool { return crashes.MatchString(line) }

// mostCrash bounds how many lines of a crash are shown: what happened, and where or by which signal.
const mostCrash = 2

// crash is the last crash in the lines, without its stack.
func crash(lines []string) string {
	i := len(lines) - 1
	for i >= 0 && !BeginsCrash(lines[i]) {
		i--
	}
	if i < 0 {
		return ""
	}
	begin := []string{lines[i]}
	for _, line := range lines[i+1:] {
		if line = strings.TrimSpace(line); line == "" || len(begin) == mostCrash {
			break
		}
		if !strings.HasPrefix(line, "PC=") { // of use to nobody without the stack
			begin = append(begin, line)
		}
	}
	return strings.Join(begin, " ")
}
