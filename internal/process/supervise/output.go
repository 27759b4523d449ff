package supervise

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reevenet/reeve/internal/process/logfile"
	"github.com/reevenet/reeve/internal/process/proc"
)

const (
	// pipeRoom lets a process go on for a while when this one is late with its output.
	pipeRoom = 1 << 20
	// outputGrace is how long the rest of an ended process's output is waited for: somebody else may hold its pipe.
	outputGrace = time.Second
	maxLine     = 1 << 10 // of what is remembered of a line
)

// output is what one run of a process writes: it goes to the log, and its last words are remembered as the reason of
// its death.
type output struct {
	log  io.Writer
	read *os.File
	done chan struct{}

	mu    sync.Mutex
	rest  []byte // of a line that hasn't ended
	words proc.LastWords
}

// newOutput returns what takes the output, and the file that the process is to write to.
func newOutput(log io.Writer) (*output, *os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	if raw, err := read.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeRoom) }) //nolint:errcheck // less will do
	}
	return &output{log: log, read: read, done: make(chan struct{})}, write, nil
}

// drain reads until nobody can write any more.
func (o *output) drain() {
	defer close(o.done)
	defer o.read.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := o.read.Read(buf)
		o.log.Write(buf[:n]) //nolint:errcheck // see logfile
		o.look(buf[:n])
		if err != nil {
			return
		}
	}
}

// lines are those that tell most about the end of the process: of a crash, or else the last.
func (o *output) lines() []string {
	select {
	case <-o.done:
	case <-time.After(outputGrace):
		o.read.SetReadDeadline(time.Now()) //nolint:errcheck // it has ended meanwhile
		<-o.done
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.rest) > 0 {
		o.words.Add(string(o.rest))
		o.rest = nil
	}
	return o.words.Lines()
}

func (o *output) look(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		head, tail, whole := bytes.Cut(p, []byte("\n"))
		o.rest = append(o.rest, head[:min(len(head), maxLine-len(o.rest))]...)
		if !whole {
			return
		}
		o.words.Add(string(o.rest))
		o.rest, p = o.rest[:0], tail
	}
}

// openLog opens the log of a process.
func openLog(path string) (io.WriteCloser, error) {
	if path == "" {
		return passing{os.Stderr}, nil
	}
	return logfile.Open(path, logfile.Default, nil)
}

// passing writes to what isn't its own to close.
type passing struct{ io.Writer }

// Close is io.Closer.
func (passing) Close() error { return nil }
