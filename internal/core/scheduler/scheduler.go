// Package scheduler says which para may put a candidate on which core, which group of validators backs it, when it has
// become available, and when it has had its time. It is the part of the relay chain's state that all validators must
// compute alike. It is pure: a State changes by Session, Claim, Open and Close alone, goes through its cores in their
// order, and uses no chance but the seed that it is given.
//
// A block at a height does this, in this order: Session, if a session begins with it; Open with the block's bitfields,
// which frees cores; then Close with the candidates that the block puts on free ones. CoreStates shows, after a block,
// what the next one will find; package inherent chooses by it.
//
// The first cores belong to the parachains, one each in the order of ids; the others, thread cores, to whoever claims
// them for one candidate. A claim waits in the line of one core, so that it is known who is next there.
package scheduler

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// MaxCores is the largest number of cores: a bitfield has a bit for each.
const MaxCores = signbytes.MaxBits

// Params are the parts of the relay chain's configuration that the scheduler goes by. They hold for a session.
type Params struct {
	// RotationFrequency is the number of blocks after which groups move on by one core; 0: never.
	RotationFrequency uint64
	// ChainPeriod and ThreadPeriod are the number of blocks that a candidate may take to become available, on a
	// parachain's core and on a thread core. 0 counts as 1.
	ChainPeriod, ThreadPeriod uint64
	// ThreadCores is the number of cores that are claimed for one candidate at a time.
	ThreadCores uint32
	// ThreadRetries is the number of blocks, after the first one, that a claim may go without being used.
	ThreadRetries uint32
	// Lookahead is the number of claims that may wait for each thread core.
	Lookahead uint32
}

// Assignment is a para's right to put a candidate on a core.
type Assignment struct {
	Para uint32
	// Collator is the only one that may make the candidate; zero: any may.
	Collator primitives.Hash
}

// Claim is an assignment that waits for its core.
type Claim struct {
	Assignment
	// Lane is the thread core that it waits for, counted from the first one.
	Lane uint32
	// Retries is the number of blocks in which it could have been used and wasn't.
	Retries uint32
}

// Pending is a candidate on a core.
type Pending struct {
	Claim     // on a parachain's core only its para counts
	Candidate primitives.Hash
	// Since is the height at which it was put there, and Group the one that backed it.
	Since uint64
	Group uint32
	// Votes has a bit for each validator: it holds its chunk.
	Votes primitives.Bits
}

// State is all that the scheduler knows after a block. Its fields are there to be stored and read.
type State struct {
	Params
	// Start is the height of the first block of the session.
	Start uint64
	// Validators is their number; Groups has their indices, a group for each core.
	Validators uint32
	Groups     [][]uint32
	// Parachains are the paras that have a core each, ascending.
	Parachains []uint32
	// Cores has the candidate on each core; nil: the core is empty.
	Cores []*Pending
	// Queue has the claims that wait, oldest first.
	Queue []Claim
	// NextLane is the thread core in whose line the next claim will stand.
	NextLane uint32
}

// Clone is a state of its own.
func (s *State) Clone() *State {
	c := *s
	c.Groups, c.Parachains, c.Queue = slices.Clone(s.Groups), slices.Clone(s.Parachains), slices.Clone(s.Queue)
	c.Cores = slices.Clone(s.Cores)
	for i, p := range c.Cores {
		if p != nil {
			own := *p
			own.Votes = p.Votes.Clone()
			c.Cores[i] = &own
		}
	}
	return &c
}

// isThread tells whether a core is claimed for one candidate at a time.
func (s *State) isThread(core int) bool { return core >= len(s.Parachains) }

// lane is the line of claims of a thread core.
func (s *State) lane(core int) uint32 { return uint32(core - len(s.Parachains)) }

// threads is the number of thread cores.
func (s *State) threads() uint32 { return uint32(len(s.Cores) - len(s.Parachains)) }
