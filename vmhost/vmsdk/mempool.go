package vmsdk

import (
	"cmp"
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
	// DefaultMaxTxs is a few full blocks. What waits behind them has been checked too early: its turn is seconds away,
	// and the checks took their time from the blocks before it. It is better to have users come again.
	DefaultMaxTxs = 20_000
	// MaxTxSize is the largest transaction, in bytes.
	MaxTxSize = 64 << 10
	// maxAhead is how many transactions of one sender wait.
	maxAhead = 20_000
	// maxIntake is how many transactions are checked together, or as many as come together: more would let each wait
	// for longer.
	maxIntake = 1024
	// maxListed is how many senders one Pick looks at.
	maxListed = 8192
)

// Mempool keeps transactions that wait for a block, notifies the engine that there are some, and sends each to all
// other nodes at once. It is safe for concurrent use.
type Mempool[T Tx] struct {
	chain  *Chain
	check  func(contents [][]byte) ([]T, []error)
	maxTxs int

	// checking lets one batch at a time be checked: many at once would finish no sooner, and leave a block call, which
	// the whole network waits for, only a small share of the processor. What comes meanwhile is checked together next:
	// a signature among many costs less than half.
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
	sent  int // how often other nodes have been sent it
}

type account[T Tx] struct {
	sender string
	// waiting is sorted by nonce.
	waiting []*pending[T]
	listed  bool
}

// NewMempool makes one. check decodes transactions and checks what can be checked without other transactions, many at
// once so that signatures can be verified as a batch; it returns a transaction or an error for each, and may be called
// concurrently.
func NewMempool[T Tx](chain *Chain, maxTxs int, check func(contents [][]byte) ([]T, []error)) *Mempool[T] {
	if maxTxs == 0 {
		maxTxs = DefaultMaxTxs
	}
	return &Mempool[T]{
		chain: chain, check: check, maxTxs: maxTxs, checking: make(chan struct{}, 1),
		byID: map[ID]*pending[T]{}, senders: map[string]*account[T]{},
	}
}

// Add takes transactions from a user of this node and sends them to the other nodes. An element of errs is nil when the
// transaction waits now (or waited already).
func (m *Mempool[T]) Add(contents ...[]byte) (ids []ID, errs []error) {
	return m.AddContext(context.Background(), contents...)
}

// AddContext is Add for transactions that a user's request brings: where both are traced, they are linked.
func (m *Mempool[T]) AddContext(request context.Context, contents ...[]byte) (ids []ID, errs []error) {
	for _, o := range m.insert(request, contents, true) {
		ids, errs = append(ids, o.id), append(errs, o.err)
	}
	return ids, errs
}

// offer is a transaction that somebody brings.
type offer struct {
	content []byte
	id      ID
	own     bool // from a user of this node
	request context.Context
	err     error
}

// intake is what is checked together. The first to come checks it, for all.
type intake struct {
	offers []offer
	done   chan struct{}
}

// insert checks what isn't known yet and keeps what is good.
func (m *Mempool[T]) insert(request context.Context, contents [][]byte, own bool) []offer {
	offers := make([]offer, len(contents))
	for i, c := range contents {
		offers[i] = offer{content: c, id: IDOf(c), own: own, request: request}
	}
	m.mu.Lock()
	in := m.gathering
	first := in == nil || len(in.offers)+len(offers) > maxIntake
	if first {
		in = &intake{done: make(chan struct{})}
		m.gathering = in
	}
	from := len(in.offers)
	in.offers = append(in.offers, offers...)
	m.mu.Unlock()
	if first {
		m.checkAll(in)
	} else {
		<-in.done
	}
	return in.offers[from : from+len(offers)]
}

// errUnchecked stands until a transaction has been checked: if the check panics, nobody learns that it was taken.
var errUnchecked = errors.New("the transaction could not be checked; post it again")

// checkAll checks what has gathered.
func (m *Mempool[T]) checkAll(in *intake) {
	m.checking <- struct{}{}
	defer func() { <-m.checking }()
	defer close(in.done)
	fresh := m.fresh(in)
	contents := make([][]byte, len(fresh))
	for i, o := range fresh {
		contents[i] = o.content
	}
	txs, refused := m.check(contents)
	if kept, trace := m.keep(fresh, txs, refused); kept {
		m.chain.pending(trace)
		m.schedule()
	}
}

// fresh ends the gathering and lists what isn't known yet, unchecked.
func (m *Mempool[T]) fresh(in *intake) (fresh []*offer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gathering == in {
		m.gathering = nil
	}
	for i := range in.offers {
		o := &in.offers[i]
		switch _, known := m.byID[o.id]; {
		case known:
		case len(o.content) > MaxTxSize:
			o.err = Invalidf("a transaction of %d bytes; at most %d are allowed", len(o.content), MaxTxSize)
		case len(m.byID)+len(fresh) >= m.maxTxs:
			o.err = &BusyError{RetryAfter: time.Second}
		default:
			o.err = errUnchecked
			fresh = append(fresh, o)
		}
	}
	return fresh
}

// keep keeps what the check hasn't refused, and says whether there was any, and in which trace.
func (m *Mempool[T]) keep(fresh []*offer, txs []T, refused []error) (kept bool, trace string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, o := range fresh {
		if o.err = refused[i]; o.err == nil {
			o.err = m.put(txs[i], o.own)
		}
		if o.err != nil {
			continue
		}
		kept = true
		waits := m.chain.tracing.waits(o.request, o.id, o.own)
		trace = cmp.Or(trace, waits)
		if o.own {
			m.outbox.txs = append(m.outbox.txs, o.content)
			m.outbox.trace = cmp.Or(m.outbox.trace, waits)
		}
	}
	return kept, trace
}

// Checked keeps transactions that came in a block and were checked there, so that they needn't be checked again when
// they come by themselves, or when the block is rejected. What doesn't fit is left out.
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
		p.sent = heardOf
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
		return cmp.Compare(p.tx.Nonce(), nonce)
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

// NoncesFunc says which nonce is due for each of many senders.
type NoncesFunc func(ctx context.Context, senders []string) ([]uint64, error)

// Pick chooses transactions for a block, senders that wait longest first and each sender's in the order of its nonces.
// next speaks of the state after the block's parent; fits ends the choice by saying no.
func (m *Mempool[T]) Pick(ctx context.Context, next NoncesFunc, fits func(T) bool) ([]T, error) {
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
			m.chain.tracing.link(p.tx.ID())
			nonce++
		}
	}
	return picked, nil
}

// listed is a copy of the first senders in order, without those that have nothing any more. The first goes to the end
// of the list, so that a sender with endless transactions can't keep the others out; when there are more than one Pick
// looks at, all it has looked at go there.
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

// Accepted drops each sender's transactions below the nonce that is due now. It notifies the engine again when others
// wait.
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
			m.chain.tracing.link(p.tx.ID())
		}
		a.waiting = slices.Delete(a.waiting, 0, done)
	}
	m.mu.Unlock()
	m.Wanted()
}

// Wanted notifies the engine that transactions wait, if some do: for a block that was rejected.
func (m *Mempool[T]) Wanted() {
	if m.Len() > 0 {
		m.chain.Notify(EventPendingTxs)
	}
}
