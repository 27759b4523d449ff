package availabilitystore

import (
	"errors"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

const (
	// farBack is how many blocks below a leaf are looked at that haven't been: more than that is history in which nothing
	// waits for its chunks any more.
	farBack = 256
	// maxSeen is how many blocks are remembered as looked at.
	maxSeen = 4096
	// maxBehind is how many blocks may wait to be looked at; the oldest are let go.
	maxBehind = 1024
	// The pauses before a question that couldn't be answered is asked again.
	askAgainAfter  = 50 * time.Millisecond
	askAgainAtMost = 5 * time.Second
)

// chain follows the relay chain: what each block does to candidates, and which blocks are final. It takes one block
// after the other, and each once.
type chain struct {
	sub   *subsystem.Sub
	name  string
	store *store

	behind []task // in order
	busy   bool
	seen   map[primitives.Hash]bool
	order  []primitives.Hash // of seen, the latest last
	height uint64            // of the highest block that was looked at
	pause  time.Duration
}

// task is a block to look at, or one that became final.
type task struct {
	hash, parent primitives.Hash
	number       uint64
	final        bool
}

func (c *chain) signal(sig *overseerv1.Signal) {
	switch k := sig.GetKind().(type) {
	case *overseerv1.Signal_StartWork:
		hash, err := primitives.HashFrom(k.StartWork.GetHash())
		parent, _ := primitives.HashFrom(k.StartWork.GetParent())
		if err == nil {
			c.add(task{hash: hash, parent: parent, number: k.StartWork.GetNumber()})
		}
	case *overseerv1.Signal_BlockFinalized:
		if hash, err := primitives.HashFrom(k.BlockFinalized.GetHash()); err == nil {
			c.add(task{hash: hash, number: k.BlockFinalized.GetNumber(), final: true})
		}
	}
}

func (c *chain) add(t task) {
	if len(c.behind) >= maxBehind {
		c.behind = slices.Delete(c.behind, 1, 2) // the first may be under way
	}
	c.behind = append(c.behind, t)
	c.next()
}

// begin takes up the work with a core that was restored: what it had heard and not written it hears again.
func (c *chain) begin() {
	c.seen, c.order, c.busy, c.pause = map[primitives.Hash]bool{}, nil, false, 0
	c.next()
}

func (c *chain) next() {
	if c.busy || c.store.disk == nil || len(c.behind) == 0 {
		return
	}
	c.busy = true
	switch t := c.behind[0]; {
	case t.final:
		c.finalize(t)
	case c.seen[t.hash]:
		c.done()
	case c.seen[t.parent] || t.number == 0 || t.parent.IsZero():
		c.look(t)
	default:
		c.descend(t)
	}
}

// done goes on with the next block.
func (c *chain) done() {
	c.behind = c.behind[1:]
	c.busy, c.pause = false, 0
	c.next()
}

// question asks about the state after a block, again and again while what is wrong may pass. What will not is logged,
// and the block is passed over: nothing that is kept depends on it alone.
func (c *chain) question(block primitives.Hash, q *runtimeapiv1.RuntimeApiRequest,
	then func(*runtimeapiv1.RuntimeApiAnswer)) {
	core := c.store.core
	leaf.Question(c.sub, block, q, func(a *runtimeapiv1.RuntimeApiAnswer, err error) {
		var e *leaf.Error
		switch {
		case core != c.store.core || c.store.disk == nil: // the disk was opened anew: so is the chain
			return
		case err == nil:
			then(a)
		case errors.As(err, &e) && !e.Temporary():
			c.sub.Log.Info("a block can't be looked at", "block", block.Short(), "err", err)
			c.done()
		default:
			c.pause = min(max(2*c.pause, askAgainAfter), askAgainAtMost)
			c.sub.After(c.pause, func() {
				if core == c.store.core && c.store.disk != nil {
					c.question(block, q, then)
				}
			})
		}
	})
}

// descend finds the blocks below that haven't been looked at, and puts them before this one.
func (c *chain) descend(t task) {
	count := uint32(min(t.number, farBack))
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_Ancestors{
		Ancestors: &runtimeapiv1.Ancestors{Count: count}}}
	c.question(t.hash, q, func(a *runtimeapiv1.RuntimeApiAnswer) {
		var below []task
		for i, b := range a.GetAncestors().GetHashes() {
			hash, err := primitives.HashFrom(b)
			if err != nil || c.seen[hash] || uint64(i)+1 > t.number {
				break
			}
			below = append(below, task{hash: hash, number: t.number - uint64(i) - 1})
		}
		slices.Reverse(below)
		c.seen[t.parent] = true // whatever was found of it, it isn't looked for again
		c.behind = append(below, c.behind...)
		c.busy = false
		c.next()
	})
}

// look takes what a block did to candidates.
func (c *chain) look(t task) {
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_CandidateEvents{
		CandidateEvents: &runtimeapiv1.CandidateEvents{}}}
	c.question(t.hash, q, func(a *runtimeapiv1.RuntimeApiAnswer) {
		c.remember(t)
		c.events(t, a.GetCandidateEvents().GetEvents())
	})
}

func (c *chain) remember(t task) {
	c.seen[t.hash] = true
	c.order = append(c.order, t.hash)
	c.height = max(c.height, t.number)
	if len(c.order) > maxSeen {
		delete(c.seen, c.order[0])
		c.order = c.order[1:]
	}
	for hash := range c.seen { // parents that were never looked at themselves
		if len(c.seen) <= 2*maxSeen {
			break
		}
		delete(c.seen, hash)
	}
}

// events takes one event after the other. Each needs the number of validators of its candidate's session.
func (c *chain) events(t task, left []*runtimeapiv1.CandidateEvent) {
	if len(left) == 0 {
		c.done()
		return
	}
	e := left[0]
	r, err := parachain.Receipt(e.GetReceipt())
	relevant := e.GetKind() == runtimeapiv1.CandidateEvent_KIND_BACKED ||
		e.GetKind() == runtimeapiv1.CandidateEvent_KIND_INCLUDED
	if err != nil || !relevant {
		c.events(t, left[1:])
		return
	}
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_Validators{
		Validators: &runtimeapiv1.Validators{}}}
	c.question(r.Descriptor.Collation.RelayParent, q, func(a *runtimeapiv1.RuntimeApiAnswer) {
		c.event(t, e.GetKind(), r.Hash(), uint32(len(a.GetValidators().GetValidators())))
		c.events(t, left[1:])
	})
}

func (c *chain) event(t task, kind runtimeapiv1.CandidateEvent_Kind, id primitives.Hash, validators uint32) {
	core, now := c.store.core, c.sub.Now()
	var o availability.Outcome
	var b availability.Batch
	if kind == runtimeapiv1.CandidateEvent_KIND_BACKED {
		o, b = core.Backed(id, validators, now)
	} else {
		o, b = core.Included(id, validators, availability.Block{Number: t.number, Hash: t.hash}, now)
	}
	if o == availability.NoSpace {
		c.sub.Log.Warn("there is no room to note a candidate: its chunk won't be kept", "candidate", id.Short())
	}
	c.store.write(Work{Batch: b}, nil, nil)
}

// finalize tells the core which blocks are final, at all heights at which that matters.
func (c *chain) finalize(t task) {
	heights := c.store.core.Awaiting(t.number)
	if len(heights) == 0 {
		c.done()
		return
	}
	lowest := heights[0]
	if lowest == t.number {
		c.final([]availability.Block{{Number: t.number, Hash: t.hash}})
		return
	}
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_Ancestors{
		Ancestors: &runtimeapiv1.Ancestors{Count: uint32(min(t.number-lowest, maxSeen))}}}
	c.question(t.hash, q, func(a *runtimeapiv1.RuntimeApiAnswer) {
		blocks := []availability.Block{{Number: t.number, Hash: t.hash}}
		for i, b := range a.GetAncestors().GetHashes() {
			if hash, err := primitives.HashFrom(b); err == nil && uint64(i)+1 <= t.number {
				blocks = append(blocks, availability.Block{Number: t.number - uint64(i) - 1, Hash: hash})
			}
		}
		c.final(blocks)
	})
}

func (c *chain) final(blocks []availability.Block) {
	slices.Reverse(blocks) // ascending
	c.store.write(Work{Batch: c.store.core.Finalized(blocks, c.sub.Now())}, nil, nil)
	c.done()
}
