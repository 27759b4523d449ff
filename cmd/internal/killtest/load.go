package killtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/core/primitives"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// load posts transactions at a steady rate, to one node after another, and remembers those that were told final.
type load struct {
	clients  []*kv.Client
	patience time.Duration // how long one transaction may take
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex
	posted int
	final  []primitives.Hash
	took   []time.Duration // of each of those, from posting it until it was told final
	failed int             // never told final: the node that had been asked was killed, or too slow
}

// maxWaiting bounds the transactions that wait for their end at any time.
const maxWaiting = 500

// putTimeout is how long one transaction usually may take, through kills and restarts of the node that it was posted
// to.
const putTimeout = 15 * time.Second

func start(ctx context.Context, s *devnet.Status, chain string, rate float64) *load {
	return startFor(ctx, s, chain, rate, putTimeout)
}

func startFor(ctx context.Context, s *devnet.Status, chain string, rate float64, patience time.Duration) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{clients: clientsOf(s, chain), cancel: cancel, patience: patience}
	l.running.Go(func() { l.post(ctx, time.Duration(float64(time.Second)/rate)) })
	return l
}

func (l *load) post(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	slots := make(chan struct{}, maxWaiting)
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case slots <- struct{}{}:
		default:
			continue // the network is slower than the rate
		}
		l.running.Go(func() {
			defer func() { <-slots }()
			l.put(ctx, i)
		})
	}
}

// put posts one transaction. A node whose door is shut is passed over, as a client with several nodes does.
func (l *load) put(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.patience)
	defer cancel()
	l.count(&l.posted)
	account, key := kv.NewAccount(), fmt.Sprintf("load-%d", i%1000)
	for attempt := 0; ctx.Err() == nil; attempt++ {
		f, err := l.clients[(i+attempt)%len(l.clients)].Put(ctx, account, 0, key, fmt.Sprint(i))
		if err == nil {
			l.mu.Lock()
			l.final = append(l.final, f.Tx)
			l.took = append(l.took, time.Duration(f.Millis*float64(time.Millisecond)))
			l.mu.Unlock()
			return
		}
		_ = pause(ctx, 20*time.Millisecond) // a node that is being started refuses at once
	}
	l.count(&l.failed)
}

func (l *load) count(what *int) {
	l.mu.Lock()
	*what++
	l.mu.Unlock()
}

func (l *load) finals() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.final)
}

// add takes over what another load has counted.
func (l *load) add(o *load) {
	l.posted, l.failed = l.posted+o.posted, l.failed+o.failed
	l.final, l.took = append(l.final, o.final...), append(l.took, o.took...)
}

// stop ends the load and waits for what was posted.
func (l *load) stop() {
	l.cancel()
	l.running.Wait()
}
