package process

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// longestLine is where a line of output is cut, in bytes.
	longestLine = 64 << 10
	// tailLines are kept for error messages.
	tailLines = 20
	// longestDump bounds a goroutine dump in the log.
	longestDump = 256 << 10
)

// output reads what the plugin writes to standard error: records of its log, and the last words of a crash.
type output struct {
	log  *slog.Logger
	done chan struct{}

	mu         sync.Mutex
	tail       []string
	collecting *strings.Builder
	// protocols is the plugin's range of versions, when it has said so.
	protocols [2]int
}

func newOutput(log *slog.Logger) *output { return &output{log: log, done: make(chan struct{})} }

func (o *output) read(f *os.File) {
	defer close(o.done)
	defer f.Close()
	lines := bufio.NewReaderSize(f, longestLine)
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		o.line(string(line))
		for more && err == nil { // the rest of a line that is too long
			_, more, err = lines.ReadLine()
		}
	}
}

// drain waits until everything written has been read; a child that lives on may keep the pipe open, hence the limit.
func (o *output) drain(limit time.Duration) {
	select {
	case <-o.done:
	case <-time.After(limit):
	}
}

func (o *output) line(text string) {
	r, structured := parseRecord(text)
	o.mu.Lock()
	if o.collecting != nil && !structured {
		if o.collecting.Len() < longestDump {
			o.collecting.WriteString(text + "\n")
		}
		o.mu.Unlock()
		return
	}
	shown := text
	if structured {
		shown = r.message
		if r.protocolMax > 0 {
			o.protocols = [2]int{r.protocolMin, r.protocolMax}
		}
	}
	o.tail = append(o.tail, shown[:min(len(shown), 1024)])
	o.tail = o.tail[max(0, len(o.tail)-tailLines):]
	o.mu.Unlock()
	if structured {
		o.log.LogAttrs(context.Background(), r.level, r.message, r.attributes...)
	} else {
		o.log.Warn("the plugin wrote: " + text)
	}
}

// collect gathers plain lines from now on; the returned function ends it and returns them.
func (o *output) collect() func() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := &strings.Builder{}
	o.collecting = b
	return func() string {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.collecting = nil
		return b.String()
	}
}

// last are the newest lines.
func (o *output) last() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.tail)
}

// logRecord is one line of a plugin's structured log.
type logRecord struct {
	level                    slog.Level
	message                  string
	attributes               []slog.Attr
	protocolMin, protocolMax int
}

// parseRecord reads a line as slog's JSON handler writes it. The plugin may write anything.
func parseRecord(line string) (logRecord, bool) {
	if !strings.HasPrefix(line, "{") {
		return logRecord{}, false
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		return logRecord{}, false
	}
	message, ok := fields[slog.MessageKey].(string)
	if !ok {
		return logRecord{}, false
	}
	r := logRecord{message: message}
	if level, ok := fields[slog.LevelKey].(string); ok {
		if r.level.UnmarshalText([]byte(level)) != nil {
			r.level = slog.LevelInfo
		}
	}
	r.protocolMin, r.protocolMax = number(fields["protocolMin"]), number(fields["protocolMax"])
	for _, key := range []string{slog.TimeKey, slog.LevelKey, slog.MessageKey} {
		delete(fields, key)
	}
	for key, value := range fields {
		r.attributes = append(r.attributes, slog.Any(key, value))
	}
	slices.SortFunc(r.attributes, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	return r, true
}

func number(v any) int {
	f, ok := v.(float64)
	if !ok || f < 0 || f > 1e6 {
		return 0
	}
	return int(f)
}

// firstLine remembers the first line of standard output, the handshake, while everything is passed on.
type firstLine struct {
	mu   sync.Mutex
	text string
	seen bool
}

func (f *firstLine) copy(to *io.PipeWriter, from *os.File) {
	defer from.Close()
	lines := bufio.NewReaderSize(from, longestLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			f.note(string(line))
			_, _ = to.Write(line) // nobody listens any more when the handshake has failed
		}
		if err != nil && err != bufio.ErrBufferFull {
			to.Close()
			return
		}
	}
}

func (f *firstLine) note(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.seen {
		f.seen, f.text = true, strings.TrimRight(line, "\r\n")
	}
}

func (f *firstLine) get() (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text, f.seen
}
