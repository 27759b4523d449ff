package abuse

import (
	"context"
	"sync"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/proc"
)

// place is one process of one node.
type place struct{ node, kind string }

// memory watches how much memory processes have, and how the nodes are.
type memory struct {
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	pids   map[place]int
	high   map[place]uint64 // since mark was called, in bytes
	causes map[string]bool  // why nodes weren't ready since then
}

const (
	looksAtMemory = 50 * time.Millisecond
	looksAtNodes  = time.Second
)

func watchMemory(ctx context.Context, client *devnet.Client) *memory {
	ctx, cancel := context.WithCancel(ctx)
	m := &memory{cancel: cancel, pids: map[place]int{}}
	m.mark()
	m.running.Go(func() {
		for ctx.Err() == nil {
			m.look()
			pause(ctx, looksAtMemory)
		}
	})
	m.running.Go(func() {
		for ctx.Err() == nil {
			if s, err := client.Status(ctx); err == nil {
				m.note(s)
			}
			pause(ctx, looksAtNodes)
		}
	})
	return m
}

func (m *memory) stop() {
	m.cancel()
	m.running.Wait()
}

// mark begins anew, and returns what has been seen since the last time.
func (m *memory) mark() (high map[place]uint64, causes []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for cause := range m.causes {
		causes = append(causes, cause)
	}
	high = m.high
	m.high, m.causes = map[place]uint64{}, map[string]bool{}
	return high, causes
}

func (m *memory) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for at, pid := range m.pids {
		m.high[at] = max(m.high[at], proc.Resident(pid))
	}
}

func (m *memory) note(s *devnet.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range s.Nodes {
		for _, p := range n.Processes {
			m.pids[place{n.Name, p.Name}] = p.PID
		}
		if !n.Ready {
			m.causes[n.Name+": "+n.Cause] = true
		}
	}
}

// Memory is what the processes of a kind had, of the node that had most, and what one of them has grown.
type Memory struct {
	High  uint64 `json:"highBytes"`
	Grown uint64 `json:"grownBytes"`
}

// compare is what became of each kind of process between a calm time and another.
func compare(calm, other map[place]uint64) map[string]Memory {
	kinds := map[string]Memory{}
	for at, high := range other {
		k := kinds[at.kind]
		k.High = max(k.High, high)
		if before := calm[at]; before > 0 && high > before {
			k.Grown = max(k.Grown, high-before)
		}
		kinds[at.kind] = k
	}
	return kinds
}
