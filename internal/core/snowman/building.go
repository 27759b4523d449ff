package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
	"github.com/reevenet/reeve/internal/core/validators"
)

// building is this node's turn to propose. It asks for one block at a time, only on the preferred tip, and never twice
// for the same slot: a slot that was used or refused counts, and the next block is for the node's next turn.
type building struct {
	*turn
	chain    block.Chain
	set      *validators.Set
	params   snowball.Parameters
	tree     *tree.Tree
	pool     *pool
	accepted *accepted
	roster   *roster
	doubts   doubts
	certain  func(primitives.Hash) bool // a quorum has prepared the block at the height being decided

	pending      bool // the VM has something for a block
	pendingSince time.Time
	tipSince     time.Time // the preferred chain has had its tip since
	busy         bool      // a block is being built or signed
	height       uint64    // of the proposals counted in cycle
	cycle        uint64    // how often this node has used its turn at that height
	notBefore    time.Time // the VM or the signer couldn't, and is asked again then
	due          time.Time // this node's turn at the present tip
	waiting      bool      // for due
	dueOn        primitives.Hash
	orderOf      uint64
	order        []int
	slots        proposer.Slots
	refusals     int    // own blocks in a row on the present tip that the VM finds invalid
	refusal      string // its words about the last one
	empties      int    // times in a row that the VM had nothing to build after all
	emptyAt      time.Time
	still        time.Time // while something waits, nothing has moved since
}

// retryBuild is how long to wait after the VM or the signer couldn't.
const retryBuild = 50 * time.Millisecond

// next is when this node's turn comes.
func (b *building) next() (time.Time, bool) { return b.due, b.waiting }

// proposers is the proposers' order of a height; that of the last one is remembered.
func (b *building) proposers(height uint64) []int {
	if b.orderOf != height || b.order == nil {
		b.orderOf, b.order = height, proposer.Order(b.set, b.chain, height)
	}
	return b.order
}

func (b *building) pendingTxs() {
	if b.pending {
		return
	}
	if !b.waits(b.now) {
		b.still = b.now
	}
	b.pending, b.pendingSince, b.dueOn = true, b.now, primitives.Hash{}
}

// tipChanged: the preferred chain ends at another block.
func (b *building) tipChanged(height uint64) {
	b.tipSince, b.dueOn, b.refusals, b.empties = b.now, primitives.Hash{}, 0, 0
	if b.height != height+1 {
		b.height, b.cycle = height+1, 0
	}
}

// peerGone: who was waited for may be gone.
func (b *building) peerGone() { b.dueOn = primitives.Hash{} }

// pause stops waiting for this node's turn.
func (b *building) pause() { b.waiting = false }

// firstCame learns from the first proposer's block how long to wait for the next one's.
func (b *building) firstCame() {
	if b.pending {
		b.slots.Observe(b.now.Sub(later(b.pendingSince, b.tipSince)))
	}
}

// propose builds when there is work and it is this node's turn: at once if it comes first in the order, and otherwise
// when those before it have had a slot each and nothing came.
func (b *building) propose() {
	b.waiting = false
	if !b.may() {
		return
	}
	tip, height := b.tree.Preference()
	if b.dueOn == tip && b.now.Before(b.due) {
		b.waiting = true
		return
	}
	order := b.proposers(height + 1)
	rank, ok := proposer.Rank(order, b.roster.own)
	if !ok {
		return
	}
	turns := int(b.cycle) * len(order)
	wait := b.slots.Wait(b.ahead(order[:rank]) + turns)
	h := b.header(tip, height+1, uint64(rank+turns))
	b.due = later(b.notBefore, later(b.pendingSince, b.tipSince).Add(wait))
	b.due = later(b.due, proposer.Opens(h.Time)) // nobody looks at it before, when the clocks went back
	if b.now.Before(b.due) {
		b.waiting, b.dueOn = true, tip
		return
	}
	b.busy, b.pending = true, false
	b.emit(Build{Header: h})
}

// ahead counts those who come first and may well propose: nobody waits for a validator that isn't connected.
func (b *building) ahead(order []int) (count int) {
	for _, i := range order {
		if p := b.roster.voters[i]; p != nil && !p.benched() {
			count++
		}
	}
	return count
}

func (b *building) may() bool {
	if !b.pending || b.busy || b.roster.own < 0 || !b.roster.enough || b.roster.forgotten > 0 {
		return false
	}
	tip, _ := b.tree.Preference()
	if !b.room(tip) {
		return false
	}
	for _, e := range b.pool.entries {
		switch {
		case e.block.Parent != tip || e.unwanted || b.doubts.of(e.block.Proposer):
		case e.state == verifying, e.from == b.roster.self:
			return false // somebody's block is about to be issued here, or this node's waits for its time
		}
	}
	return true
}

// room tells whether another block may be undecided: one more than there should be, if the tip is as good as decided.
// The new one is on its way while that is.
func (b *building) room(tip primitives.Hash) bool {
	beyond := b.tree.Len() - b.params.OptimalProcessing
	return beyond < 0 || beyond == 0 && b.certain(tip)
}

func (b *building) header(parent primitives.Hash, height, slot uint64) block.Header {
	parentTime := b.accepted.root.Time
	if e := b.pool.get(parent); e != nil {
		parentTime = e.block.Time
	}
	at := max(uint64(max(0, b.now.UnixMilli())), proposer.Earliest(parentTime, slot))
	return block.Header{Height: height, Parent: parent, Slot: slot, Time: at, Proposer: uint32(b.roster.own)}
}

// built ends the building of a block. False: a block that comes before it arrived meanwhile. Nobody has seen this one
// then, and everybody would have to verify it and vote it out; what was to be in it waits for the next one.
func (b *building) built(own *block.Block) bool {
	b.busy, b.empties = false, 0
	b.moved()
	b.used(own.Height)
	if b.overtaken(own) {
		b.pendingTxs()
		return false
	}
	return true
}

// overtaken tells whether a block of an earlier slot is there, and not known to be worthless. One of a later slot
// isn't a reason to yield: its proposer may have claimed a time that hasn't come. Nor is one that waits, for such a
// time maybe, or that the VM may never judge.
func (b *building) overtaken(own *block.Block) bool {
	for _, e := range b.pool.entries {
		earlier := e.block.Parent == own.Parent && e.block.Slot < own.Slot && e.state != waiting && !e.unwanted
		if earlier && (e.state == issued || !b.doubts.of(e.block.Proposer)) {
			return true
		}
	}
	return false
}

func (b *building) notBuilt(why WhyNotBuilt) {
	switch why {
	case SlotTaken:
		_, height := b.tree.Preference()
		b.used(height + 1)
		fallthrough
	case TryAgain:
		b.notBefore = b.now.Add(retryBuild)
		b.pendingTxs()
	case NothingToBuild:
		b.empty()
	}
	b.busy = false // only now: what waits again has never ceased to wait
}

// A VM may say that there is something for a block when there isn't, which happens when another's block had it. One
// that goes on and on is asked ever more seldom, until a block comes or it has been quiet for a while.
const (
	freeEmpties = 3 // without a pause
	leastEmpty  = 10 * time.Millisecond
	mostEmpty   = 320 * time.Millisecond
	emptyLasts  = time.Second
)

func (b *building) empty() {
	if b.now.Sub(b.emptyAt) > emptyLasts {
		b.empties = 0
	}
	b.empties, b.emptyAt = b.empties+1, b.now
	if beyond := b.empties - freeEmpties; beyond > 0 {
		b.notBefore = b.now.Add(min(leastEmpty<<min(beyond-1, 10), mostEmpty))
	}
}

// The pauses before another block is built when the VM finds one invalid that it has built: each is twice the one
// before.
const (
	leastRefused = 250 * time.Millisecond
	mostRefused  = 10 * time.Second
)

// refused: the VM finds a block invalid that it has built itself. What was to be in it waits still.
func (b *building) refused(why string) {
	pause := leastRefused
	for range b.refusals {
		pause = min(2*pause, mostRefused)
	}
	b.refusals, b.refusal = b.refusals+1, why
	b.notBefore, b.dueOn = b.now.Add(pause), primitives.Hash{}
	b.pendingTxs()
}

// refusing is what the VM says against the blocks that it builds itself, when it goes on; empty: nothing.
func (b *building) refusing() string {
	if b.refusals < 3 {
		return ""
	}
	return b.refusal
}

// used counts a turn as gone: its slot was used, in this life or an earlier one.
func (b *building) used(height uint64) {
	if b.height != height {
		b.height, b.cycle = height, 0
	}
	b.cycle++
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
