package bitfielddistribution

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// onEvent takes news from the bridge.
func (d *distribution) onEvent(e *nbv1.NetworkBridgeEvent) {
	switch k := e.GetKind().(type) {
	case *nbv1.NetworkBridgeEvent_PeersReset:
		for _, id := range d.core.Peers() {
			d.stale[id] = true
		}
	case *nbv1.NetworkBridgeEvent_PeerConnected:
		d.withPeer(k.PeerConnected.GetPeer(), d.connected)
	case *nbv1.NetworkBridgeEvent_PeerDisconnected:
		d.withPeer(k.PeerDisconnected.GetPeer(), d.disconnected)
	case *nbv1.NetworkBridgeEvent_PeerViewChange:
		d.onPeerView(k.PeerViewChange)
	case *nbv1.NetworkBridgeEvent_OurViewChange:
		d.told()
	}
	for _, m := range e.Messages() {
		d.withPeer(m.GetPeer(), func(id primitives.NodeID) { d.hear(id, m.GetPayload()) })
	}
}

// withPeer calls f with a peer's id.
func (d *distribution) withPeer(raw []byte, f func(primitives.NodeID)) {
	id, err := primitives.NodeIDFrom(raw)
	if err != nil {
		d.sub.Log.Error("the network bridge names a peer that can't be", "err", err)
		return
	}
	f(id)
}

// connected begins with a peer. What was known of one that the bridge only tells anew stays: the peer hasn't forgotten
// it either, so to tell it all again would cost us.
func (d *distribution) connected(id primitives.NodeID) {
	delete(d.stale, id)
	d.core.Connected(id)
}

func (d *distribution) disconnected(id primitives.NodeID) {
	delete(d.stale, id)
	delete(d.earned, id)
	d.core.Disconnected(id)
}

func (d *distribution) onPeerView(c *nbv1.PeerViewChange) {
	v, err := view.From(c.GetView().GetHeads())
	if err != nil {
		d.sub.Log.Error("the network bridge tells a view that is none", "err", err)
		return
	}
	d.withPeer(c.GetPeer(), func(id primitives.NodeID) {
		for _, send := range d.core.PeerView(id, v) {
			d.send(send)
		}
	})
}

// told is our own view coming, which is the last that the bridge says when it tells anew who is connected. What is in
// it means nothing here: the leaves come with signals.
func (d *distribution) told() {
	for _, id := range d.core.Peers() {
		if d.stale[id] {
			d.disconnected(id)
		}
	}
}
