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
	// DefaultMaxBytes is as much in large transactions.
	DefaultMaxBytes = 32 << 20
	// MaxTxSize is the largest transaction, in bytes.
	MaxTxSize = 64 << 10
	// maxIntake is how many transactions are checked together, or as many as come together: more would let each wait
	// for longer.
	maxIntake = 1024
	// maxListed is how many senders one Pick looks at; of them maxDoubted have nothing that is known to be able to run:
	// what is known may be old.
	maxListed  = 8192
	maxDoubted = 64
)

// Rules are what a Mempool asks its VM about transactions.
type Rules[T Tx] struct {
	// Parse reads a transaction, whatever the bytes are.
	Parse func(content []byte) (T, error)
	// Next says which nonce of each sender is due after the accepted blocks.
	Next NoncesFunc
	// Check checks what costs more, signatures for example, of many at once: an error for each. nil: there is nothing.
	// What Parse or Check refuses is refused for good, by every node.
	Check func(txs []T) []error
}

// Mempool keeps transactions that wait for a block, notifies the engine that there are some, and sends each to all
// other nodes at once. It is safe for concurrent use. Its rules, which no user and no peer can make it break:
//
//   - A transaction can run when its nonce is its sender's next, after the accepted blocks and what waits before it.
//     What can't has a gap before it, and only a small share of the room: of each sender, and of all together.
//   - What has a gap gives way, the oldest first, to what can run, and to what comes later; it goes after a minute.
//     Other nodes are sent it when it can run.
//   - A sender has a quarter of the room, in number and in bytes.
//   - Nothing is replaced: of two transactions of one sender with one nonce the first stays.
//   - What doesn't fit is refused as busy: whoever brought it comes again. A pool that has been full for a few
//     seconds says so in Health.
//   - What comes by gossip is held to the same. What no honest node sends on, since the VM's Parse or Check refuses
//     it, is invalid gossip, which its sender pays for.
type Mempool[T Tx] struct {
	chain *Chain
	rules Rules[T]
	limit limits

	// checking lets one batch at a time be checked: many at once would finish no sooner, and leave a block call, which
	// the whole network waits for, only a small share of the processor. What comes meanwhile is checked together next:
	// a signature among many costs less than half.
	checking chan struct{}

	mu sync.Mutex
	// gathering is what waits to be checked; nil: nothing does.
	gathering *intake[T]
	byID      map[ID]*pending[T]
	senders   map[string]*account[T]
	// order lists senders with transactions, the one that waits longest first; empty is how many of them have none.
	order []*account[T]
	empty int
	// moved are the nonces that have become due while the check that is under way lasts.
	moved      map[string]uint64
	underCheck bool
	room[T]
	outbox outbox
}

type pending[T Tx] struct {
	tx    T
	of    *account[T]
	since time.Time
	own   bool // from a user of this node
	gap   bool // it can't run yet
	gone  bool
	sent  int // how often other nodes have been sent it
}

type account[T Tx] struct {
	sender string
	// waiting is sorted by nonce; the first so many can run.
	waiting  []*pending[T]
	runnable int
	// due is the sender's next nonce, as far as is known.
	due       uint64
	all, gaps amount
	listed    bool
}

// NewMempool makes one for so many transactions; 0: DefaultMaxTxs.
func NewMempool[T Tx](chain *Chain, maxTxs int, rules Rules[T]) *Mempool[T] {
	return newMempool(chain, amount{cmp.Or(maxTxs, DefaultMaxTxs), DefaultMaxBytes}, rules)
}

func newMempool[T Tx](chain *Chain, most amount, rules Rules[T]) *Mempool[T] {
	return &Mempool[T]{
		chain: chain, rules: rules, limit: limitsOf(most), checking: make(chan struct{}, 1),
		byID: map[ID]*pending[T]{}, senders: map[string]*account[T]{}, moved: map[string]uint64{},
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
type offer[T Tx] struct {
	content []byte
	id      ID
	own     bool // from a user of this node
	request context.Context
	tx      T
	due     uint64 // its sender's next nonce
	err     error
	bad     bool // the error is one for good, on every node
}

// intake is what is checked together. The first to come checks it, for all.
type intake[T Tx] struct {
	offers []offer[T]
	done   chan struct{}
}

// insert checks what isn't known yet and keeps what is good.
func (m *Mempool[T]) insert(request context.Context, contents [][]byte, own bool) []offer[T] {
	offers := make([]offer[T], len(contents))
	for i, c := range contents {
		offers[i] = offer[T]{content: c, id: IDOf(c), own: own, request: request}
	}
	m.mu.Lock()
	in := m.gathering
	first := in == nil || len(in.offers)+len(offers) > maxIntake
	if first {
		in = &intake[T]{done: make(chan struct{})}
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

// checkAll checks what has gathered, what costs most last.
func (m *Mempool[T]) checkAll(in *intake[T]) {
	m.checking <- struct{}{}
	defer func() { <-m.checking }()
	defer close(in.done)
	defer m.checked()
	good := m.worthChecking(m.due(m.parsed(m.fresh(in))))
	if m.rules.Check != nil && len(good) > 0 {
		txs := make([]T, len(good))
		for i, o := range good {
			txs[i] = o.tx
		}
		errs := m.rules.Check(txs)
		for i, o := range good {
			o.refuse(errs[i])
		}
		good = slices.DeleteFunc(good, func(o *offer[T]) bool { return o.bad })
	}
	if runs, trace := m.keep(good); runs {
		m.chain.pending(trace)
	}
	m.schedule()
}

func (m *Mempool[T]) checked() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.underCheck = false
}

// refuse takes what Parse or Check says: an error is for good unless it is the node's own.
func (o *offer[T]) refuse(err error) {
	if err != nil {
		o.err, o.bad = err, true
	}
}

// fresh ends the gathering and lists what isn't known yet, unchecked.
func (m *Mempool[T]) fresh(in *intake[T]) (fresh []*offer[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gathering == in {
		m.gathering = nil
	}
	clear(m.moved)
	m.underCheck = true
	for i := range in.offers {
		o := &in.offers[i]
		switch _, known := m.byID[o.id]; {
		case known:
		case len(o.content) > MaxTxSize:
			o.err = Invalidf("a transaction of %d bytes; at most %d are allowed", len(o.content), MaxTxSize)
		default:
			o.err = errUnchecked
			fresh = append(fresh, o)
		}
	}
	return fresh
}

// parsed reads transactions and sorts them by nonce: what came in the wrong order has no gaps then.
func (m *Mempool[T]) parsed(offers []*offer[T]) []*offer[T] {
	for _, o := range offers {
		var err error
		o.tx, err = m.rules.Parse(o.content)
		o.refuse(err)
	}
	offers = slices.DeleteFunc(offers, func(o *offer[T]) bool { return o.bad })
	slices.SortStableFunc(offers, func(a, b *offer[T]) int { return cmp.Compare(a.tx.Nonce(), b.tx.Nonce()) })
	return offers
}

// due asks for the senders' nonces. A transaction whose nonce is used up may come late from an honest node.
func (m *Mempool[T]) due(offers []*offer[T]) (left []*offer[T]) {
	if len(offers) == 0 {
		return nil
	}
	senders := make([]string, len(offers))
	for i, o := range offers {
		senders[i] = o.tx.Sender()
	}
	next, err := m.rules.Next(context.Background(), senders)
	for i, o := range offers {
		switch {
		case err != nil:
			o.err = &InternalError{Reason: err.Error()}
		case o.tx.Nonce() < next[i]:
			o.err = used(o.tx.Nonce(), next[i])
		default:
			o.due = next[i]
			left = append(left, o)
		}
	}
	return left
}

func used(nonce, next uint64) error {
	return Invalidf("nonce %d is used; the sender's next is %d", nonce, next)
}

// keep keeps what is good, and says whether there is more that can run, and in which trace.
func (m *Mempool[T]) keep(good []*offer[T]) (runs bool, trace string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range good {
		before := m.all.count - m.gaps.count
		if o.err = m.put(o.tx, o.own, max(o.due, m.moved[o.tx.Sender()])); o.err != nil {
			continue
		}
		runs = runs || m.all.count-m.gaps.count > before
		waits := m.chain.tracing.waits(o.request, o.id, o.own)
		trace = cmp.Or(trace, waits)
		if o.own {
			m.outbox.trace = cmp.Or(m.outbox.trace, waits)
		}
	}
	return runs, trace
}

// Checked keeps transactions that came in a block and were checked there, so that they needn't be checked again when
// they come by themselves, or when the block is rejected. A block that isn't decided says nothing of what can run, so
// those of unknown senders take the room of what has a gap.
func (m *Mempool[T]) Checked(txs ...T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, tx := range txs {
		_ = m.put(tx, false, 0)
	}
}

// put keeps a transaction whose sender's next nonce is at least due. own says that it came from a user of this node.
func (m *Mempool[T]) put(tx T, own bool, due uint64) error {
	id, nonce := tx.ID(), tx.Nonce()
	if _, known := m.byID[id]; known {
		return nil
	}
	if nonce < due {
		return used(nonce, due)
	}
	a := m.senders[tx.Sender()]
	if a == nil {
		a = &account[T]{sender: tx.Sender()}
	}
	m.isDue(a, due)
	at, taken := a.find(nonce)
	if taken {
		return fmt.Errorf("another transaction of this sender waits with nonce %d", nonce)
	}
	p := &pending[T]{tx: tx, of: a, since: m.chain.Now(), own: own, gap: at > a.runnable || nonce > a.next()}
	if err := m.makeRoom(p); err != nil {
		return err
	}
	if !own {
		p.sent = heardOf
	}
	m.enter(p)
	return nil
}

// enter puts a transaction, for which there is room, where it belongs.
func (m *Mempool[T]) enter(p *pending[T]) {
	a := p.of
	at, _ := a.find(p.tx.Nonce()) // anew: making room may have moved it
	if len(a.waiting) == 0 && a.listed {
		m.empty--
	}
	a.waiting = slices.Insert(a.waiting, at, p)
	m.byID[p.tx.ID()] = p
	m.senders[a.sender] = a
	if !a.listed {
		a.listed = true
		m.order = append(m.order, a)
	}
	m.count(p)
	if p.gap {
		m.queue = append(m.queue, p)
		return
	}
	a.runnable++
	m.tell(p)
	m.isDue(a, a.due)
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

// Accepted drops each sender's transactions below the nonce that is due now. It notifies the engine again when others
// can run.
func (m *Mempool[T]) Accepted(next map[string]uint64) {
	m.mu.Lock()
	for sender, nonce := range next {
		if m.underCheck {
			m.moved[sender] = nonce
		}
		a := m.senders[sender]
		if a == nil {
			continue
		}
		done, _ := a.find(nonce)
		for _, p := range slices.Clone(a.waiting[:done]) {
			m.chain.tracing.link(p.tx.ID())
			m.drop(p)
		}
		m.isDue(a, nonce)
	}
	m.mu.Unlock()
	m.schedule()
	m.Wanted()
}

// Wanted notifies the engine that transactions wait, if some can run: for a block that was rejected.
func (m *Mempool[T]) Wanted() {
	m.mu.Lock()
	wanted := m.all.count > m.gaps.count
	m.mu.Unlock()
	if wanted {
		m.chain.Notify(EventPendingTxs)
	}
}
