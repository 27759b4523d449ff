package abuse

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// tally counts what an attacker does and what becomes of it.
type tally struct {
	opened, refused, ended, sent, bytes, heard, called atomic.Uint64

	mu   sync.Mutex
	says []string
}

// Achieved is what an attacker could do.
type Achieved struct {
	Opened  uint64 `json:"opened"`  // connections or links
	Refused uint64 `json:"refused"` // those that weren't had, and requests that got a bad answer
	Ended   uint64 `json:"ended"`   // those that the node ended
	Sent    uint64 `json:"sent"`    // frames or requests that were taken
	Bytes   uint64 `json:"bytes"`   // of these
	Heard   uint64 `json:"heard"`   // bytes that came back
	Called  uint64 `json:"called"`  // calls of the node to where it was told to call

	Wrong []string `json:"wrong,omitempty"` // what the node should have done, or not
}

func (t *tally) achieved() Achieved {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Achieved{
		Opened: t.opened.Load(), Refused: t.refused.Load(), Ended: t.ended.Load(), Sent: t.sent.Load(),
		Bytes: t.bytes.Load(), Heard: t.heard.Load(), Called: t.called.Load(), Wrong: t.says,
	}
}

// wrong notes something that the node should have done, or not.
func (t *tally) wrong(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.says = append(t.says, fmt.Sprintf(format, args...))
}

// sends counts something that was taken.
func (t *tally) sends(bytes int) {
	t.sent.Add(1)
	t.bytes.Add(uint64(bytes))
}

func (a Achieved) String() string {
	var parts []string
	for _, p := range []struct {
		count uint64
		what  string
	}{{a.Sent, "sent"}, {a.Opened, "opened"}, {a.Refused, "refused"}, {a.Ended, "ended"},
		{a.Called, "calls made by the node"}} {
		if p.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.count, p.what))
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("%s there, %s back", size(a.Bytes), size(a.Heard))), ", ")
}

// size is a number of bytes as people read it.
func size(bytes uint64) string {
	switch {
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d B", bytes)
}
