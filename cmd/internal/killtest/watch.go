package killtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/core/primitives"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// watcher sees the blocks that the nodes accept, and how long no node accepts any.
type watcher struct {
	chain   string
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	highest   uint64
	last      time.Time
	gap       time.Duration
	gapEnd    time.Time // of the longest one
	blocks    map[uint64]primitives.Hash
	conflicts []string
	begun     chan struct{}
}

func watch(ctx context.Context, s *devnet.Status, chain string) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{chain: chain, cancel: cancel, blocks: map[uint64]primitives.Hash{}, begun: make(chan struct{})}
	for _, n := range s.Nodes {
		w.running.Go(func() { w.follow(ctx, n.Name, kv.New(n.HTTP, chain)) })
	}
	return w
}

// stop ends the watching; what was seen stays as it is.
func (w *watcher) stop() {
	w.cancel()
	w.running.Wait()
}

// follow listens to one node, again and again while it comes and goes.
func (w *watcher) follow(ctx context.Context, node string, c *kv.Client) {
	for ctx.Err() == nil {
		if blocks, err := c.Watch(ctx); err == nil {
			for b := range blocks {
				w.accepted(node, b)
			}
		}
		if pause(ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}

func (w *watcher) accepted(node string, b kv.Block) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known, ok := w.blocks[b.Height]; ok && known != b.ID {
		w.conflicts = append(w.conflicts,
			fmt.Sprintf("height %d: %s accepted %s, another node %s", b.Height, node, b.ID.Short(), known.Short()))
	}
	w.blocks[b.Height] = b.ID
	if b.Height <= w.highest {
		return
	}
	now := time.Now()
	if w.last.IsZero() {
		close(w.begun)
	} else if gap := now.Sub(w.last); gap > w.gap {
		w.gap, w.gapEnd = gap, now
	}
	w.highest, w.last = b.Height, now
}

// conflictsNow are the heights at which nodes have accepted two blocks.
func (w *watcher) conflictsNow() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.conflicts)
}

// height is the highest that any node has accepted.
func (w *watcher) height() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.highest
}

// begin begins to look for gaps anew.
func (w *watcher) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.gap = time.Now(), 0
}

// longest is the longest gap since, up to now.
func (w *watcher) longest() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.gap, time.Since(w.last))
}

// first waits until the chain moves.
func (w *watcher) first(ctx context.Context) error {
	select {
	case <-w.begun:
		return nil
	case <-time.After(putTimeout):
		return fmt.Errorf("no block was accepted within %v", putTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}
