package chain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/kvvm"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// RateConfig says how a network is loaded in an open loop: transactions are posted when they are due, whatever has
// become of those before, as users do.
type RateConfig struct {
	Reeve    string
	DataDir  string // of a running network; empty: one of our own
	Fresh    int    // validators of our own network
	PerSec   int    // transactions per second, over all nodes
	For      time.Duration
	Size     int
	Progress io.Writer
}

const (
	clients    = 8                      // accounts that post, each in the order of its nonces
	retryPause = 20 * time.Millisecond  // before a post that failed is tried at the next node
	drainLimit = 20 * time.Second       // for what was acknowledged last to become final
	drainPoll  = 100 * time.Millisecond // between looks whether it has
)

// Rate loads a network and reports how long transactions take from when they were due until all nodes have told of
// their block, what was acknowledged and never became final, and the longest time without a new block anywhere.
func Rate(ctx context.Context, cfg RateConfig) (bench.Document, error) {
	doc := bench.Document{Bench: "chain", When: time.Now().UTC().Truncate(time.Second), Machine: bench.Machine()}
	n, stop, err := cfg.network(ctx)
	if err != nil {
		return doc, err
	}
	defer stop()
	l := newLedger(len(n.nodes))
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	var watchers sync.WaitGroup
	for i, at := range n.nodes {
		watchers.Go(func() { l.watch(watching, i, at.Client) })
	}
	took, err := n.postAtRate(ctx, cfg, l)
	if err != nil {
		return doc, err
	}
	l.drain(ctx)
	unwatch()
	watchers.Wait()
	lost := l.lost(ctx, n)
	doc.Rows = l.rows(cfg, took, lost)
	return doc, nil
}

func (cfg RateConfig) network(ctx context.Context) (*network, func(), error) {
	if cfg.DataDir != "" {
		n, err := running(ctx, cfg.Reeve, cfg.DataDir)
		return n, func() {}, err
	}
	fmt.Fprintf(cfg.Progress, "starting a network of %d\n", cfg.Fresh)
	n, _, err := up(ctx, cfg.Reeve, cfg.Fresh)
	if err != nil {
		return nil, nil, err
	}
	return n, n.down, nil
}

// postAtRate lets the clients post until the time is over, and returns how long that was.
func (n *network) postAtRate(ctx context.Context, cfg RateConfig, l *ledger) (time.Duration, error) {
	accounts := make([]*account, clients)
	for i := range accounts {
		a, err := n.newAccount(ctx, cfg.Size)
		if err != nil {
			return 0, err
		}
		accounts[i] = a
	}
	began := time.Now()
	interval := time.Second * clients / time.Duration(cfg.PerSec)
	ctx, cancel := context.WithDeadline(ctx, began.Add(cfg.For))
	defer cancel()
	var group sync.WaitGroup
	for i, a := range accounts {
		offset := interval * time.Duration(i) / clients
		group.Go(func() { n.postOnTime(ctx, a, i, began.Add(offset), interval, l) })
	}
	group.Wait()
	return time.Since(began), nil
}

// postOnTime posts one account's transactions when they are due. One that was late is posted at once, and its time
// counts from when it was due.
func (n *network) postOnTime(ctx context.Context, a *account, first int, due time.Time, interval time.Duration,
	l *ledger) {
	for at := first; ; due = due.Add(interval) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		_, tx := a.next()
		l.due(tx, due)
		for ctx.Err() == nil {
			err := n.nodes[at%len(n.nodes)].Post(ctx, tx)
			if err == nil || alreadyThere(err) {
				l.acknowledged(tx)
				break
			}
			if ctx.Err() != nil {
				return // the time is over: the node isn't to blame
			}
			l.failed()
			at++ // that node is down, or full: the next one
			time.Sleep(retryPause)
		}
		at++
	}
}

// alreadyThere tells whether a node refused a transaction because an earlier try had arrived.
func alreadyThere(err error) bool {
	var refused *kv.Refused
	return errors.As(err, &refused) && refused.Status == 409
}

// id is a transaction's id as nodes tell of it.
func id(tx *kvvm.Tx) primitives.Hash { return tx.ID() }
