// Package inherent chooses which bitfields and backed candidates go into a block, and checks those of others' blocks,
// by the same rules in one piece of code: Select puts what is offered into the order that the rules want and takes what
// passes; Check takes what it is given in the order in which it is given, and all of it must pass. So what an author
// selects passes everywhere. An empty inherent always passes.
//
// Each thing that is left out is left out by itself and with a reason, and doesn't take others with it. Only a bitfield
// that is missing can: without it a core may not be available, and then takes no new candidate.
//
// The package is pure. What it has to know of the chain's state is in a Context. So is who checks signatures, which
// happens after everything that costs less.
package inherent

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
)

// Bitfield is what a validator says of the cores: on which of them lies a candidate of which it holds its chunk.
type Bitfield struct {
	Validator uint32
	Cores     primitives.Bits
	// Size is that of its canonical encoding in bytes, signature included.
	Size int
}

// Candidate is a backed candidate, as far as it matters here.
type Candidate struct {
	Para        uint32
	RelayParent primitives.Hash
	Collator    primitives.Hash
	// ValidationData is the hash of the persisted validation data against which it was validated.
	ValidationData primitives.Hash
	// Upgrade says that it brings new validation code.
	Upgrade bool
	// Voters are the members of its group that vouch for it, by their place in the group, and Votes is the number of
	// votes that come with it.
	Voters primitives.Bits
	Votes  int
	// Size is that of its canonical encoding in bytes, votes included.
	Size int
}

// Inherent is the bitfields and candidates of a block, or those that are on offer.
type Inherent struct {
	Bitfields  []Bitfield
	Candidates []Candidate
}

// Assumption is what becomes of a para's candidate on a core before the next one is put there.
type Assumption uint8

// The assumptions: there is none; it is included; it is dropped.
const (
	Free Assumption = iota + 1
	Included
	TimedOut
)

// Context is the state of the chain, as the block finds it.
type Context struct {
	// Height is that of the block.
	Height uint64
	// Validators is their number.
	Validators uint32
	// Cores and Groups are the scheduler's, for this block.
	Cores  []scheduler.CoreState
	Groups [][]uint32
	// RelayParents are the blocks on which candidates may be built; the block's parent, to begin with.
	RelayParents []primitives.Hash
	// ValidationData is the hash of the persisted validation data for a para's next candidate; false: there is none.
	ValidationData func(para uint32, a Assumption, relayParent primitives.Hash) (primitives.Hash, bool)
	Signatures     Signatures
	Limits         Limits
}

// Signatures checks those of what was offered, by its place there.
type Signatures interface {
	// Bitfield tells whether the bitfield is signed by its validator.
	Bitfield(i int) bool
	// Candidate tells whether the candidate is signed by its collator, and by those members of the group that it names.
	Candidate(i int, group []uint32) bool
}

// Limits are how much a block takes.
type Limits struct {
	Bitfields, Candidates int
	// Bytes of both together; bitfields come first.
	Bytes int
}

// Selection is what goes into a block, by its place among what was offered, and what doesn't.
type Selection struct {
	Bitfields  []int
	Candidates []int
	// Cores are those of the candidates, ascending.
	Cores []uint32
	// LeftOut has everything else: bitfields first, each in the order in which they were looked at.
	LeftOut []LeftOut
}

// LeftOut is a bitfield, or a candidate, that doesn't go into a block.
type LeftOut struct {
	Candidate bool
	Index     int
	Reason    Reason
}

// Select chooses from what is offered: of each validator the bitfield that says most that is new, in the order of the
// validators; for each core the first candidate that is acceptable, in the order of the cores. What is offered earlier
// goes before its equals.
func Select(ctx *Context, offered Inherent) Selection {
	j := newJudge(ctx)
	j.bitfields(offered.Bitfields, j.bitfieldOrder(offered.Bitfields))
	j.open()
	j.candidates(offered.Candidates, j.candidateOrder(offered.Candidates))
	return j.chosen
}

// Check tells whether a block may have the inherent; if so, the selection is all of it. If not, the error is the first
// LeftOut, and what comes after it isn't looked at.
func Check(ctx *Context, given Inherent) (Selection, error) {
	j := newJudge(ctx)
	j.strict = true
	j.bitfields(given.Bitfields, places(len(given.Bitfields)))
	if !j.over() {
		j.open()
		j.candidates(given.Candidates, places(len(given.Candidates)))
	}
	if j.over() {
		return Selection{}, j.chosen.LeftOut[0]
	}
	return j.chosen, nil
}

// places are the numbers below n.
func places(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}
