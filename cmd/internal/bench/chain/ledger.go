package chain

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/kvvm"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// ledger knows of every transaction when it was due, whether a node took it, and which nodes have told of its block.
type ledger struct {
	nodes int

	mu       sync.Mutex
	open     map[primitives.Hash]*posted
	times    *hdrhistogram.Histogram // from due to told by all, in microseconds
	acked    int
	refusals int
	height   uint64
	heard    time.Time // when a new height was first told of
	gap      time.Duration
}

type posted struct {
	due   time.Time
	acked bool
	told  uint64 // one bit per node
}

const rewatch = 50 * time.Millisecond // before listening again to a node that went away

func newLedger(nodes int) *ledger {
	return &ledger{nodes: nodes, open: map[primitives.Hash]*posted{},
		times: hdrhistogram.New(1, slowest.Microseconds(), 3), heard: time.Now()}
}

func (l *ledger) due(tx *kvvm.Tx, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[id(tx)] = &posted{due: at}
}

func (l *ledger) acknowledged(tx *kvvm.Tx) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked++
	if p := l.open[id(tx)]; p != nil {
		p.acked = true
	}
}

func (l *ledger) failed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusals++
}

// watch listens to a node until ctx ends; when the node goes away it listens again.
func (l *ledger) watch(ctx context.Context, node int, client *kv.Client) {
	for ctx.Err() == nil {
		blocks, err := client.Watch(ctx)
		if err == nil {
			for b := range blocks {
				l.told(node, b, time.Now())
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(rewatch):
		}
	}
}

// told notes that a node has accepted a block.
func (l *ledger) told(node int, b kv.Block, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.Height > l.height {
		l.gap = max(l.gap, now.Sub(l.heard))
		l.height, l.heard = b.Height, now
	}
	for _, tx := range b.Txs {
		p := l.open[tx]
		if p == nil {
			continue
		}
		p.told |= 1 << node
		if p.told == 1<<l.nodes-1 {
			delete(l.open, tx)
			_ = l.times.RecordValue(min(now.Sub(p.due), slowest).Microseconds())
		}
	}
}

// drain waits until all nodes have told of everything that was acknowledged, for a while at most: a node that was away
// does not tell of what it caught up with.
func (l *ledger) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	for l.waiting() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(drainPoll):
		}
	}
}

// waiting counts what was acknowledged and nobody has told of.
func (l *ledger) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := 0
	for _, p := range l.open {
		if p.acked && p.told == 0 {
			waiting++
		}
	}
	return waiting
}

// lost asks the nodes for every acknowledged transaction that not all have told of, and counts those that a node
// doesn't have.
func (l *ledger) lost(ctx context.Context, n *network) int {
	l.mu.Lock()
	var doubtful []primitives.Hash
	for tx, p := range l.open {
		if p.acked {
			doubtful = append(doubtful, tx)
		}
	}
	l.mu.Unlock()
	lost := 0
	for _, tx := range doubtful {
		if !n.allHave(ctx, tx) {
			lost++
		}
	}
	return lost
}

func (n *network) allHave(ctx context.Context, tx primitives.Hash) bool {
	for _, at := range n.nodes {
		if s, err := at.Tx(ctx, tx); err != nil || !s.Accepted() {
			return false
		}
	}
	return true
}

var (
	none      = bench.Target{Floor: bench.AtMost(0)}
	gapTarget = bench.Target{Floor: bench.AtMost(3000)}
)

func (l *ledger) rows(cfg RateConfig, took time.Duration, lost int) []bench.Row {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := func(quantile float64) []float64 { return []float64{float64(l.times.ValueAtQuantile(quantile)) / 1000} }
	load := fmt.Sprintf("at %d/s", cfg.PerSec)
	rows := []bench.Row{
		bench.Absolute("acknowledged "+load, "/s", bench.Target{Floor: bench.AtLeast(0.95 * float64(cfg.PerSec))},
			[]float64{float64(l.acked) / took.Seconds()}),
		bench.Absolute("due until told by all nodes "+load+", p50", "ms", finalityTarget, at(50)),
		bench.Absolute("due until told by all nodes "+load+", p99", "ms", bench.Target{}, at(99)),
		bench.Absolute("longest time without a new block", "ms", gapTarget, []float64{millis(l.gap)}),
		bench.Absolute("posts that a node refused or didn't answer", "posts", bench.Target{},
			[]float64{float64(l.refusals)}),
		bench.Absolute("acknowledged and not on all nodes", "transactions", none, []float64{float64(lost)}),
	}
	for i := range rows {
		rows[i].N = l.acked
	}
	return rows
}
