package finality

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Input is something that happened. The types below are all there are.
type Input interface{ input() }

type (
	// Verified: the VM found a block of this height valid.
	Verified struct{ Block primitives.Hash }
	// Preferred: Snowman prefers this verified block. Confident says that it need not be asked again before this node
	// votes for it: a poll reached the threshold, or it is the block of the height's first proposer and no rival is
	// known.
	Preferred struct {
		Block     primitives.Hash
		Confident bool
	}
	// Received: somebody's vote, with a signature that holds.
	Received struct{ Vote Signed }
	// Shown: a proof whose signatures hold. The sender keeps it, and doesn't change it.
	Shown struct{ Proof *Proof }
	// Recorded: a vote of this node is durable and signed.
	Recorded struct{ Vote Signed }
	// Timeout: a timer has run out.
	Timeout struct{ Timer Timer }
)

func (Verified) input()  {}
func (Preferred) input() {}
func (Received) input()  {}
func (Shown) input()     {}
func (Recorded) input()  {}
func (Timeout) input()   {}

// Wait is what a timer waits for.
type Wait uint8

// The waits of a round.
const (
	// ForChoice: for a poll, or for the leader's proposal; when it ends the node votes with what it has.
	ForChoice Wait = iota + 1
	// ForPrepare: for more prepare votes when a quorum has voted and doesn't agree; when it ends the node commits to
	// nothing.
	ForPrepare
	// ForCommit: the same for commit votes; when it ends the next round begins.
	ForCommit
	// ForVotes: for the round to end at all; when it ends this node sends its votes again and asks for those of others.
	// It repeats.
	ForVotes
)

// Timer names a timer of the height.
type Timer struct {
	Round uint32
	Wait  Wait
}

// Before orders the timers that end at one time.
func (t Timer) Before(o Timer) bool {
	return t.Round < o.Round || t.Round == o.Round && t.Wait < o.Wait
}

// Action is something to do. The types below are all there are; they are to be performed in the order given.
type Action interface{ action() }

type (
	// Record has the keystore write down and sign a vote of this node. It ends with Recorded; where it doesn't, this
	// node has no vote. Proof, if there is one, is to be durable before: it shows why this node may be locked on the
	// block, to those that are locked on another one since an earlier round. There is none in round 0.
	Record struct {
		Vote  Vote
		Proof *Proof
	}
	// Send sends votes to all validators: this node's own, or those that it has seen.
	Send struct{ Votes []Signed }
	// Show sends a proof to all validators.
	Show struct{ Proof *Proof }
	// Start runs a timer. It ends with Timeout.
	Start struct {
		Timer Timer
		After time.Duration
	}
	// Fetch asks for a block that this node doesn't have. By is the validator whose vote names it; below zero: no
	// validator alone.
	Fetch struct {
		Block primitives.Hash
		By    int
	}
	// Build asks for a block to propose: this node leads a round and has none. It ends with Preferred, or not at all.
	Build struct{ Round uint32 }
	// Ask asks the others for the votes of a round that they hold.
	Ask struct{ Round uint32 }
	// Decide: the height is decided; the certificate proves it. Nothing follows.
	Decide struct{ Certificate *Proof }
	// Accuse: a validator signed both, which no honest one does.
	Accuse struct{ First, Second Signed }
)

func (Record) action() {}
func (Send) action()   {}
func (Show) action()   {}
func (Start) action()  {}
func (Fetch) action()  {}
func (Build) action()  {}
func (Ask) action()    {}
func (Decide) action() {}
func (Accuse) action() {}
