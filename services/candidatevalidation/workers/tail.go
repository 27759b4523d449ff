package workers

import (
	"os"
	"strings"
	"sync"
)

// mostTail is how much of the end of what a worker says is remembered, and of the beginning: a crash begins with what
// happened, and ends with where.
const mostTail = 8 << 10

// tail remembers what a worker writes to its standard error output.
type tail struct {
	mu    sync.Mutex
	first []byte
	done  chan struct{}
}

// follow reads until the end, whatever comes.
func (t *tail) follow(f *os.File) {
	t.done = make(chan struct{})
	go func() {
		defer close(t.done)
		defer f.Close()
		buffer := make([]byte, 4<<10)
		for {
			n, err := f.Read(buffer)
			t.mu.Lock()
			t.first = append(t.first, buffer[:min(n, mostTail-len(t.first))]...)
			t.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
}

// lines returns what was written first. The worker must have ended.
func (t *tail) lines() []string {
	<-t.done
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Split(strings.ToValidUTF8(string(t.first), "?"), "\n")
}
