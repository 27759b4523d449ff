package vmsdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Tx is a transaction as a Mempool sees it.
type Tx interface {
	// ID is the transaction's name, the SHA-256 of its bytes.
	ID() ID
	// Sender is the account that it counts for.
	Sender() string
	// Nonce is its place in the sender's order: the first has 0.
	Nonce() uint64
	// Bytes is the transaction as it was sent.
	Bytes() []byte
}

// Limits of a Mempool.
const (
	// DefaultMaxTxs is a few full blocks. What waits behind them has been checked too early: its turn is seconds away, and the
	// checks took their time from the blocks before it. Users are better told to come again.
	DefaultMaxTxs = 20_000
	// MaxTxSize is the largest transaction, in bytes.
	MaxTxSize = 64 << 10
	// maxAhead is how far a nonce may be ahead of the sender's next.
	maxAhead = 20_000
)

// Mempool keeps transactions that wait for a block, tells the engine that there are some, and gives each to all other nodes at
// once. It is safe for concurrent use.
type Mempool[T Tx] struct {
	chain  *Chain
	check  func(contents [][]byte) ([]T, []error)
	maxTxs int

	// checking lets one batch at a time be checked: many at once would finish no sooner, and leave a block call, which the whole
	// network waits for, only a small share of the processor. What comes meanwhile is checked together next: a signature among many costs
	// less than half.
	checking chan struct{}

	mu sync.Mutex
	// gathering is what waits to be checked; nil: nothing does.
	gathering *intake
	byID      map[ID]*pending[T]
	senders   map[string]*account[T]
	// order lists senders with transactions, the one that waits longest first.
	order  []*account[T]
	outbox outbox
}

type pending[T Tx] struct {
	tx    T
	since time.Time
	told  int
}

type account[T Tx] struct {
	sender string
	// waiting is sorted by nonce.
	waiting []*pending[T]
	listed  bool
}

// NewMempool makes one. check decodes transactions and checks what can be checked without other transactions, many at once so
// that signatures can be verified as a batch; it returns a transaction or an error for each, and may be called concurrently.
func NewMempool[T Tx](chain *Chain, maxTxs int, check func(contents [][]byte) ([]T, []error)) *Mempool[T] {
	if maxTxs == 0 {
		maxTxs = DefaultMaxTxs
	}
	return &Mempool[T]{
		chain: chain, check: check, maxTxs: maxTxs, checking: make(chan struct{}, 1), byID: map[ID]*pending[T]{}, senders: map[string]*account[T]{},
	}
}

// Add takes transactions from a user of this node and gives them to the other nodes. An element of errs is nil when the
// transaction waits now (or waited already).
func (m *Mempool[T]) Add(contents ...[]byte) (ids []ID, errs []error) {
	ids = make([]ID, len(contents))
	for i, c := range contents {
		ids[i] = IDOf(c)
	}
	errs = m.insert(contents, ids, true)
	return ids, errs
}

// intake is what is checked together. The first to come checks it, for all.
type intake struct {
	contents [][]byte
	ids      []ID
	own      []bool // came from a user of this node
	errs     []error
	done     chan struct{}
}

// maxIntake is how many transactions are checked together, or as many as come together: more would let each wait for longer.
const maxIntake = 1024

// insert checks what isn't known yet and keeps what is good.
func (m *Mempool[T]) insert(contents [][]byte, ids []ID, own bool) []error {
	m.mu.Lock()
	in := m.gathering
	first := in == nil || len(in.ids)+len(ids) > maxIntake
	if first {
		in = &intake{done: make(chan struct{})}
		m.gathering = in
	}
	from := len(in.ids)
	in.contents, in.ids, in.own = append(in.contents, contents...), append(in.ids, ids...), append(in.own, slices.Repeat([]bool{own}, len(ids))...)
	m.mu.Unlock()
	if first {
		m.take(in)
	} else {
		<-in.done
	}
	return in.errs[from : from+len(ids)]
}

// errUnchecked stands until a transaction has been checked: if the check panics, nobody else is told that it was taken.
var errUnchecked = errors.New("the transaction could not be checked; post it again")

// take checks what has gathered.
func (m *Mempool[T]) take(in *intake) {
	m.checking <- struct{}{}
	defer func() { <-m.checking }()
	defer close(in.done)
	m.mu.Lock()
	if m.gathering == in {
		m.gathering = nil
	}
	in.errs = make([]error, len(in.ids))
	fresh := m.unknown(in)
	m.mu.Unlock()
	ask := make([][]byte, len(fresh))
	for i, at := range fresh {
		ask[i], in.errs[at] = in.contents[at], errUnchecked
	}
	txs, refused := m.check(ask)
	m.mu.Lock()
	added := 0
	for i, at := range fresh {
		if in.errs[at] = refused[i]; in.errs[at] != nil {
			continue
		}
		if in.errs[at] = m.put(txs[i], in.own[at]); in.errs[at] == nil {
			added++
			if in.own[at] {
				m.outbox.add(in.contents[at])
			}
		}
	}
	m.mu.Unlock()
	if added > 0 {
		m.chain.Notify(EventPendingTxs)
		m.schedule()
	}
}

// unknown lists the positions of transactions that aren't waiting yet.
func (m *Mempool[T]) unknown(in *intake) (fresh []int) {
	for i, id := range in.ids {
		switch _, known := m.byID[id]; {
		case known:
		case len(in.contents[i]) > MaxTxSize:
			in.errs[i] = Invalidf("a transaction of %d bytes; at most %d are allowed", len(in.contents[i]), MaxTxSize)
		case len(m.byID)+len(fresh) >= m.maxTxs:
			in.errs[i] = &BusyError{RetryAfter: time.Second}
		default:
			fresh = append(fresh, i)
		}
	}
	return fresh
}

// Checked keeps transactions that came in a block and were checked there, so that they needn't be checked again when they come by
// themselves, or when the block is rejected. What doesn't fit is left out.
func (m *Mempool[T]) Checked(txs ...T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, tx := range txs {
		if len(m.byID) < m.maxTxs {
			_ = m.put(tx, false)
		}
	}
}

// put keeps a transaction. own says that it came from a user of this node.
func (m *Mempool[T]) put(tx T, own bool) error {
	id := tx.ID()
	if _, known := m.byID[id]; known {
		return nil
	}
	a := m.senders[tx.Sender()]
	if a == nil {
		a = &account[T]{sender: tx.Sender()}
	}
	at, taken := a.find(tx.Nonce())
	if taken {
		return fmt.Errorf("another transaction of this sender waits with nonce %d", tx.Nonce())
	}
	if len(a.waiting) >= maxAhead {
		return &BusyError{RetryAfter: time.Second}
	}
	p := &pending[T]{tx: tx, since: m.chain.Now()}
	if !own {
		p.told = heardOf
	}
	a.waiting = slices.Insert(a.waiting, at, p)
	m.byID[id] = p
	m.senders[a.sender] = a
	if !a.listed {
		a.listed = true
		m.order = append(m.order, a)
	}
	return nil
}

func (a *account[T]) find(nonce uint64) (at int, found bool) {
	// Nearly always the new one comes last.
	if n := len(a.waiting); n == 0 || a.waiting[n-1].tx.Nonce() < nonce {
		return n, false
	}
	return slices.BinarySearchFunc(a.waiting, nonce, func(p *pending[T], nonce uint64) int {
		switch n := p.tx.Nonce(); {
		case n < nonce:
			return -1
		case n > nonce:
			return 1
		}
		return 0
	})
}

// Get returns a waiting transaction: one that check has passed.
func (m *Mempool[T]) Get(id ID) (tx T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.byID[id]
	if ok {
		tx = p.tx
	}
	return tx, ok
}

// Len is the number of waiting transactions.
func (m *Mempool[T]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.byID)
}

// NextNonce is the nonce after a sender's waiting transactions that follow one another from next.
func (m *Mempool[T]) NextNonce(sender string, next uint64) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.senders[sender]; a != nil {
		for _, p := range a.waiting {
			if p.tx.Nonce() == next {
				next++
			}
		}
	}
	return next
}

// Pick chooses transactions for a block, senders that wait longest first and each sender's in the order of its nonces. next says,
// for many senders at once, which nonce is due at the block's parent; fits ends the choice by saying no.
func (m *Mempool[T]) Pick(ctx context.Context, next func(ctx context.Context, senders []string) ([]uint64, error), fits func(T) bool) ([]T, error) {
	accounts := m.listed()
	names := make([]string, len(accounts))
	for i, a := range accounts {
		names[i] = a.sender
	}
	due, err := next(ctx, names)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var picked []T
	for i, a := range accounts {
		nonce := due[i]
		start, _ := a.find(nonce)
		for _, p := range a.waiting[start:] {
			if p.tx.Nonce() != nonce {
				break
			}
			if !fits(p.tx) {
				return picked, nil
			}
			picked = append(picked, p.tx)
			nonce++
		}
	}
	return picked, nil
}

// maxListed is how many senders one Pick looks at.
const maxListed = 8192

// listed is a copy of the first senders in order, without those that have nothing any more. The first goes to the end of the list,
// so that a sender with endless transactions can't keep the others out; when there are more than one Pick looks at, all it has looked
// at go there.
func (m *Mempool[T]) listed() []*account[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.order = slices.DeleteFunc(m.order, func(a *account[T]) bool {
		if a.listed = len(a.waiting) > 0; !a.listed {
			delete(m.senders, a.sender)
		}
		return !a.listed
	})
	list := slices.Clone(m.order[:min(len(m.order), maxListed)])
	seen := min(len(m.order), 1)
	if len(m.order) > maxListed {
		seen = maxListed
	}
	m.order = append(m.order[seen:], list[:seen]...)
	return list
}

// Accepted drops a sender's transactions below next, the nonce that is due now. It tells the engine again when others wait.
func (m *Mempool[T]) Accepted(next map[string]uint64) {
	m.mu.Lock()
	for sender, nonce := range next {
		a := m.senders[sender]
		if a == nil {
			continue
		}
		done, _ := a.find(nonce)
		for _, p := range a.waiting[:done] {
			delete(m.byID, p.tx.ID())
		}
		a.waiting = slices.Delete(a.waiting, 0, done)
	}
	left := len(m.byID)
	m.mu.Unlock()
	if left > 0 {
		m.chain.Notify(EventPendingTxs)
	}
}

// Wanted tells the engine that transactions wait, if some do: for a block that was rejected.
func (m *Mempool[T]) Wanted() {
	if m.Len() > 0 {
		m.chain.Notify(EventPendingTxs)
	}
}
