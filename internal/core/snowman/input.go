package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// Input is something that happened. The types below are all there are.
type Input interface{ input() }

type (
	// PeerConnected: a peer takes part in the chain from now on.
	PeerConnected struct{ Node primitives.NodeID }
	// PeerDisconnected: it is gone.
	PeerDisconnected struct{ Node primitives.NodeID }

	// PushQuery: a peer shows a block and asks for the preference.
	PushQuery struct {
		Node      primitives.NodeID
		RequestID uint32
		Container []byte
		Height    uint64
	}
	// PullQuery: a peer names a block and asks for the preference.
	PullQuery struct {
		Node      primitives.NodeID
		RequestID uint32
		ID        primitives.Hash
		Height    uint64
	}
	// Chits: a peer votes.
	Chits struct {
		Node                             primitives.NodeID
		RequestID                        uint32
		Preferred, PreferredAt, Accepted primitives.Hash
		AcceptedHeight                   uint64
	}
	// Put: a peer sends a block, with its certificate if it has accepted it.
	Put struct {
		Node        primitives.NodeID
		RequestID   uint32
		Container   []byte
		Certificate []byte
	}
	// Ancestors: a peer sends a block and those before it, newest first, and the certificate of each.
	Ancestors struct {
		Node         primitives.NodeID
		RequestID    uint32
		Containers   [][]byte
		Certificates [][]byte
	}
	// Votes: a peer sends votes of a height, its own or others'. Nobody has checked the signatures.
	Votes struct {
		Node   primitives.NodeID
		Height uint64
		Votes  []finality.Signed
	}
	// GetVotes: a peer asks for what is known of a round.
	GetVotes struct {
		Node   primitives.NodeID
		Height uint64
		Round  uint32
	}
	// Proof: a peer sends a quorum's votes as a whole.
	Proof struct {
		Node  primitives.NodeID
		Proof []byte
	}
	// Certified: a peer sends a block that it has accepted, with the certificate.
	Certified struct {
		Node                   primitives.NodeID
		Container, Certificate []byte
	}
	// AcceptedFrontier: a peer names its last accepted block.
	AcceptedFrontier struct {
		Node      primitives.NodeID
		RequestID uint32
		ID        primitives.Hash
	}
	// Accepted: a peer says which of the blocks it was asked for it has accepted.
	Accepted struct {
		Node      primitives.NodeID
		RequestID uint32
		IDs       []primitives.Hash
	}
	// RequestFailed: a request of ours gets no answer, as the peer, the network or the caller says. Timeouts and
	// disconnects are found by the core itself.
	RequestFailed struct {
		Node      primitives.NodeID
		RequestID uint32
		Answer    requests.Answer
		Reason    requests.Reason
	}

	// Verified: the VM found a block valid.
	Verified struct{ ID primitives.Hash }
	// Invalid: the VM found that a block breaks its rules.
	Invalid struct {
		ID     primitives.Hash
		Reason string
	}
	// Unjudged: the VM couldn't judge a block. It failed, hung or died on it, after it had taken so long; or it says
	// after what time it is to be asked again.
	Unjudged struct {
		ID          primitives.Hash
		Why         string
		Took, After time.Duration
	}
	// VoteSigned: a vote of this node is durable and signed.
	VoteSigned struct {
		Height uint64
		Vote   finality.Signed
	}
	// BlockKept: the block of the Keep with this number is durable, and so are those before.
	BlockKept struct{ Number uint64 }
	// Restored: a block that was kept before this core began, and the proof that was kept with it.
	Restored struct {
		Block *block.Block
		Proof []byte
	}
	// Committed: the VM has made an accepted block durable.
	Committed struct{ ID primitives.Hash }
	// PendingTxs: the VM has something for a block.
	PendingTxs struct{}
	// Built: the block that Build asked for, signed.
	Built struct{ Block *block.Block }
	// NotBuilt: there is no block.
	NotBuilt struct{ Why WhyNotBuilt }
	// CheckFrontier: compare with the network now, however idle.
	CheckFrontier struct{}
)

// WhyNotBuilt says what to do next.
type WhyNotBuilt uint8

const (
	// NothingToBuild: wait for the next PendingTxs.
	NothingToBuild WhyNotBuilt = iota
	// SlotTaken: another block has been signed for this height and slot; use a later slot.
	SlotTaken
	// TryAgain: something was missing or restarting.
	TryAgain
)

func (PeerConnected) input()    {}
func (PeerDisconnected) input() {}
func (PushQuery) input()        {}
func (PullQuery) input()        {}
func (Chits) input()            {}
func (Put) input()              {}
func (Ancestors) input()        {}
func (AcceptedFrontier) input() {}
func (Accepted) input()         {}
func (RequestFailed) input()    {}
func (Votes) input()            {}
func (GetVotes) input()         {}
func (Proof) input()            {}
func (Certified) input()        {}
func (VoteSigned) input()       {}
func (Verified) input()         {}
func (Invalid) input()          {}
func (Unjudged) input()         {}
func (BlockKept) input()        {}
func (Restored) input()         {}
func (Committed) input()        {}
func (PendingTxs) input()       {}
func (Built) input()            {}
func (NotBuilt) input()         {}
func (CheckFrontier) input()    {}
