// Package para is what a parachain's team writes its block producer with: a process of its own that attaches to a node
// of the relay chain, is told when and on what to build, hands in what it built, and hears what becomes of it.
//
// The team implements Chain, and beside it Observer or Recoverer if it wants what they give. Main runs it as a program
// of its own; Spec makes a subsystem of it. The node's collator does the rest: it signs, offers the block to
// validators, and follows it. The same rules as in Chain.Build stand in the parachain's validation code, which every
// validator runs (services/candidatevalidation/guest). docs/parachains.md walks through it.
//
// What a Chain says is nobody's business but its team's: a wrong block is refused by the validators.
package para

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

// Role is the name under which a block producer attaches to a node.
const Role = "block-producer"

// Chain is a parachain as its block producer runs it.
type Chain interface {
	// Build makes a block on a head. Nil and no error: there is nothing to build. An error is logged, and the next
	// opportunity is tried. It may take its time, and is called one call at a time, on a goroutine of its own.
	Build(on Opportunity) (*Block, error)
}

// Observer is a Chain that is told what becomes of its blocks. Its methods, and those of the two interfaces that
// follow, are called in turn with each other and beside Build, and may not wait.
type Observer interface {
	// Submitted tells under which name a block is on its way.
	Submitted(candidate []byte, b *Block)
	// Became tells what has become of a block: seconded, backed, included, or refused with the reason.
	Became(candidate []byte, status *primitivesv1.CollationStatus)
}

// RefusalObserver is a Chain that is told why the collator hasn't taken a block, which then has no name.
type RefusalObserver interface {
	NotTaken(b *Block, why *primitivesv1.CollationRefused)
}

// FinalityObserver is a Chain that is told that the relay chain's block that has included a block is final.
type FinalityObserver interface {
	Final(candidate []byte)
}

// Recoverer is a Chain whose blocks need more than their head, and which can take that from the block before: the
// network keeps the newest blocks available. It is for a producer that has lost its disk, or keeps nothing on one, and
// for one of several whose newest block another one has made.
type Recoverer interface {
	// Knows tells whether a block can be built on a head as things are. It may not wait.
	Knows(head []byte) bool
	// Recover gives the block that has made a head of which Knows said no. Build on that head follows, unless there is
	// an error. It is called as Build is.
	Recover(b Recovered) error
}

// Recovered is a block that the validators have found valid.
type Recovered struct {
	Parent []byte // the head before it
	PoV    []byte // its proof of validity: what validation code got as its block data
	Head   []byte // the head after it
}

// Opportunity is what a block is built on.
type Opportunity struct {
	// RelayParent is the block of the relay chain, and Number its height.
	RelayParent []byte
	Number      uint64
	// Head is the parachain's head before the block.
	Head []byte
	// MaxPoV is how long the proof of validity may be, in bytes.
	MaxPoV int
}

// Block is what was built.
type Block struct {
	// PoV is the block with all that its validation needs: what validation code gets as its block data.
	PoV []byte
	// Head is the parachain's head after it.
	Head []byte
	// Upward are messages to the relay chain.
	Upward [][]byte
}

// Spec declares a block producer of the para.
func Spec(id uint32, chain Chain) subsystem.Spec {
	s := Declared()
	s.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		p := newProducer(sub, id, chain)
		p.collate()
		p.watch()
		return p, nil
	}
	return s
}

// Declared is the role without a parachain: what a node admits.
func Declared() subsystem.Spec {
	return subsystem.Spec{
		Name:  Role,
		Class: subsystem.Pool,
		Asks: []proto.Message{
			&collatorv1.CollateOn{}, &collatorv1.SubmitCollation{}, &collatorv1.WatchCollations{},
			&runtimeapiv1.Request{}, &distributionv1.RecoverAvailableData{},
		},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { return newProducer(sub, 0, nil), nil },
	}
}
