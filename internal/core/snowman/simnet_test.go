package snowman

import (
	"container/heap"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/validators"
)

// A simnet is a whole network of cores in one loop: virtual time, one seed, no goroutine. Its VM is a counter, its
// signatures are hashes. Everything else is what production runs.
type simnet struct {
	sim
	chain   block.Chain
	set     *validators.Set
	params  snowball.Parameters
	nodes   []*simnode
	start   time.Time
	final   map[uint64]primitives.Hash // what honest nodes have accepted
	broken  []string                   // invariants that didn't hold
	accused int                        // so often somebody was, of two blocks for one slot
	steps   int

	loss      float64
	slow      func() time.Duration // a message's way
	conflicts bool                 // everybody proposes whenever it likes
	cut       func(a, b int) bool  // a partition
	// fails is how long a node's VM takes to fail on a block; 0: it judges it.
	fails func(s *simnode, b *block.Block) time.Duration
}

type simnode struct {
	net       *simnet
	index     int
	id        primitives.NodeID
	core      *Core
	lie       lie
	honest    bool
	life      int // raised by every crash
	committed []*block.Block
	byID      map[primitives.Hash]*block.Block
	proofs    map[primitives.Hash][]byte // certificates of what is committed
	ballots   []ballot                   // what its keystore has written down
	slots     map[[2]uint64]bool         // heights and slots for which it has signed a block
	kept      []Restored                 // undecided, and durable
	txs       int                        // waiting in the VM
	timer     time.Time
	stalls    bool          // its VM executes nothing that is decided
	stalled   []Action      // until it does again
	busyUntil time.Duration // the VM does one thing after the other
}

type lie int

const (
	truth lie = iota
	randomly
	perAsker
	opposite
	equivocate
	twoFaced // votes for one block to half of the network, and for another one to the rest
)

type event struct {
	at  time.Duration
	seq int
	do  func()
}

type sim struct {
	rng  *rand.Rand
	now  time.Duration
	seq  int
	heap events
}

type events []event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *events) Push(x any)   { *h = append(*h, x.(event)) }
func (h *events) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

func (s *sim) after(d time.Duration, do func()) {
	s.seq++
	heap.Push(&s.heap, event{s.now + max(d, 0), s.seq, do})
}

// run goes on until the time or until done.
func (s *sim) run(until time.Duration, done func() bool) bool {
	for len(s.heap) > 0 && s.heap[0].at <= until {
		e := heap.Pop(&s.heap).(event)
		s.now = e.at
		e.do()
		if done != nil && done() {
			return true
		}
	}
	s.now = until
	return done != nil && done()
}

func newSimnet(seed uint64, stakes []uint64, change func(*simnet)) *simnet {
	n := &simnet{
		sim: sim{rng: rand.New(rand.NewPCG(seed, 17))}, chain: block.Chain{NetworkID: 1, ID: primitives.Hash{1}},
		start: time.Unix(1_000_000, 0), final: make(map[uint64]primitives.Hash),
	}
	n.slow = func() time.Duration { return time.Duration(500+n.rng.IntN(2000)) * time.Microsecond }
	var members []validators.Validator
	for i, s := range stakes {
		members = append(members, validators.Validator{Node: primitives.NodeID{byte(i >> 8), byte(i), 1}, Stake: s})
	}
	set, err := validators.New(members)
	if err != nil {
		panic(err)
	}
	n.set, n.params = set, snowball.For(set.Units())
	for i := range stakes {
		node := &simnode{net: n, index: i, id: set.At(i).Node, honest: true}
		n.nodes = append(n.nodes, node)
	}
	if change != nil {
		change(n)
	}
	for _, node := range n.nodes {
		node.boot()
	}
	return n
}

func equal(n int) []uint64 {
	stakes := make([]uint64, n)
	for i := range stakes {
		stakes[i] = 100
	}
	return stakes
}

func (n *simnet) clock() time.Time { return n.start.Add(n.now) }

func (n *simnet) violate(format string, args ...any) {
	n.broken = append(n.broken, fmt.Sprintf("at %v: ", n.now)+fmt.Sprintf(format, args...))
}

var simGenesis = primitives.Hash{0xfe}

// boot starts a node from what it has committed.
func (s *simnode) boot() {
	s.life++
	last := Anchor{ID: simGenesis}
	if k := len(s.committed); k > 0 {
		b := s.committed[k-1]
		last = Anchor{ID: b.ID(), Height: b.Height, Time: b.Time}
	}
	core, err := New(Config{
		Chain: s.net.chain, Self: s.id, Validators: s.net.set, Parameters: s.net.params, Unchecked: true,
		Rand:            rand.New(rand.NewPCG(s.net.rng.Uint64(), uint64(s.index))),
		OwnHeight:       s.lastHeight(),
		Own:             s.lastVotes(),
		VerifySignature: func(b *block.Block, _ ed25519.PublicKey) bool { return s.net.signed(b) },
		VerifyVote:      func(height uint64, v finality.Signed) bool { return signVote(height, v.Vote) == v },
	}, last, s.net.clock())
	if err != nil {
		panic(err)
	}
	s.core, s.busyUntil, s.timer = core, s.net.now, time.Time{}
	if s.byID == nil {
		s.byID, s.proofs = make(map[primitives.Hash]*block.Block), make(map[primitives.Hash][]byte)
	}
	for _, b := range s.kept {
		s.step(b)
	}
	life := s.life
	for _, o := range s.net.nodes {
		if o != s && o.core != nil && o.life > 0 {
			s.net.after(s.net.slow(), func() { s.connect(o, life) })
		}
	}
	if s.txs > 0 {
		s.net.after(time.Millisecond, func() { s.step(PendingTxs{}) })
	}
	s.wake()
}

func (s *simnode) connect(o *simnode, life int) {
	if s.life != life || s.core == nil || o.core == nil {
		return
	}
	s.step(PeerConnected{Node: o.id})
	o.step(PeerConnected{Node: s.id})
}

func (s *simnode) crash() {
	s.core = nil
	s.life++
	for _, o := range s.net.nodes {
		if o.core != nil {
			o.step(PeerDisconnected{Node: s.id})
		}
	}
}

func (s *simnode) step(in Input) {
	if s.core == nil || s.serve(in) {
		return
	}
	s.net.steps++
	s.perform(s.core.Step(s.net.clock(), in))
	s.wake()
}

// wake arms the timer that the core asks for.
func (s *simnode) wake() {
	at := s.core.Next()
	if !s.timer.IsZero() && !at.Before(s.timer) && s.timer.After(s.net.clock()) {
		return
	}
	s.timer = at
	life := s.life
	s.net.after(max(at.Sub(s.net.clock()), 100*time.Microsecond), func() {
		if s.life != life || s.timer != at {
			return
		}
		s.timer = time.Time{}
		s.net.steps++
		s.perform(s.core.Tick(s.net.clock()))
		s.wake()
	})
}

// send brings an input to another node, or fails to.
func (s *simnode) send(to primitives.NodeID, in func(from primitives.NodeID) Input) {
	i, _ := s.net.set.Index(to)
	o := s.net.nodes[i]
	if s.net.rng.Float64() < s.net.loss || s.net.cut != nil && s.net.cut(s.index, i) {
		return
	}
	life := o.life
	s.net.after(s.net.slow(), func() {
		if o.core != nil && o.life == life {
			o.step(in(s.id))
		}
	})
}

func (n *simnet) signed(b *block.Block) bool {
	want := n.sign(b.Header, b.Bytes()[len(b.Bytes())-len(block.Body(b.Inherent(), b.VMBlock())):])
	return want.ID() == b.ID()
}

func (n *simnet) sign(h block.Header, body []byte) *block.Block {
	payload, _ := h.Payload(n.chain, primitives.HashOf(body)).Encode()
	half := primitives.HashOf([]byte("signature"), payload, []byte{byte(h.Proposer >> 8), byte(h.Proposer)})
	b, err := block.New(n.chain, h, body, append(half[:], half[:]...))
	if err != nil {
		panic(err)
	}
	return b
}

func (s *simnode) newBlock(h block.Header) *block.Block {
	var content [16]byte
	binary.BigEndian.PutUint64(content[:], s.net.rng.Uint64())
	return s.net.sign(h, block.Body(nil, content[:]))
}

// propose makes a block on the preferred tip, whoever's turn it is.
func (s *simnode) propose() {
	if s.core == nil {
		return
	}
	tip, height := s.core.tree.Preference()
	if height > s.core.accepted.root.Height+4 {
		return
	}
	rank, _ := proposer.Rank(proposer.Order(s.net.set, s.net.chain, height+1), s.index)
	if h := s.core.building.header(tip, height+1, uint64(rank)); s.use(h) {
		s.step(Built{Block: s.newBlock(h)})
	}
}

// use writes down that there is a block for the slot. False: there is one already, and no other is signed.
func (s *simnode) use(h block.Header) bool {
	slot := [2]uint64{h.Height, h.Slot}
	if s.slots[slot] {
		return false
	}
	if s.slots == nil {
		s.slots = make(map[[2]uint64]bool)
	}
	s.slots[slot] = true
	return true
}

func (s *simnode) vm(cost time.Duration, then func()) {
	s.busyUntil = max(s.busyUntil, s.net.now) + cost
	life := s.life
	s.net.after(s.busyUntil-s.net.now, func() {
		if s.life == life && s.core != nil {
			then()
		}
	})
}

func (s *simnode) frontier() primitives.Hash {
	if k := len(s.committed); k > 0 {
		return s.committed[k-1].ID()
	}
	return simGenesis
}

func (s *simnode) fail(n primitives.NodeID, id uint32, a requests.Answer) {
	s.send(n, func(from primitives.NodeID) Input {
		return RequestFailed{Node: from, RequestID: id, Answer: a, Reason: requests.Remote}
	})
}
