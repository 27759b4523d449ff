package engine

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// seal puts a message into its wire form. The node id isn't sent: the receiver knows whom it talks to.
func seal(chain primitives.Hash, m proto.Message) ([]byte, error) {
	w := &enginev1.PeerMessage{ChainId: chain[:]}
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
	default:
		return nil, fmt.Errorf("%T isn't sent to peers", m)
	}
	return proto.Marshal(w)
}

// open reads a peer's bytes into the message that is inside, with the sender's authenticated name in it.
func open(chain primitives.Hash, from primitives.NodeID, payload []byte) (proto.Message, error) {
	var w enginev1.PeerMessage
	if err := proto.Unmarshal(payload, &w); err != nil {
		return nil, fmt.Errorf("it doesn't decode: %w", err)
	}
	if got, err := primitives.HashFrom(w.GetChainId()); err != nil || got != chain {
		return nil, errOtherChain
	}
	node := from[:]
	switch k := w.GetKind().(type) {
	case *enginev1.PeerMessage_GetStateSummaryFrontier:
		k.GetStateSummaryFrontier.NodeId = node
		return k.GetStateSummaryFrontier, nil
	case *enginev1.PeerMessage_StateSummaryFrontier_:
		k.StateSummaryFrontier_.NodeId = node
		return k.StateSummaryFrontier_, nil
	case *enginev1.PeerMessage_GetAcceptedStateSummary:
		k.GetAcceptedStateSummary.NodeId = node
		return k.GetAcceptedStateSummary, nil
	case *enginev1.PeerMessage_AcceptedStateSummary_:
		k.AcceptedStateSummary_.NodeId = node
		return k.AcceptedStateSummary_, nil
	case *enginev1.PeerMessage_GetAcceptedFrontier:
		k.GetAcceptedFrontier.NodeId = node
		return k.GetAcceptedFrontier, nil
	case *enginev1.PeerMessage_AcceptedFrontier_:
		k.AcceptedFrontier_.NodeId = node
		return k.AcceptedFrontier_, nil
	case *enginev1.PeerMessage_GetAccepted:
		k.GetAccepted.NodeId = node
		return k.GetAccepted, nil
	case *enginev1.PeerMessage_Accepted_:
		k.Accepted_.NodeId = node
		return k.Accepted_, nil
	case *enginev1.PeerMessage_GetAncestors:
		k.GetAncestors.NodeId = node
		return k.GetAncestors, nil
	case *enginev1.PeerMessage_Ancestors_:
		k.Ancestors_.NodeId = node
		return k.Ancestors_, nil
	case *enginev1.PeerMessage_Get:
		k.Get.NodeId = node
		return k.Get, nil
	case *enginev1.PeerMessage_Put:
		k.Put.NodeId = node
		return k.Put, nil
	case *enginev1.PeerMessage_PushQuery:
		k.PushQuery.NodeId = node
		return k.PushQuery, nil
	case *enginev1.PeerMessage_PullQuery:
		k.PullQuery.NodeId = node
		return k.PullQuery, nil
	case *enginev1.PeerMessage_Chits:
		k.Chits.NodeId = node
		return k.Chits, nil
	case *enginev1.PeerMessage_AppRequest:
		k.AppRequest.NodeId = node
		return k.AppRequest, nil
	case *enginev1.PeerMessage_AppResponse:
		k.AppResponse.NodeId = node
		return k.AppResponse, nil
	case *enginev1.PeerMessage_AppError:
		k.AppError.NodeId = node
		return k.AppError, nil
	case *enginev1.PeerMessage_AppGossip:
		k.AppGossip.NodeId = node
		return k.AppGossip, nil
	case *enginev1.PeerMessage_Unanswered:
		return k.Unanswered, nil
	}
	return nil, fmt.Errorf("it is of no kind that is known here")
}
