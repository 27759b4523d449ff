package abuse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

const (
	// openRate is how many transactions a second are put whatever becomes of those before, to each node in turn; beside
	// them one after the other is put to the node that is attacked.
	openRate = 20
	// patience is how long the honest client waits for one.
	patience = 10 * time.Second
	// mostOpen is for how many it waits at once.
	mostOpen = 200
)

// sample is one transaction of the honest client.
type sample struct {
	began time.Time
	took  time.Duration // 0: it isn't final yet
}

// honest is a client that does what clients do, and measures how long it takes from the first word to finality.
type honest struct {
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	samples []*sample
	failed  int // those of which no node has told in time that they are final
}

// honestClient begins with clients of all nodes, the one that is attacked first.
func honestClient(ctx context.Context, nodes []*kv.Client) *honest {
	ctx, cancel := context.WithCancel(ctx)
	h := &honest{cancel: cancel}
	h.running.Go(func() {
		for ctx.Err() == nil {
			h.put(ctx, nodes[0])
		}
	})
	slots := make(chan struct{}, mostOpen)
	h.running.Go(func() {
		often(ctx, openRate, func(i int) error { //nolint:errcheck // it ends with ctx
			select {
			case slots <- struct{}{}:
				h.running.Go(func() {
					h.put(ctx, nodes[i%len(nodes)])
					<-slots
				})
			default: // all wait: their age is what counts
			}
			return nil
		})
	})
	return h
}

// history gives the chain blocks of some size, so that there is something to ask for.
func history(ctx context.Context, at *kv.Client) error {
	value := strings.Repeat("v", 16<<10)
	return together(8, func(writer int) error {
		account := kv.NewAccount()
		for nonce := range uint64(50) {
			short, cancel := context.WithTimeout(ctx, 2*patience)
			_, err := at.Put(short, account, nonce, fmt.Sprint("history-", writer), value)
			cancel()
			if err != nil {
				return fmt.Errorf("making a history: %w", err)
			}
		}
		return nil
	})
}

func (h *honest) put(ctx context.Context, at *kv.Client) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := &sample{began: time.Now()}
	h.mu.Lock()
	h.samples = append(h.samples, s)
	h.mu.Unlock()
	_, err := at.Put(ctx, kv.NewAccount(), 0, fmt.Sprintf("honest-%d", s.began.UnixNano()%1000), "x")
	if err != nil {
		<-ctx.Done() // refused or not answered: not final for as long as it was waited for
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.took = time.Since(s.began)
	if err != nil {
		h.failed++
	}
}

func (h *honest) stop() {
	h.cancel()
	h.running.Wait()
}

// failures counts what wasn't final in time.
func (h *honest) failures() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

// span is a time in which transactions are begun.
type span struct{ from, to time.Time }

// in lists how long the transactions that were begun in some spans took; of those that aren't final, how old they are.
func (h *honest) in(spans ...span) (took []time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.samples {
		for _, w := range spans {
			if s.began.Before(w.from) || !s.began.Before(w.to) {
				continue
			}
			if s.took > 0 {
				took = append(took, s.took)
			} else {
				took = append(took, time.Since(s.began))
			}
		}
	}
	slices.Sort(took)
	return took
}

// quantile is the value that so many of a hundred don't exceed, of a sorted list.
func quantile(list []time.Duration, percent int) time.Duration {
	if len(list) == 0 {
		return 0
	}
	return list[(len(list)-1)*percent/100]
}

// calmAgain waits until a second begins, from a moment on, in which p99 is within a bound, and tells how much later
// that is; limit if it takes longer.
func (h *honest) calmAgain(ctx context.Context, from time.Time, within, limit time.Duration) time.Duration {
	for begin := from; begin.Sub(from) < limit && ctx.Err() == nil; begin = begin.Add(100 * time.Millisecond) {
		w := span{begin, begin.Add(time.Second)}
		pause(ctx, time.Until(w.to.Add(within))) // what isn't final then is too late
		if list := h.in(w); len(list) >= openRate/2 && quantile(list, 99) <= within {
			return begin.Sub(from)
		}
	}
	return limit
}
