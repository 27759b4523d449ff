package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

const (
	readPoll  = 2 * time.Millisecond // between reads while waiting for a key
	readLimit = 30 * time.Second     // a transaction that isn't readable by then fails the run
	slowest   = time.Minute          // upper end of the histograms
)

// probe posts one transaction after the other to the first node and measures until each can be read on all nodes.
func (n *network) probe(ctx context.Context, size, count int) (p50, p99 time.Duration, err error) {
	a, err := n.newAccount(ctx, size)
	if err != nil {
		return 0, 0, err
	}
	times := hdrhistogram.New(1, slowest.Nanoseconds(), 3)
	for range count {
		key, tx := a.next()
		begin := time.Now()
		if err := n.nodes[0].Post(ctx, tx); err != nil {
			return 0, 0, fmt.Errorf("post: %w", err)
		}
		if err := n.waitReadable(ctx, key); err != nil {
			return 0, 0, err
		}
		_ = times.RecordValue(time.Since(begin).Nanoseconds())
	}
	return time.Duration(times.ValueAtQuantile(50)), time.Duration(times.ValueAtQuantile(99)), nil
}

func (n *network) waitReadable(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	for _, at := range n.nodes {
		for {
			_, err := at.Get(ctx, key)
			if err == nil {
				break
			}
			if !errors.Is(err, kv.ErrAbsent) {
				return fmt.Errorf("read %s: %w", key, err)
			}
			time.Sleep(readPoll)
		}
	}
	return nil
}
