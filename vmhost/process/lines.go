package process

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
)

// lines cuts what is written to it into lines, of any length and also when a line never ends.
type lines struct {
	to func(line string)

	part []byte // of a line that isn't at its end
	cut  int    // bytes of it that found no room
}

// Write takes everything.
func (l *lines) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		piece, after, ended := bytes.Cut(rest, []byte{'\n'})
		kept := min(len(piece), longestLine-len(l.part))
		l.part = append(l.part, piece[:kept]...)
		l.cut += len(piece) - kept
		if ended {
			l.flush()
		}
		rest = after
	}
	return len(p), nil
}

func (l *lines) flush() {
	text := strings.TrimSuffix(string(l.part), "\r")
	if l.cut > 0 {
		text += fmt.Sprintf("… and %d bytes more", l.cut)
	}
	l.part, l.cut = l.part[:0], 0
	l.to(text)
}

// end passes on a last line that has no end.
func (l *lines) end() {
	if len(l.part) > 0 {
		l.flush()
	}
}

// stdout is the plugin's standard output. The first line, the handshake, is the library's, and is remembered for
// errors; what follows isn't: the library's reader gives up at a line of 64 KiB, and then nobody would read.
type stdout struct {
	library *io.PipeWriter
	rest    lines

	mu   sync.Mutex
	text string
	seen bool
}

// read takes everything until the plugin and all that have its output are gone.
func (s *stdout) read(from io.Reader) {
	first := &lines{to: s.first}
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		written := buffer[:n]
		if _, seen := s.get(); !seen {
			line, after, ended := bytes.Cut(written, []byte{'\n'})
			_, _ = first.Write(line)
			written = after
			if ended || err != nil && len(first.part) > 0 {
				first.flush()
			}
		}
		_, _ = s.rest.Write(written)
		if err != nil {
			s.library.Close()
			s.rest.end()
			return
		}
	}
}

// first hands the handshake to the library, which listens until it has failed.
func (s *stdout) first(line string) {
	s.mu.Lock()
	s.seen, s.text = true, line
	s.mu.Unlock()
	_, _ = io.WriteString(s.library, line[:min(len(line), longestHandshake)]+"\n")
	s.library.Close()
}

// longestHandshake is less than what the library's reader gives up at.
const longestHandshake = 16 << 10

// get is the first line, once it has been seen.
func (s *stdout) get() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text, s.seen
}
