package networkbridge

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// maxBatch is how many bytes of payload one PeerMessages carries.
const maxBatch = 128 << 10

// protocol is one declared protocol with what waits to be told to its subsystem.
type protocol struct {
	Protocol
	batch []*nbv1.PeerMessage
	bytes int
	// stale: the subsystem had no room for news of state. What it knows is repaired when there is room, by telling everything anew.
	stale bool
}

func (b *bridge) addProtocol(p Protocol) error {
	if err := p.complete(); err != nil {
		return err
	}
	if b.protocols[p.Name] != nil {
		return fmt.Errorf("protocol %s is declared twice", p.Name)
	}
	added := &protocol{Protocol: p}
	b.protocols[p.Name] = added
	b.listed = append(b.listed, added)
	return nil
}

func (b *bridge) onRegisterEventProducer(from string, r *nbv1.RegisterEventProducer) {
	p := b.protocols[r.GetProtocol()]
	switch {
	case p == nil:
		b.sub.Log.Error("a subsystem registered for a protocol that isn't declared", "subsystem", from, "protocol", r.GetProtocol())
	case p.Subsystem != from:
		b.sub.Log.Error("a second registration is ignored: the first one stays", "subsystem", from, "protocol", p.Name, "first", p.Subsystem)
	default:
		b.reset(p)
	}
}

// reset tells a protocol's subsystem everything from the beginning.
func (b *bridge) reset(p *protocol) {
	p.batch, p.bytes, p.stale = nil, 0, false
	b.tell(p, &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeersReset{PeersReset: &nbv1.PeersReset{}}})
	for _, id := range b.order {
		if peer := b.peers[id]; peer.in(p.Family) {
			b.tellConnected(p, peer)
		}
	}
	if b.told != nil && !p.NoViews {
		b.tell(p, ourView(b.told))
	}
}

func (b *bridge) tellConnected(p *protocol, peer *peer) {
	b.tell(p, &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerConnected{PeerConnected: &nbv1.PeerConnected{
		Peer: peer.id[:], Role: peer.role, Validator: b.validators[peer.id] > 0,
	}}})
	if !p.NoViews {
		b.tell(p, peerView(peer.id, peer.views[p.Family]))
	}
}

func ourView(v view.View) *nbv1.NetworkBridgeEvent {
	return &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_OurViewChange{OurViewChange: &nbv1.OurViewChange{View: &nbv1.View{Heads: v.Bytes()}}}}
}

func peerView(id primitives.NodeID, v view.View) *nbv1.NetworkBridgeEvent {
	return &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerViewChange{PeerViewChange: &nbv1.PeerViewChange{
		Peer: id[:], View: &nbv1.View{Heads: v.Bytes()},
	}}}
}

// tell gives news of state to a protocol's subsystem, after the messages that came before. It must arrive, or be told anew.
func (b *bridge) tell(p *protocol, e *nbv1.NetworkBridgeEvent) {
	b.flush(p)
	if !p.stale && b.give(p, e) != nil {
		p.stale = true
		b.repairLater()
	}
}

// tellFamily gives news to every protocol of a family.
func (b *bridge) tellFamily(f nbv1.Family, e func() *nbv1.NetworkBridgeEvent) {
	for _, p := range b.listed {
		if p.Family == f {
			b.tell(p, e())
		}
	}
}

// pass gives a peer's message to the protocol's subsystem, together with others that arrive in the same turn.
func (b *bridge) pass(p *protocol, from primitives.NodeID, payload []byte) {
	if p.bytes+len(payload) > maxBatch {
		b.flush(p)
	}
	p.batch = append(p.batch, &nbv1.PeerMessage{Peer: from[:], Payload: payload})
	p.bytes += len(payload)
}

// flush gives what waits. When the subsystem has no room, messages are dropped and counted: peers send again what matters.
func (b *bridge) flush(p *protocol) {
	if len(p.batch) == 0 {
		return
	}
	e := &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessage{PeerMessage: p.batch[0]}}
	if len(p.batch) > 1 {
		e.Kind = &nbv1.NetworkBridgeEvent_PeerMessages{PeerMessages: &nbv1.PeerMessages{Messages: p.batch}}
	}
	if p.stale || b.give(p, e) != nil {
		b.dropped.Undeliverable += uint64(len(p.batch))
	}
	p.batch, p.bytes = nil, 0
}

func (b *bridge) flushAll() {
	for _, p := range b.listed {
		b.flush(p)
	}
}

// repairPause is how often the bridge looks whether there is room again for news that was lost.
const repairPause = 200 * time.Millisecond

func (b *bridge) repairLater() {
	if b.repairing {
		return
	}
	b.repairing = true
	b.sub.After(repairPause, func() {
		b.repairing = false
		b.repair()
	})
}

// repair tells everything anew to the subsystems that missed something, once they have room for all of it.
func (b *bridge) repair() {
	needed := 2*len(b.order) + 2
	for _, p := range b.listed {
		if p.stale && b.sub.Room(p.Event(&nbv1.NetworkBridgeEvent{})) >= needed {
			b.reset(p)
		}
		if p.stale {
			b.repairLater()
		}
	}
}

func (b *bridge) give(p *protocol, e *nbv1.NetworkBridgeEvent) error {
	e.Protocol = p.Name
	return b.sub.TrySend(p.Event(e))
}
