package snowman

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proof"
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

	// Verify asks the VM to judge a block whose parent is verified or accepted. Ends with Verified, Invalid or
	// Unjudged. Doubted: whatever else there is to be done comes first.
	Verify struct {
		Block   *block.Block
		Doubted bool
	}
	// Import tells the node that a block was issued.
	Import struct{ Block *block.Block }
	// Prefer tells the VM which block is preferred.
	Prefer struct{ ID primitives.Hash }
	// Accept makes a decided block durable together with its certificate, verifying it first if it hasn't been. Ends
	// with Committed, or the chain has to stop.
	Accept struct {
		Block       *block.Block
		Certificate []byte
	}
	// Reject tells the VM that a block that it has verified lost.
	Reject struct{ Block *block.Block }
	// Finalize tells the node that an accepted block is durable.
	Finalize struct{ Block *block.Block }
	// Build asks for a block on the parent. Ends with Built or NotBuilt.
	Build struct{ Header block.Header }

	// Keep makes an undecided block durable, in the order in which it is asked for. What was kept before may be
	// forgotten, but for the block Also, if it isn't zero. Ends with BlockKept; where it doesn't, this node doesn't
	// vote for the block. Proof, if there is one, is kept with it.
	Keep struct {
		Number uint64
		Block  *block.Block
		Also   primitives.Hash
		Proof  []byte
	}
	// SignVote has the keystore write down and sign a vote of this node. Ends with VoteSigned; where the keystore
	// refuses, this node has no vote.
	SignVote struct {
		Height uint64
		Vote   finality.Vote
	}
	// SendVotes sends votes of a height.
	SendVotes struct {
		Nodes  []primitives.NodeID
		Height uint64
		Votes  []finality.Signed
	}
	// SendProof sends a quorum's prepare votes as a whole.
	SendProof struct {
		Nodes []primitives.NodeID
		Proof []byte
	}
	// SendGetVotes asks for what is known of a round.
	SendGetVotes struct {
		Nodes  []primitives.NodeID
		Height uint64
		Round  uint32
	}
	// SendCertified sends the durable block of a height, with its certificate.
	SendCertified struct {
		Node   primitives.NodeID
		Height uint64
	}
	// Accuse: a validator has signed both votes, which no honest one does.
	Accuse struct {
		Height        uint64
		First, Second finality.Signed
	}
	// AccuseBlocks: a validator has signed both blocks for one slot, which no honest one does.
	AccuseBlocks struct{ First, Second block.Sealed }
	// Halt: what was decided can't be right. The chain has to stop.
	Halt struct {
		What string
		// Other proves that another block was decided than the one that was accepted here. Nil: that isn't why.
		Other *proof.Proof
	}

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
func (Keep) action()                    {}
func (SignVote) action()                {}
func (SendVotes) action()               {}
func (SendProof) action()               {}
func (SendGetVotes) action()            {}
func (SendCertified) action()           {}
func (Accuse) action()                  {}
func (AccuseBlocks) action()            {}
func (Halt) action()                    {}
func (Report) action()                  {}
