package vmtest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// state is what a database holds.
type state map[string]string

// shownDifferences is how many differences between two states a failure shows.
const shownDifferences = 3

// differs says where s isn't what it should be; empty: nowhere.
func (s state) differs(want state) string {
	keys := maps.Clone(s)
	maps.Copy(keys, want)
	var found []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if got, ok := s[key]; got != want[key] || ok != has(want, key) {
			found = append(found, fmt.Sprintf("%q is %s, not %s", key, s.show(key), want.show(key)))
		}
	}
	if more := len(found) - shownDifferences; more > 0 {
		found = append(found[:shownDifferences], fmt.Sprintf("%d more", more))
	}
	return strings.Join(found, "; ")
}

func has(s state, key string) bool {
	_, ok := s[key]
	return ok
}

func (s state) show(key string) string {
	value, ok := s[key]
	switch {
	case !ok:
		return "absent"
	case len(value) > 32:
		return fmt.Sprintf("%x… (%d bytes)", value[:32], len(value))
	}
	return fmt.Sprintf("%x", value)
}

// outcome is a call's answer in words.
func outcome(b *pb.Block, e *pb.Error) string {
	if err := vmsdk.ErrorFromProto(e); err != nil {
		return "the error {" + err.Error() + "}"
	}
	return "block " + short(b.GetId())
}

// described is what a block says of itself.
func described(b *pb.Block) string {
	return fmt.Sprintf("block %s on %s, height %d, %s",
		short(b.GetId()), short(b.GetParentId()), b.GetHeight(), b.GetTimestamp().AsTime().Format("15:04:05.000"))
}

// outputLines is how many lines of a VM's output are kept.
const outputLines = 30

// output keeps what a VM has logged last or, when it panicked, the panic. It is a slog.Handler.
type output struct {
	mu       sync.Mutex
	lines    []string
	panicked bool
}

// Enabled is true for what may explain a failure.
func (o *output) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle keeps a record's lines.
func (o *output) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	for line := range strings.SplitSeq(text, "\n") {
		if !o.panicked && (strings.Contains(line, "panic: ") || strings.Contains(line, "fatal error: ")) {
			o.lines, o.panicked = nil, true
		}
		if o.panicked && len(o.lines) == outputLines {
			break
		}
		o.lines = append(o.lines, line)
		o.lines = o.lines[max(0, len(o.lines)-outputLines):]
	}
	return nil
}

// WithAttrs ignores them: all lines are the same VM's.
func (o *output) WithAttrs([]slog.Attr) slog.Handler { return o }

// WithGroup ignores it, too.
func (o *output) WithGroup(string) slog.Handler { return o }

func (o *output) last() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.lines)
}
