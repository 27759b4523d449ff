// Package collate runs the ledger, our example of a parachain: it keeps the states that blocks are built on, takes
// transfers, builds blocks of them, and shows what becomes of each. A team's own program looks like it.
//
// It keeps nothing on a disk: a state that it doesn't know is part of the newest block's proof of validity, which the
// network keeps available.
package collate

import (
	"fmt"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/collator/ledger"
	"github.com/reevenet/reeve/services/collator/para"
)

const (
	// maxStates is how many states are kept: those of heads that may yet be built on.
	maxStates = 64
	// maxPending is how many transfers may wait for a block, and ofAccount how many of one account.
	maxPending = 4096
	ofAccount  = 64
	// maxUnderWay is how many blocks are followed at a time.
	maxUnderWay = 64
)

// Chain is the ledger at work.
type Chain struct {
	// Told is called with each step of each block. Nil: nobody looks.
	Told func(Step)
	// Now is the clock that steps are timed by.
	Now func() time.Time

	mu       sync.Mutex
	states   map[[32]byte]ledger.State // by the hash in a head
	order    [][32]byte                // of states, the oldest first
	current  ledger.Head               // on which the relay chain has us build
	pending  []ledger.Transfer
	underWay map[primitives.Hash]*block // by candidate
	latest   []*block                   // the same, the oldest first
	stats    Stats
}

// block is one on its way.
type block struct {
	candidate primitives.Hash
	head      ledger.Head
	transfers int
	submitted time.Time
}

// Step is what has become of a block.
type Step struct {
	Number    uint64
	Transfers int
	Status    *primitivesv1.CollationStatus
	After     time.Duration // since it was handed in
}

// Stats are counts since the process began.
type Stats struct {
	Built, Backed, Included, Refused int
	Transfers                        int // in included blocks
}

// Genesis is the state at the beginning, and the head for the relay chain's genesis.
func Genesis(accounts ...ledger.Account) (ledger.State, []byte) {
	var s ledger.State
	for _, a := range accounts {
		at, _ := s.Find(a.Key)
		s = append(s[:at:at], append(ledger.State{a}, s[at:]...)...)
	}
	return s, ledger.Head{State: s.Hash()}.Encode()
}

// New is a ledger that begins with a state.
func New(genesis ledger.State) *Chain {
	c := &Chain{Now: time.Now, states: map[[32]byte]ledger.State{}, underWay: map[primitives.Hash]*block{}}
	c.keep(genesis)
	c.current = ledger.Head{State: genesis.Hash()}
	return c
}

func (c *Chain) keep(s ledger.State) {
	hash := s.Hash()
	if _, known := c.states[hash]; known {
		return
	}
	c.states[hash], c.order = s, append(c.order, hash)
	if len(c.order) > maxStates {
		delete(c.states, c.order[0])
		c.order = c.order[1:]
	}
}

// Build makes a block of the transfers that wait and are valid on the head.
func (c *Chain) Build(on para.Opportunity) (*para.Block, error) {
	head, err := ledger.DecodeHead(on.Head)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before, known := c.states[head.State]
	if !known {
		return nil, fmt.Errorf("the state of block %d isn't here", head.Number)
	}
	c.current = head
	after, proof := append(ledger.State(nil), before...), ledger.Proof{Before: before}
	for _, t := range c.pending {
		if len(proof.Transfers) < ledger.MaxTransfers && after.Apply(t) == nil {
			proof.Transfers = append(proof.Transfers, t)
		}
	}
	c.settle(before)
	pov := proof.Encode()
	if len(pov) > on.MaxPoV {
		return nil, fmt.Errorf("a proof of %d bytes, and %d are allowed", len(pov), on.MaxPoV)
	}
	c.keep(after)
	c.stats.Built++
	return &para.Block{PoV: pov, Head: ledger.Head{Number: head.Number + 1, State: after.Hash()}.Encode()}, nil
}

// settle forgets transfers that the state has, or that it can never take.
func (c *Chain) settle(s ledger.State) {
	left := c.pending[:0]
	for _, t := range c.pending {
		if at, known := s.Find(t.From); known && s[at].Nonce <= t.Nonce {
			left = append(left, t)
		}
	}
	c.pending = left
}

// Submitted notes a block's name.
func (c *Chain) Submitted(candidate []byte, b *para.Block) {
	id, err := primitives.HashFrom(candidate)
	head, err2 := ledger.DecodeHead(b.Head)
	proof, err3 := ledger.DecodeProof(b.PoV)
	if err != nil || err2 != nil || err3 != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &block{candidate: id, head: head, transfers: len(proof.Transfers), submitted: c.Now()}
	c.underWay[id], c.latest = w, append(c.latest, w)
	if len(c.latest) > maxUnderWay {
		delete(c.underWay, c.latest[0].candidate)
		c.latest = c.latest[1:]
	}
}

// Became counts and tells.
func (c *Chain) Became(candidate []byte, status *primitivesv1.CollationStatus) {
	id, _ := primitives.HashFrom(candidate)
	c.mu.Lock()
	w, known := c.underWay[id]
	if !known {
		c.mu.Unlock()
		return
	}
	switch status.GetKind().(type) {
	case *primitivesv1.CollationStatus_Backed:
		c.stats.Backed++
	case *primitivesv1.CollationStatus_Included:
		c.stats.Included++
		c.stats.Transfers += w.transfers
	case *primitivesv1.CollationStatus_Refused:
		c.stats.Refused++
	}
	step := Step{Number: w.head.Number, Transfers: w.transfers, Status: status, After: c.Now().Sub(w.submitted)}
	c.mu.Unlock()
	if c.Told != nil {
		c.Told(step)
	}
}

// Stats are the counts until now.
func (c *Chain) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}
