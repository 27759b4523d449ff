package vmsdk

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/reevenet/reeve/internal/bus/intercept"
)

const (
	// gossipPause is the least time between two messages. The first transaction after a quiet moment is sent at once;
	// when many come, they travel together.
	gossipPause = 5 * time.Millisecond
	// maxGossip is the size of one gossip message, in bytes; a larger batch travels in several.
	maxGossip = 128 << 10
	// maxGossipTxs bounds what a stranger's message makes us check.
	maxGossipTxs = 4096
	// repeatAfter is when a transaction that still waits is sent again; the pause doubles each time, so that a network
	// that lags isn't sent more.
	repeatAfter = 2 * time.Second
	// heardOf is how often a transaction counts as sent when it came from another node: that node repeats it, and this
	// one joins in only if it waits much longer.
	heardOf = 3
)

var everyone = SendConfig{Peers: math.MaxInt32}

// outbox is what is to be sent.
type outbox struct {
	txs       [][]byte
	trace     string // of one of them
	scheduled bool
	emptied   time.Time
	repeating bool
}

// tell has a transaction that can run now sent to the other nodes, if its user came to this one.
func (m *Mempool[T]) tell(p *pending[T]) {
	if p.own {
		m.outbox.txs = append(m.outbox.txs, p.tx.Bytes())
	}
}

// schedule sees to it that the outbox is emptied soon, and that what waits long is sent again.
func (m *Mempool[T]) schedule() {
	m.mu.Lock()
	o := &m.outbox
	flush, repeat := len(o.txs) > 0 && !o.scheduled, len(m.byID) > 0 && !o.repeating
	pause := max(0, o.emptied.Add(gossipPause).Sub(m.chain.Now()))
	o.scheduled, o.repeating = o.scheduled || flush, o.repeating || repeat
	m.mu.Unlock()
	if flush {
		m.chain.After(pause, m.flush)
	}
	if repeat {
		m.chain.After(repeatAfter, m.repeat)
	}
}

func (m *Mempool[T]) flush() {
	m.mu.Lock()
	txs, trace := m.outbox.txs, m.outbox.trace
	m.outbox.txs, m.outbox.trace, m.outbox.scheduled, m.outbox.emptied = nil, "", false, m.chain.Now()
	m.mu.Unlock()
	m.send(intercept.Continue(context.Background(), trace), txs)
}

// repeat sends again, with growing pauses, what still waits: a message may be lost, a node may have come later.
func (m *Mempool[T]) repeat() {
	m.mu.Lock()
	var txs [][]byte
	size := 0
	now := m.chain.Now()
	m.expire(now)
	for _, a := range m.order {
		for _, p := range a.waiting[:a.runnable] {
			if size < 4*maxGossip && now.Sub(p.since) >= repeatAfter<<min(p.sent, 8) {
				p.sent++
				txs = append(txs, p.tx.Bytes())
				size += len(p.tx.Bytes())
			}
		}
	}
	again := len(m.byID) > 0
	m.outbox.repeating = again
	m.mu.Unlock()
	m.send(context.Background(), txs)
	if again {
		m.chain.After(repeatAfter, m.repeat)
	}
}

// send sends transactions to everyone, in as few messages as their size allows.
func (m *Mempool[T]) send(ctx context.Context, txs [][]byte) {
	for len(txs) > 0 {
		var message []byte
		count := 0
		for count < min(len(txs), maxGossipTxs) && (count == 0 || len(message)+len(txs[count]) <= maxGossip) {
			message = AppendTx(message, txs[count])
			count++
		}
		if err := m.chain.Sender.SendAppGossip(ctx, everyone, message); err != nil {
			m.chain.Log.Debug("transactions weren't sent to other nodes; they will be sent again", "count", count,
				"err", err)
		}
		txs = txs[count:]
	}
}

// OnGossip takes what another node's Mempool has sent. The bytes may be anything.
func (m *Mempool[T]) OnGossip(message []byte) error {
	txs, err := SplitTxs(message, maxGossipTxs)
	if err != nil {
		return InvalidGossipf("%v", err)
	}
	var errs []error
	for i, o := range m.insert(context.Background(), txs, false) {
		if o.bad {
			return InvalidGossipf("transaction %d: %v", i, o.err)
		}
		errs = append(errs, o.err)
	}
	return errors.Join(errs...)
}

// SplitTxs takes apart a batch of transactions: each has its length before it, as the shortest varint,
// so that a batch has one encoding. Bytes left over are an error.
func SplitTxs(batch []byte, most int) ([][]byte, error) {
	var txs [][]byte
	for len(batch) > 0 {
		size, n := binary.Uvarint(batch)
		if n <= 0 || size > MaxTxSize || size > uint64(len(batch)-n) {
			return nil, Invalidf("transaction %d of the batch doesn't end inside it", len(txs))
		}
		if n > 1 && batch[n-1] == 0 {
			return nil, Invalidf("the length of transaction %d isn't written in its shortest form", len(txs))
		}
		if len(txs) == most {
			return nil, Invalidf("more than %d transactions in one batch", most)
		}
		txs = append(txs, batch[n:n+int(size):n+int(size)])
		batch = batch[n+int(size):]
	}
	return txs, nil
}

// AppendTx adds a transaction to a batch that SplitTxs takes apart.
func AppendTx(batch, tx []byte) []byte {
	return append(binary.AppendUvarint(batch, uint64(len(tx))), tx...)
}

// JoinTxs is the inverse of SplitTxs.
func JoinTxs(txs ...[]byte) (batch []byte) {
	for _, tx := range txs {
		batch = AppendTx(batch, tx)
	}
	return batch
}
