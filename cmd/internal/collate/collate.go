// Package collate runs the ledger, our example of a parachain: it keeps the states that blocks are built on, takes
// transfers, builds blocks of them, and shows what becomes of each. A team's own program looks like it.
//
// It keeps nothing on a disk: the state that it doesn't know is in the newest block's proof of validity, which the
// network keeps available.
package collate

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
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
	// Told is called with each block that has come to its end: it is final, or refused. Nil: nobody looks.
	Told func(Block)
	// Now is the clock by which blocks are timed.
	Now func() time.Time

	mu       sync.Mutex
	states   map[[32]byte]ledger.State // by the hash in a head
	order    [][32]byte                // of states, the one that was used longest ago first
	current  ledger.Head               // on which the relay chain has us build
	pending  []ledger.Transfer
	underWay map[primitives.Hash]*Block // by candidate
	latest   []primitives.Hash          // the same, the oldest first
	stats    Stats
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
	c := &Chain{Now: time.Now, states: map[[32]byte]ledger.State{}, underWay: map[primitives.Hash]*Block{}}
	c.keep(genesis)
	c.current = ledger.Head{State: genesis.Hash()}
	return c
}

// keep keeps a state, in the place of the one that was used longest ago.
func (c *Chain) keep(s ledger.State) {
	hash := s.Hash()
	if _, known := c.states[hash]; known {
		c.order = slices.DeleteFunc(c.order, func(h [32]byte) bool { return h == hash })
	}
	c.states[hash], c.order = s, append(c.order, hash)
	if len(c.order) > maxStates {
		delete(c.states, c.order[0])
		c.order = c.order[1:]
	}
}

// Knows is para.Recoverer: whether the state of a head is here.
func (c *Chain) Knows(head []byte) bool {
	h, err := ledger.DecodeHead(head)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.states[h.State]
	return known || err != nil // of what is no head, Build says so
}

// Recover takes over the state after a block.
func (c *Chain) Recover(b para.Recovered) error {
	head, after, err := ledger.Validate(b.Parent, b.PoV)
	switch {
	case err != nil:
		return fmt.Errorf("the block that the network has kept isn't valid: %w", err)
	case !bytes.Equal(head, b.Head):
		return errors.New("the block that the network has kept makes another head")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(after)
	return nil
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
	c.keep(before)
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

// settle forgets transfers that the state has, and those whose turn it is and for which there isn't the money.
func (c *Chain) settle(s ledger.State) {
	c.pending = slices.DeleteFunc(c.pending, func(t ledger.Transfer) bool {
		at, known := s.Find(t.From)
		return !known || s[at].Nonce > t.Nonce || s[at].Nonce == t.Nonce && s[at].Balance < t.Amount
	})
}
