package snowman

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// Action is something to do. The types below are all there are; they are to be performed in the order given.
type Action interface{ action() }

type (
	// SendPushQuery shows a block to the nodes and asks for their preference.
	SendPushQuery struct {
		Nodes     []primitives.NodeID
		RequestID uint32
		Container []byte
		Height    uint64
	}
	// SendPullQuery names a block and asks for their preference.
	SendPullQuery struct {
		Nodes     []primitives.NodeID
		RequestID uint32
		ID        primitives.Hash
		Height    uint64
	}
	// SendChits answers a query.
	SendChits struct {
		Node                             primitives.NodeID
		RequestID                        uint32
		Preferred, PreferredAt, Accepted primitives.Hash
		AcceptedHeight                   uint64
	}
	// SendGet asks for a block.
	SendGet struct {
		Node      primitives.NodeID
		RequestID uint32
		ID        primitives.Hash
	}
	// SendGetAncestors asks for a block and those before it.
	SendGetAncestors struct {
		Node      primitives.NodeID
		RequestID uint32
		ID        primitives.Hash
	}
	// SendGetAcceptedFrontier asks for the last accepted blocks.
	SendGetAcceptedFrontier struct {
		Nodes     []primitives.NodeID
		RequestID uint32
	}
	// SendGetAccepted asks which of the blocks are accepted.
	SendGetAccepted struct {
		Nodes     []primitives.NodeID
		RequestID uint32
		IDs       []primitives.Hash
	}

	// Verify asks the VM to judge a block whose parent is verified or accepted. Ends with Verified or Invalid.
	Verify struct{ Block *block.Block }
	// Import tells the node that a block was issued.
	Import struct{ Block *block.Block }
	// Prefer tells the VM which block is preferred.
	Prefer struct{ ID primitives.Hash }
	// Accept makes a decided block durable, verifying it first if it hasn't been. Ends with Committed, or the chain has to
	// stop.
	Accept struct{ Block *block.Block }
	// Reject tells the VM that a block that it has verified lost.
	Reject struct{ Block *block.Block }
	// Finalize tells the node that an accepted block is durable.
	Finalize struct{ Block *block.Block }
	// Build asks for a block on the parent. Ends with Built or NotBuilt.
	Build struct{ Header block.Header }

	// Report says what a peer's conduct costs it.
	Report struct {
		Node   primitives.NodeID
		Cost   int
		Reason string
	}
)

func (SendPushQuery) action()           {}
func (SendPullQuery) action()           {}
func (SendChits) action()               {}
func (SendGet) action()                 {}
func (SendGetAncestors) action()        {}
func (SendGetAcceptedFrontier) action() {}
func (SendGetAccepted) action()         {}
func (Verify) action()                  {}
func (Import) action()                  {}
func (Prefer) action()                  {}
func (Accept) action()                  {}
func (Reject) action()                  {}
func (Finalize) action()                {}
func (Build) action()                   {}
func (Report) action()                  {}
