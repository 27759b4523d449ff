package availabilitystore

import (
	"cmp"
	"maps"
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
	// farBack is how many blocks below a leaf are looked at that haven't been: more than that is history in which
	// nothing waits for its chunks any more.
	farBack = 256
	// maxSeen is how many blocks are remembered as looked at.
	maxSeen = 4096
	// maxBehind is how many blocks may wait to be looked at; the oldest are let go.
	maxBehind = 1024
	// The pauses before a block that couldn't be looked at is tried again, and how often one is tried that is no leaf:
	// a block of a fork that was given up is unknown for ever.
	askAgainAfter  = 50 * time.Millisecond
	askAgainAtMost = 5 * time.Second
	mostTries      = 64
)

// chain follows the relay chain: what each block does to candidates, and which blocks are final. It takes one block
// after the other, and each once. One that can't be looked at now comes back later, and holds up no other: the order
// doesn't matter to what is kept.
type chain struct {
	sub   *subsystem.Sub
	store *store

	leaves map[primitives.Hash]task
	final  task   // the highest block that is final; of number 0: none is known
	behind []task // in order
	busy   bool
	seen   map[primitives.Hash]bool
	order  []primitives.Hash // of seen, the latest last
	height uint64            // of the highest block that was looked at

	unknown uint64 // blocks below this height aren't known here
}

// task is a block to look at, or one that became final.
type task struct {
	hash   primitives.Hash
	parent primitives.Hash // zero: what is below it is seen to
	number uint64
	final  bool
	tries  int
}

func (c *chain) signal(sig *overseerv1.Signal) {
	switch k := sig.GetKind().(type) {
	case *overseerv1.Signal_StartWork:
		hash, err := primitives.HashFrom(k.StartWork.GetHash())
		parent, _ := primitives.HashFrom(k.StartWork.GetParent())
		if err == nil {
			c.leaves[hash] = task{hash: hash, parent: parent, number: k.StartWork.GetNumber()}
			c.add(c.leaves[hash])
		}
	case *overseerv1.Signal_StopWork:
		hash, _ := primitives.HashFrom(k.StopWork.GetHash())
		delete(c.leaves, hash)
	case *overseerv1.Signal_BlockFinalized:
		hash, err := primitives.HashFrom(k.BlockFinalized.GetHash())
		if err == nil && k.BlockFinalized.GetNumber() > c.final.number {
			c.final = task{hash: hash, number: k.BlockFinalized.GetNumber(), final: true}
			c.add(c.final)
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

// begin takes up the work with a core that was restored: it hears again what the one before may have heard and not
// written.
func (c *chain) begin() {
	c.seen, c.order, c.busy = map[primitives.Hash]bool{}, nil, false
	c.behind = slices.SortedFunc(maps.Values(c.leaves), func(a, b task) int {
		return cmp.Or(cmp.Compare(a.number, b.number), a.hash.Compare(b.hash))
	})
	if c.final.number > 0 {
		c.behind = append(c.behind, c.final)
	}
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
	case t.number == 0 || t.parent.IsZero() || c.seen[t.parent]:
		c.look(t)
	default:
		c.descend(t)
	}
}

// done goes on with the next block.
func (c *chain) done() {
	c.behind = c.behind[1:]
	c.busy = false
	c.next()
}

// question asks about the state after a block, for a task. What may pass lets the task come back later; what will not
// is logged, and the block is passed over: nothing that is kept depends on it alone.
func (c *chain) question(t task, block primitives.Hash, q *runtimeapiv1.RuntimeApiRequest,
	then func(*runtimeapiv1.RuntimeApiAnswer)) {
	core := c.store.core
	leaf.Question(c.sub, block, q, func(a *runtimeapiv1.RuntimeApiAnswer, err error) {
		switch {
		case core != c.store.core || c.store.disk == nil: // the disk was opened anew: so is the chain
		case err == nil:
			then(a)
		case leaf.Temporary(err) && c.worth(t):
			c.later(t)
		default:
			c.sub.Log.Info("a block can't be looked at", "block", block.Short(), "err", err)
			c.done()
		}
	})
}

// worth tells whether a block is still to be tried.
func (c *chain) worth(t task) bool {
	_, active := c.leaves[t.hash]
	return t.tries < mostTries || active && !t.final || t.final && t.hash == c.final.hash
}

// later lets a task come back after a pause.
func (c *chain) later(t task) {
	core := c.store.core
	pause := min(askAgainAfter<<min(t.tries, 10), askAgainAtMost)
	t.tries++
	c.sub.After(pause, func() {
		if core == c.store.core && c.store.disk != nil {
			c.add(t)
		}
	})
	c.done()
}

// descend finds the blocks below that haven't been looked at, and puts them before this one.
func (c *chain) descend(t task) {
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_Ancestors{
		Ancestors: &runtimeapiv1.Ancestors{Count: uint32(min(t.number, farBack))}}}
	c.question(t, t.hash, q, func(a *runtimeapiv1.RuntimeApiAnswer) {
		var below []task
		for i, b := range a.GetAncestors().GetHashes() {
			hash, err := primitives.HashFrom(b)
			if err != nil || c.seen[hash] || uint64(i)+1 > t.number || i >= farBack {
				break
			}
			below = append(below, task{hash: hash, number: t.number - uint64(i) - 1})
		}
		slices.Reverse(below)
		t.parent = primitives.Hash{}
		c.behind = slices.Concat(below, []task{t}, c.behind[1:])
		c.busy = false
		c.next()
	})
}

// look takes what a block did to candidates.
func (c *chain) look(t task) {
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_CandidateEvents{
		CandidateEvents: &runtimeapiv1.CandidateEvents{}}}
	c.question(t, t.hash, q, func(a *runtimeapiv1.RuntimeApiAnswer) {
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
}

// events takes one event after the other. Each needs the number of validators of its candidate's session, which is
// asked for when the candidate is new.
func (c *chain) events(t task, left []*runtimeapiv1.CandidateEvent) {
	for len(left) > 0 {
		e := left[0]
		left = left[1:]
		r, err := parachain.Receipt(e.GetReceipt())
		relevant := e.GetKind() == runtimeapiv1.CandidateEvent_KIND_BACKED ||
			e.GetKind() == runtimeapiv1.CandidateEvent_KIND_INCLUDED
		if hash := r.Hash(); err == nil && e.GetKind() == runtimeapiv1.CandidateEvent_KIND_TIMED_OUT {
			c.sub.About(hash[:], "time out", func() {})
		}
		if err != nil || !relevant {
			continue
		}
		if record, known := c.store.core.Record(r.Hash()); known {
			c.event(t, e.GetKind(), r.Hash(), record.Validators)
			continue
		}
		q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_Validators{
			Validators: &runtimeapiv1.Validators{}}}
		c.question(t, r.Descriptor.Collation.RelayParent, q, func(a *runtimeapiv1.RuntimeApiAnswer) {
			c.event(t, e.GetKind(), r.Hash(), uint32(len(a.GetValidators().GetValidators())))
			c.events(t, left)
		})
		return
	}
	c.remember(t)
	c.done()
}

func (c *chain) event(t task, kind runtimeapiv1.CandidateEvent_Kind, id primitives.Hash, validators uint32) {
	core, now := c.store.core, c.sub.Now()
	if validators == 0 {
		c.sub.Log.Warn("a candidate of a session without validators isn't noted", "candidate", id.Short())
		return
	}
	var o availability.Outcome
	var b availability.Batch
	what := "core" // it lies on one
	if kind == runtimeapiv1.CandidateEvent_KIND_BACKED {
		o, b = core.Backed(id, validators, now)
	} else {
		what = "include"
		o, b = core.Included(id, validators, availability.Block{Number: t.number, Hash: t.hash}, now)
	}
	if o == availability.NoSpace {
		c.sub.Log.Warn("there is no room to note a candidate: its chunk won't be kept", "candidate", id.Short())
	}
	c.sub.About(id[:], what, func() { c.store.write(Work{Batch: b}, nil, nil) })
}
