package engine

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

var errOtherChain = errors.New("it is for another chain")

// peerBudget is what a peer's message may cost here. The blocks of the longest Ancestors, each with its certificate,
// are the most elements that one has; the rest is room for fields of later versions.
var peerBudget = decode.Budget{Bytes: 2 << 20, Elements: 2*maxAncestors + 64, Depth: 3}

// seal puts a message into its wire form. The node id isn't sent: the receiver knows whom it talks to.
func seal(chain primitives.Hash, m proto.Message) ([]byte, error) {
	w := wrap(m)
	if w == nil {
		return nil, fmt.Errorf("%T isn't sent to peers", m)
	}
	w.ChainId = chain[:]
	return proto.Marshal(w)
}

// open reads a peer's bytes.
func open(chain primitives.Hash, payload []byte) (*enginev1.PeerMessage, error) {
	w := &enginev1.PeerMessage{}
	if err := decode.Unmarshal(payload, w, peerBudget); err != nil {
		return nil, err
	}
	if got, err := primitives.HashFrom(w.GetChainId()); err != nil || got != chain {
		return nil, errOtherChain
	}
	if w.GetKind() == nil {
		return nil, errors.New("it is of no kind that is known here")
	}
	return w, nil
}

// wrap is the one list of what the engines of two nodes say to each other. Nil: m isn't in it.
func wrap(m proto.Message) *enginev1.PeerMessage {
	w := &enginev1.PeerMessage{}
	switch m := m.(type) {
	case *enginev1.GetStateSummaryFrontier:
		w.Kind = &enginev1.PeerMessage_GetStateSummaryFrontier{GetStateSummaryFrontier: m}
	case *enginev1.StateSummaryFrontier:
		w.Kind = &enginev1.PeerMessage_StateSummaryFrontier_{StateSummaryFrontier_: m}
	case *enginev1.GetAcceptedStateSummary:
		w.Kind = &enginev1.PeerMessage_GetAcceptedStateSummary{GetAcceptedStateSummary: m}
	case *enginev1.AcceptedStateSummary:
		w.Kind = &enginev1.PeerMessage_AcceptedStateSummary_{AcceptedStateSummary_: m}
	case *enginev1.GetAcceptedFrontier:
		w.Kind = &enginev1.PeerMessage_GetAcceptedFrontier{GetAcceptedFrontier: m}
	case *enginev1.AcceptedFrontier:
		w.Kind = &enginev1.PeerMessage_AcceptedFrontier_{AcceptedFrontier_: m}
	case *enginev1.GetAccepted:
		w.Kind = &enginev1.PeerMessage_GetAccepted{GetAccepted: m}
	case *enginev1.Accepted:
		w.Kind = &enginev1.PeerMessage_Accepted_{Accepted_: m}
	case *enginev1.GetAncestors:
		w.Kind = &enginev1.PeerMessage_GetAncestors{GetAncestors: m}
	case *enginev1.Ancestors:
		w.Kind = &enginev1.PeerMessage_Ancestors_{Ancestors_: m}
	case *enginev1.Get:
		w.Kind = &enginev1.PeerMessage_Get{Get: m}
	case *enginev1.Put:
		w.Kind = &enginev1.PeerMessage_Put{Put: m}
	case *enginev1.PushQuery:
		w.Kind = &enginev1.PeerMessage_PushQuery{PushQuery: m}
	case *enginev1.PullQuery:
		w.Kind = &enginev1.PeerMessage_PullQuery{PullQuery: m}
	case *enginev1.Chits:
		w.Kind = &enginev1.PeerMessage_Chits{Chits: m}
	case *enginev1.AppRequest:
		w.Kind = &enginev1.PeerMessage_AppRequest{AppRequest: m}
	case *enginev1.AppResponse:
		w.Kind = &enginev1.PeerMessage_AppResponse{AppResponse: m}
	case *enginev1.AppError:
		w.Kind = &enginev1.PeerMessage_AppError{AppError: m}
	case *enginev1.AppGossip:
		w.Kind = &enginev1.PeerMessage_AppGossip{AppGossip: m}
	case *enginev1.Unanswered:
		w.Kind = &enginev1.PeerMessage_Unanswered{Unanswered: m}
	case *enginev1.Votes:
		w.Kind = &enginev1.PeerMessage_Votes{Votes: m}
	case *enginev1.GetVotes:
		w.Kind = &enginev1.PeerMessage_GetVotes_{GetVotes_: m}
	case *enginev1.Proof:
		w.Kind = &enginev1.PeerMessage_Proof{Proof: m}
	case *enginev1.Certified:
		w.Kind = &enginev1.PeerMessage_Certified{Certified: m}
	case *enginev1.Evidence:
		w.Kind = &enginev1.PeerMessage_Evidence{Evidence: m}
	default:
		return nil
	}
	return w
}
