package killtest

import (
	"context"
	"sync"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/core/primitives"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// paraWatcher sees the blocks of a relay chain, and what they do to candidates: each once, from whichever node tells it
// first.
type paraWatcher struct {
	*watcher

	mu       sync.Mutex
	included map[primitives.Hash]uint64 // candidates, and the height at which
	timedOut int
	last     time.Time // when the last one was included
	gap      time.Duration
	gapEnd   time.Time // of the longest one
	moves    chan struct{}
}

func watchPara(ctx context.Context, nodes []devnet.NodeStatus) *paraWatcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &paraWatcher{
		watcher: &watcher{
			chain: relayChain, cancel: cancel, blocks: map[uint64]primitives.Hash{}, begun: make(chan struct{}),
		},
		included: map[primitives.Hash]uint64{}, moves: make(chan struct{}, 1),
	}
	for _, n := range nodes {
		w.running.Go(func() {
			for ctx.Err() == nil {
				_ = relayOf(n).watch(ctx, func(b relayvm.Shown) { w.saw(n.Name, b) }) // it comes and goes
				if pause(ctx, 20*time.Millisecond) != nil {
					return
				}
			}
		})
	}
	return w
}

func (w *paraWatcher) saw(node string, b relayvm.Shown) {
	w.accepted(node, kv.Block{Height: b.Height, ID: b.ID})
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range b.Candidates {
		_, known := w.included[h.Candidate]
		switch {
		case h.Event == relayvm.EventTimedOut:
			w.timedOut++
		case h.Event == relayvm.EventIncluded && !known:
			w.include(h.Candidate, b.Height)
		}
	}
}

func (w *paraWatcher) include(candidate primitives.Hash, height uint64) {
	w.included[candidate] = height
	now := time.Now()
	if gap := now.Sub(w.last); !w.last.IsZero() && gap > w.gap {
		w.gap, w.gapEnd = gap, now
	}
	w.last = now
	select {
	case w.moves <- struct{}{}:
	default:
	}
}

// begin begins to look for gaps anew, of the relay chain and of the parachain.
func (w *paraWatcher) begin() {
	w.watcher.begin()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.gap = time.Now(), 0
}

// longestPara is the longest time without an included candidate since, up to now.
func (w *paraWatcher) longestPara() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.gap, time.Since(w.last))
}

// count is how many candidates have been included.
func (w *paraWatcher) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.included)
}

// moving waits until so many more candidates have been included.
func (w *paraWatcher) moving(ctx context.Context, more int) error {
	for to := w.count() + more; w.count() < to; {
		select {
		case <-w.moves:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
