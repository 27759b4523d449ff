package snowman

import (
	"maps"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/pause"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// doubtShare is how many times what the VM took to fail it is left alone with a proposer's blocks at least, so that they
// take little of its time from the others'. Otherwise the pauses are those of package pause, unless the VM says when.
const doubtShare = 4

// doubts are the proposers of blocks that the VM couldn't judge: it failed on them, didn't answer, or died. Such a
// block is set aside in the pool, and with it what builds on it: it has no vote and holds up nothing. Whatever else its
// proposer has signed is shown to the VM one block at a time, after the same pauses and after everybody else's, until
// the block is judged or lost; the block itself comes after those others. So whoever knows how to make VMs hang has
// less and less of their time.
type doubts map[uint32]*doubt // by proposer

type doubt struct {
	block *block.Block // the last one that couldn't be judged
	since time.Time    // it has been tried
	tries int
	why   string
	until time.Time       // nothing of the proposer is verified before
	asked primitives.Hash // what the VM is looking at; zero: nothing
}

func (d doubts) of(proposer uint32) bool { return d[proposer] != nil }

// add sets a block aside, and returns until when.
func (d doubts) add(now time.Time, b *block.Block, in Unjudged) time.Time {
	x := d[b.Proposer]
	if x == nil {
		x = &doubt{}
		d[b.Proposer] = x
	}
	if x.block == nil || x.block.ID() != in.ID {
		x.block, x.since = b, now
	}
	x.why = in.Why
	if in.After > 0 {
		x.until = now.Add(min(in.After, pause.Most))
		return x.until
	}
	held := max(pause.After(x.tries, 0), doubtShare*in.Took)
	x.tries++
	x.until = now.Add(min(held, pause.Most))
	return x.until
}

// ask notes that a block is shown to the VM; it tells whether its proposer is in doubt.
func (d doubts) ask(b *block.Block) bool {
	x := d[b.Proposer]
	if x != nil {
		x.asked = b.ID()
	}
	return x != nil
}

// answered notes that the VM has answered about a block, one way or another.
func (d doubts) answered(id primitives.Hash) {
	for _, x := range d { // the order doesn't show in the result
		if x.asked == id {
			x.asked = primitives.Hash{}
		}
	}
}

// held tells whether nothing of a proposer is verified now; until, if it isn't for a block of its at the VM.
func (d doubts) held(now time.Time, proposer uint32) (until time.Time, held bool) {
	x := d[proposer]
	switch {
	case x == nil:
		return time.Time{}, false
	case !x.asked.IsZero():
		return time.Time{}, true
	}
	return x.until, now.Before(x.until)
}

// judged ends the doubt in a proposer with a verdict on the block that made it, or on another one when that one has
// gone.
func (d doubts) judged(p *pool, b *block.Block) {
	if x := d[b.Proposer]; x != nil && (x.block.ID() == b.ID() || p.get(x.block.ID()) == nil) {
		delete(d, b.Proposer)
	}
}

// Doubt is a block that has been set aside.
type Doubt struct {
	Block    primitives.Hash
	Height   uint64
	Proposer uint32
	Since    time.Time
	Why      string
}

// list is what is set aside at present, by proposer.
func (d doubts) list(p *pool) (list []Doubt) {
	for _, proposer := range slices.Sorted(maps.Keys(d)) {
		if x := d[proposer]; p.get(x.block.ID()) != nil {
			list = append(list, Doubt{
				Block: x.block.ID(), Height: x.block.Height, Proposer: proposer,
				Since: x.since, Why: x.why,
			})
		}
	}
	return list
}

// tooEarly tells whether a block may not be verified yet, and has it looked at when it may. A new block of this node,
// which its own VM has built, isn't held back for those before it.
func (s *issuing) tooEarly(e *entry) bool {
	var until time.Time
	held := false
	if e.from != s.self || e.failures > 0 {
		until, held = s.doubts.held(s.now, e.block.Proposer)
	}
	if s.othersFirst(e) {
		e.due = later(e.due, s.now.Add(pause.Least))
	}
	if at := later(until, e.due); s.now.Before(at) {
		s.wake(at)
		return true
	}
	return held
}

// othersFirst tells whether the same proposer has a block that the VM has failed on less often: that one has its turn
// before.
func (s *issuing) othersFirst(e *entry) bool {
	if e.failures == 0 {
		return false
	}
	for _, o := range s.pool.entries { // the order doesn't show in the result
		before := o.state == waiting && o.block.Proposer == e.block.Proposer && o.failures < e.failures
		if before && !s.now.Before(o.due) && s.tree.Knows(o.block.Parent) {
			return true
		}
	}
	return false
}

// unjudged sets a block aside.
func (s *issuing) unjudged(in Unjudged) {
	switch e := s.answered(in.ID); {
	case e == nil:
		return
	case e.unwanted:
		s.lose(e)
	default:
		s.pool.enter(e, waiting)
		e.failures++
		e.due = s.doubts.add(s.now, e.block, in)
	}
	s.advanceAll() // its place is free
}
