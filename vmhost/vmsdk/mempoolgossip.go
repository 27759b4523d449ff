package vmsdk

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"time"
)

const (
	// gossipPause is the least time between two tellings. The first transaction after a quiet moment is told at once; when many come,
	// they travel together.
	gossipPause = 5 * time.Millisecond
	// maxGossip is the size of one gossip message, in bytes; a larger batch travels in several.
	maxGossip = 128 << 10
	// maxGossipTxs bounds what a stranger's message makes us check.
	maxGossipTxs = 4096
	// repeatAfter is when a transaction that still waits is told again; the pause doubles each time, so that a network that
	// lags isn't told more.
	repeatAfter = 2 * time.Second
	// heardOf is how often a transaction counts as told when another node told it: that node repeats it, and this one comes in only
	// if it waits much longer.
	heardOf = 3
)

var everyone = SendConfig{Peers: math.MaxInt32}

// outbox is what waits to be told.
type outbox struct {
	txs       [][]byte
	scheduled bool
	told      time.Time // when it was last emptied
	repeating bool
}

func (o *outbox) add(tx []byte) { o.txs = append(o.txs, tx) }

// schedule sees to it that the outbox is emptied soon, and that what waits long is told again.
func (m *Mempool[T]) schedule() {
	m.mu.Lock()
	flush := len(m.outbox.txs) > 0 && !m.outbox.scheduled
	pause := max(0, m.outbox.told.Add(gossipPause).Sub(m.chain.Now()))
	repeat := !m.outbox.repeating
	m.outbox.scheduled = m.outbox.scheduled || flush
	m.outbox.repeating = true
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
	txs := m.outbox.txs
	m.outbox.txs, m.outbox.scheduled, m.outbox.told = nil, false, m.chain.Now()
	m.mu.Unlock()
	m.tell(txs)
}

// repeat tells again, with growing pauses, what still waits: a message may be lost, a node may have come later.
func (m *Mempool[T]) repeat() {
	m.mu.Lock()
	var txs [][]byte
	size := 0
	now := m.chain.Now()
	for _, a := range m.order {
		for _, p := range a.waiting {
			if size < 4*maxGossip && now.Sub(p.since) >= repeatAfter<<min(p.told, 8) {
				p.told++
				txs = append(txs, p.tx.Bytes())
				size += len(p.tx.Bytes())
			}
		}
	}
	m.outbox.repeating = len(m.byID) > 0
	again := m.outbox.repeating
	m.mu.Unlock()
	m.tell(txs)
	if again {
		m.chain.After(repeatAfter, m.repeat)
	}
}

// tell sends transactions to everyone, in as few messages as their size allows.
func (m *Mempool[T]) tell(txs [][]byte) {
	var message []byte
	count := 0
	send := func() {
		if len(message) == 0 {
			return
		}
		if err := m.chain.Sender.SendAppGossip(context.Background(), everyone, message); err != nil {
			m.chain.Log.Debug("transactions weren't told to other nodes; they will be told again", "count", count, "error", err)
		}
		message, count = nil, 0
	}
	for _, tx := range txs {
		if len(message)+len(tx) > maxGossip || count == maxGossipTxs {
			send()
		}
		message = AppendTx(message, tx)
		count++
	}
	send()
}

// OnGossip takes what another node's Mempool told. The bytes may be anything.
func (m *Mempool[T]) OnGossip(message []byte) error {
	txs, err := SplitTxs(message, maxGossipTxs)
	if err != nil {
		return err
	}
	ids := make([]ID, len(txs))
	for i, tx := range txs {
		ids[i] = IDOf(tx)
	}
	return errors.Join(m.insert(txs, ids, false)...)
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
