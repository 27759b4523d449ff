package comet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	posters   = 4                    // connections that post at the same time
	fullPause = 5 * time.Millisecond // before posting again after the mempool was full
	readPoll  = 2 * time.Millisecond // between reads while waiting for a key
	readLimit = 30 * time.Second     // a transaction that isn't readable by then fails the run
	settle    = 4                    // the load's first 1/settle isn't counted
	slowest   = 60 * time.Second     // upper end of the histogram
)

// Load posts transactions to one validator as fast as it takes them, for a while, and returns how many per second
// another one committed once the first quarter of that time was over.
func (n *Network) Load(ctx context.Context, profile Profile, size int, length time.Duration) (perSecond float64,
	committed int, err error) {
	posted := make(chan error, 1)
	go func() { posted <- n.post(ctx, profile.Batch, size, length) }()
	time.Sleep(length / settle)
	first, began, err := n.committed(ctx)
	if err != nil {
		return 0, 0, errors.Join(err, <-posted)
	}
	if err := <-posted; err != nil {
		return 0, 0, err
	}
	last, ended, err := n.committed(ctx)
	return float64(last-first) / ended.Sub(began).Seconds(), last, err
}

// committed is how many transactions the last validator has committed so far.
func (n *Network) committed(ctx context.Context) (txs int, at time.Time, err error) {
	last := n.validators[len(n.validators)-1]
	at = time.Now()
	height, err := last.height(ctx)
	if err != nil {
		return 0, at, err
	}
	blocks, err := last.blocks(ctx, 1, height)
	for _, b := range blocks {
		txs += b.txs
	}
	return txs, at, err
}

// post runs the posters until the time is over.
func (n *Network) post(ctx context.Context, batch, size int, length time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var next atomic.Uint64
	var group sync.WaitGroup
	failed := make(chan error, posters)
	for range posters {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := n.postBatch(ctx, &next, batch, size); err != nil && ctx.Err() == nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return fmt.Errorf("post: %w", err)
	default:
		return nil
	}
}

// postBatch posts new transactions; when not all were taken it waits a little. What was refused is not posted again:
// its number is simply never used.
func (n *Network) postBatch(ctx context.Context, next *atomic.Uint64, batch, size int) error {
	txs := make([][]byte, batch)
	for i := range txs {
		_, txs[i] = transaction("load", next.Add(1), size)
	}
	taken, err := n.validators[0].submit(ctx, txs)
	if err == nil && taken < batch {
		time.Sleep(fullPause)
	}
	return err
}

// Latency posts one transaction after the other to the first validator and measures until each can be read on all.
func (n *Network) Latency(ctx context.Context, size, count int) (p50, p99 time.Duration, err error) {
	times := hdrhistogram.New(1, slowest.Nanoseconds(), 3)
	for i := range count {
		key, tx := transaction("probe", uint64(i), size)
		begin := time.Now()
		if taken, err := n.validators[0].submit(ctx, [][]byte{tx}); err != nil || taken != 1 {
			return 0, 0, fmt.Errorf("post: taken %d: %w", taken, orFull(err))
		}
		if err := n.waitReadable(ctx, key); err != nil {
			return 0, 0, err
		}
		_ = times.RecordValue(time.Since(begin).Nanoseconds())
	}
	return time.Duration(times.ValueAtQuantile(50)), time.Duration(times.ValueAtQuantile(99)), nil
}

func orFull(err error) error {
	if err == nil {
		return errFull
	}
	return err
}

func (n *Network) waitReadable(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	for _, v := range n.validators {
		for {
			found, err := v.has(ctx, key)
			if err != nil {
				return fmt.Errorf("read %s: %w", key, err)
			}
			if found {
				break
			}
			time.Sleep(readPoll)
		}
	}
	return nil
}

// transaction is key=value of exactly size bytes, what the built-in store understands.
func transaction(kind string, number uint64, size int) (string, []byte) {
	key := fmt.Sprintf("%s%016x", kind, number)
	tx := append([]byte(key), '=')
	for len(tx) < size {
		tx = append(tx, 'x')
	}
	return key, tx
}
