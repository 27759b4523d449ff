// Package networkbridge connects the node to the network. Everything a peer sends enters the node here and nothing
// leaves it elsewhere.
//
// It holds the links to other nodes through its Transport, greets them, and turns away those of another network
// (admission, dialer, exchange). It sends each protocol's subsystem news of the peers that take part in it
// (subscribers, families), and to peers what subsystems have for them: messages to many, requests with exactly one
// outcome (asked, served). It shows peers our view, made from the leaves that are signalled, and subsystems the peers'
// (views). It keeps the ledger of reputations, bans, and slots for validators (conduct, standing).
//
// A peer is never trusted: its frames are bounded in size, number and structure before they are decoded, what breaks a
// rule costs it, and nothing it sends can end a handler, or take more memory than its share. The bridge doesn't look
// into the payloads that it carries; whoever decodes them judges them with ReportPeer. It signs nothing and stores
// nothing.
package networkbridge

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/view"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Name is the subsystem's name.
const Name = "network-bridge"

// Spec declares the bridge. It sends to whoever is declared for a protocol in cfg, and asks nobody.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Single,
		Sends: updates(cfg.Protocols),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			b, err := newBridge(cfg, sub)
			if err != nil {
				return nil, err
			}
			return b, nil
		},
	}
}

// updates lists the variants that the protocols' events travel in, each once.
func updates(protocols []Protocol) (out []proto.Message) {
	seen := map[string]bool{}
	for _, p := range protocols {
		msg := p.Event(&nbv1.NetworkBridgeEvent{})
		if name := string(msg.ProtoReflect().Descriptor().FullName()); !seen[name] {
			seen[name] = true
			out = append(out, msg)
		}
	}
	return out
}

// Signal keeps our view.
func (b *bridge) Signal(sig *overseerv1.Signal) {
	switch k := sig.GetKind().(type) {
	case *overseerv1.Signal_StartWork:
		b.views.leaf(sig.GetChain(), k.StartWork.GetHash(), (*view.Leaves).Start)
	case *overseerv1.Signal_StopWork:
		b.views.leaf(sig.GetChain(), k.StopWork.GetHash(), (*view.Leaves).Stop)
	case *overseerv1.Signal_BlockFinalized, *overseerv1.Signal_Conclude:
		// A finalised block that is a leaf stays one, and Close does what is to be done at the end.
	}
}

// Handle takes one message.
func (b *bridge) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *nbv1.RegisterEventProducer:
		b.subscribers.register(m.From, body.GetProtocol(), m.Chain)
	case *nbv1.ReportPeer:
		b.onReportPeer(m.From, body)
	case *nbv1.SendMessage:
		b.onSend(m.Chain, body.GetPeers(), body.GetProtocol(), body.GetPayload())
	case *nbv1.SendConsensusMessage:
		b.onSend(m.Chain, body.GetPeers(), body.GetProtocol(), body.GetPayload())
	case *nbv1.SendGossip:
		b.onSend(m.Chain, body.GetPeers(), body.GetProtocol(), body.GetPayload())
	case *nbv1.SendBulk:
		b.onSend(m.Chain, body.GetPeers(), body.GetProtocol(), body.GetPayload())
	case *nbv1.SendRequest:
		b.onSendRequest(m, body)
	case *nbv1.SendResponse:
		b.onSendResponse(body)
	case *nbv1.ConnectToValidators:
		b.onConnectToValidators(m, body)
	case *nbv1.SetValidators:
		b.onSetValidators(body)
	case *nbv1.SetSyncing:
		b.views.setSyncing(m.Chain, body.GetSyncing())
	case *nbv1.Peers:
		m.Reply(b.report())
	default:
		m.Unknown()
	}
}

// Close ends every link.
func (b *bridge) Close() {
	if err := b.net.Close(); err != nil {
		b.sub.Log.Warn("the transport didn't close cleanly", "err", err)
	}
}
