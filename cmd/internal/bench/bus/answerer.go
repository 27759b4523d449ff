package bus

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// Protocols that tell the answerer what is wanted; a real bridge would send them to a peer.
const (
	echo  = "echo"
	count = "count"
)

const answererName = "network-bridge"

// answerer sends asks back, and counts one-way messages until as many have come as an ask for the count expects.
type answerer struct {
	counted, expected uint64
	waiting           *subsystem.Message
	acks
}

func answererSpec() subsystem.Spec {
	return subsystem.Spec{
		Name: answererName, Sends: []proto.Message{(*statementdistributionv1.Share)(nil)},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { return &answerer{acks: acks{sub}}, nil },
	}
}

func (a *answerer) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *networkbridgev1.SendRequest:
		a.onRequest(m, body)
	case *networkbridgev1.SendConsensusMessage:
		a.counted++
		a.settle()
	default:
		m.Unknown()
	}
}

func (a *answerer) onRequest(m *subsystem.Message, body *networkbridgev1.SendRequest) {
	if body.Protocol == count && len(body.Payload) == 8 {
		a.expected, a.waiting = binary.BigEndian.Uint64(body.Payload), m
		a.settle()
		return
	}
	m.Reply(payload(body.Payload))
}

// settle answers the ask for the count once everything is there.
func (a *answerer) settle() {
	if a.waiting == nil || a.counted < a.expected {
		return
	}
	a.waiting.Reply(payload(binary.BigEndian.AppendUint64(nil, a.counted)))
	a.waiting, a.counted = nil, 0
}

func payload(b []byte) *networkbridgev1.SendRequestResponse {
	return &networkbridgev1.SendRequestResponse{Outcome: &networkbridgev1.SendRequestResponse_Payload{Payload: b}}
}

// acks acknowledges every leaf to the asker, which is how a round of signals knows that all have heard.
type acks struct{ sub *subsystem.Sub }

func (a acks) Signal(sig *overseerv1.Signal) {
	if leaf := sig.GetStartWork(); leaf != nil {
		a.sub.Send(&statementdistributionv1.Share{RelayParent: leaf.Hash})
	}
}

// listener is a subsystem that takes signals and one-way messages and does nothing with them.
type listener struct{ acks }

func listenerSpec(name string) subsystem.Spec {
	return subsystem.Spec{
		Name: name, Sends: []proto.Message{(*statementdistributionv1.Share)(nil)},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { return listener{acks{sub}}, nil },
	}
}

func (listener) Handle(*subsystem.Message) {}
