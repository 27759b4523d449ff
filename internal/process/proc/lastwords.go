package proc

// mostWords bounds how many lines are remembered of what a process writes, and how many of its crash.
const mostWords = 20

// LastWords are the lines of what a process writes that tell most about its end: those with which the Go runtime began
// to report a crash, which its stacks and registers would drive out, or else the last.
type LastWords struct{ last, crash []string }

// Add takes the next line.
func (w *LastWords) Add(line string) {
	if BeginsCrash(line) {
		w.crash = []string{}
	}
	if w.crash != nil && len(w.crash) < mostWords {
		w.crash = append(w.crash, line)
	}
	if len(w.last) == mostWords {
		w.last = w.last[1:]
	}
	w.last = append(w.last, line)
}

// Lines are the words, oldest first.
func (w *LastWords) Lines() []string {
	if w.crash != nil {
		return w.crash
	}
	return w.last
}
