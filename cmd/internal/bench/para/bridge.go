package para

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// bridge plays the network bridge with 499 peers, each of them a validator.
type bridge struct {
	*stage
	event func(*nbv1.NetworkBridgeEvent) proto.Message // as the subject is told it
	asked func(*subsystem.Message, *nbv1.SendRequest)  // a peer is; nil: nobody is
	sent  func(payload []byte, peers int)              // to peers; nil: it isn't looked at
}

func (b *bridge) role() role {
	return role{name: "network-bridge", sends: []proto.Message{b.event(nil)}, on: b.on}
}

func (b *bridge) on(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *nbv1.SendMessage:
		b.count(body.GetPayload(), len(body.GetPeers()))
	case *nbv1.SendBulk:
		b.count(body.GetPayload(), len(body.GetPeers()))
	case *nbv1.SendResponse:
		b.count(body.GetPayload(), 1)
	case *nbv1.SendRequest:
		b.out.Add(int64(len(body.GetPayload())))
		b.asked(m, body)
	}
}

func (b *bridge) count(payload []byte, peers int) {
	b.out.Add(int64(len(payload) * peers))
	if b.sent != nil {
		b.sent(payload, peers)
	}
}

// tell gives the subject news.
func (b *bridge) tell(events ...*nbv1.NetworkBridgeEvent) {
	b.as("network-bridge", func(sub *subsystem.Sub) {
		for _, e := range events {
			sub.Send(b.event(e))
		}
	})
}

// connect connects all peers.
func (b *bridge) connect() {
	events := []*nbv1.NetworkBridgeEvent{{Kind: &nbv1.NetworkBridgeEvent_PeersReset{PeersReset: &nbv1.PeersReset{}}}}
	for _, id := range b.nodes[own+1:] {
		events = append(events, &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerConnected{
			PeerConnected: &nbv1.PeerConnected{Peer: id, Validator: true}}})
	}
	b.tell(events...)
}

// view has everybody work on a block.
func (b *bridge) view(number uint64) {
	hash := blockHash(number)
	v := &nbv1.View{Heads: [][]byte{hash[:]}}
	events := []*nbv1.NetworkBridgeEvent{{Kind: &nbv1.NetworkBridgeEvent_OurViewChange{
		OurViewChange: &nbv1.OurViewChange{View: v}}}}
	for _, id := range b.nodes[own+1:] {
		events = append(events, &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerViewChange{
			PeerViewChange: &nbv1.PeerViewChange{Peer: id, View: v}}})
	}
	b.tell(events...)
}

// message is one of a validator's node.
func (b *bridge) message(validator int, payload []byte) *nbv1.NetworkBridgeEvent {
	b.in.Add(int64(len(payload)))
	return &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessage{
		PeerMessage: &nbv1.PeerMessage{Peer: b.nodes[validator], Payload: payload}}}
}

// encoded is a message that can be encoded.
func encoded(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err) // it is made here, of what has an encoding
	}
	return b
}
