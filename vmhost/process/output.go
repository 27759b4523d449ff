package process

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/reevenet/reeve/internal/process/proc"
)

const (
	// longestLine is where a line of output is cut, in bytes.
	longestLine = 64 << 10
	// longestWord is what is kept of a line for error messages, in bytes.
	longestWord = 1 << 10
	// longestDump bounds a goroutine dump in the log.
	longestDump = 256 << 10
	// loggedPerS is how many bytes of a plugin's output are logged in a second, and loggedAtOnce how many after a
	// time in which there were few. The rest is read all the same, counted and left out: a plugin isn't trusted with
	// the disk.
	loggedPerS   = 32 << 10
	loggedAtOnce = 512 << 10
	// lineCost is what a line costs beside its bytes.
	lineCost = 128
	// tellEvery is how often the log says what was left out.
	tellEvery = time.Second
)

// output takes what the plugin writes, by whatever way and in whatever form: records of its log, what it prints, the
// last words of a crash. It never makes the plugin wait but for the host's own log.
type output struct {
	log *slog.Logger

	reading sync.WaitGroup

	mu         sync.Mutex
	words      proc.LastWords
	collecting *strings.Builder
	budget     *rate.Limiter
	omitted    int // lines since the log has said so
	// protocols is the plugin's range of versions, when it has said so.
	protocols [2]int
}

func newOutput(log *slog.Logger) *output {
	return &output{log: log, budget: rate.NewLimiter(loggedPerS, loggedAtOnce)}
}

// read takes everything from one of the plugin's pipes until nobody has its other end any more.
func (o *output) read(from io.ReadCloser) {
	o.reading.Go(func() {
		defer from.Close()
		w := &lines{to: o.line}
		_, _ = io.Copy(w, from)
		w.end()
	})
}

// drain waits until everything written has been read; a child that lives on may keep the pipe open, hence the limit.
func (o *output) drain(limit time.Duration) {
	done := make(chan struct{})
	go func() {
		o.reading.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
	o.tellOmitted()
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
	o.words.Add(shown[:min(len(shown), longestWord)])
	room := o.roomFor(len(text))
	o.mu.Unlock()
	switch {
	case !room:
	case structured:
		o.log.LogAttrs(context.Background(), r.level, r.message, r.attributes...)
	default:
		o.log.Warn("the plugin wrote: " + text)
	}
}

// roomFor takes a line's bytes from what may be logged now, or counts it as left out.
func (o *output) roomFor(bytes int) bool {
	if o.budget.AllowN(time.Now(), bytes+lineCost) {
		return true
	}
	if o.omitted++; o.omitted == 1 {
		time.AfterFunc(tellEvery, o.tellOmitted)
	}
	return false
}

// tellOmitted has the log say how many lines it is without.
func (o *output) tellOmitted() {
	o.mu.Lock()
	n := o.omitted
	o.omitted = 0
	o.mu.Unlock()
	if n > 0 {
		o.log.Warn(fmt.Sprintf("the plugin writes more than is logged: %d lines left out", n), "bytes per second",
			loggedPerS)
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

// last are the lines that tell most about the plugin's end.
func (o *output) last() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.words.Lines())
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
