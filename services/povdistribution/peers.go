package povdistribution

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// pastHeads is how many heads that have left a peer's view it may still ask about: its questions travel on another lane
// than its views.
const pastHeads = 2 * view.MaxHeads

// peer is a node that is connected.
type peer struct {
	id   primitives.NodeID
	view view.View
	past []primitives.Hash
	// asking is how many questions of ours it has, and line what is to be done when it has answered some.
	asking int
	line   []func()
	// early are its questions about relay parents that aren't in its view, which may be on the way.
	early []*question
	// accounts say what it has had, by relay parent of ours.
	accounts map[primitives.Hash]*account
	// stale: the bridge tells anew who is connected, and hasn't named it yet.
	stale bool
}

// onEvent takes news from the bridge.
func (d *distribution) onEvent(e *nbv1.NetworkBridgeEvent) {
	switch k := e.GetKind().(type) {
	case *nbv1.NetworkBridgeEvent_PeersReset:
		for _, p := range d.peers {
			p.stale = true
		}
	case *nbv1.NetworkBridgeEvent_PeerConnected:
		d.onConnected(k.PeerConnected.GetPeer())
	case *nbv1.NetworkBridgeEvent_PeerDisconnected:
		if p := d.peer(k.PeerDisconnected.GetPeer()); p != nil {
			d.forget(p)
		}
	case *nbv1.NetworkBridgeEvent_PeerViewChange:
		d.onPeerView(k.PeerViewChange)
	case *nbv1.NetworkBridgeEvent_OurViewChange:
		d.onOurView(k.OurViewChange.GetView())
	case *nbv1.NetworkBridgeEvent_PeerRequest:
		d.onRequest(k.PeerRequest)
	}
	for _, m := range e.Messages() {
		if p := d.peer(m.GetPeer()); p != nil {
			d.report(p, unreadable) // nothing but questions is said
		}
	}
}

// peer is the connected peer of that id; nil: there is none.
func (d *distribution) peer(raw []byte) *peer {
	id, err := primitives.NodeIDFrom(raw)
	if err != nil {
		return nil
	}
	return d.peers[id]
}

func (d *distribution) onConnected(raw []byte) {
	id, err := primitives.NodeIDFrom(raw)
	if err != nil {
		return
	}
	if p := d.peers[id]; p != nil {
		p.stale = false
		return
	}
	d.peers[id] = &peer{id: id, accounts: map[primitives.Hash]*account{}}
}

// forget goes on to other backers where this one was being asked.
func (d *distribution) forget(p *peer) {
	delete(d.peers, p.id)
	for _, f := range d.fetching() {
		if f.parts != nil && f.parts.from == p {
			d.pass(f.parts, "it has gone")
		}
	}
}

// fetching lists what is under way, in an order that is the same each time.
func (d *distribution) fetching() (list []*fetch) {
	for _, r := range d.leaves.All() {
		list = append(list, r.fetches...)
	}
	slices.SortStableFunc(list, func(a, b *fetch) int { return a.relayParent.hash.Compare(b.relayParent.hash) })
	return list
}

func (d *distribution) onPeerView(c *nbv1.PeerViewChange) {
	p := d.peer(c.GetPeer())
	v, err := view.From(c.GetView().GetHeads())
	if p == nil || err != nil {
		return
	}
	for _, h := range p.view {
		if !slices.Contains(v, h) && !slices.Contains(p.past, h) {
			p.past = append(p.past, h)
		}
	}
	p.past = p.past[max(0, len(p.past)-pastHeads):]
	p.view = v
	d.serveEarly(p)
}

// onOurView takes our own view, of which the peers have been told. It is also the last that the bridge says when it
// tells anew who is connected.
func (d *distribution) onOurView(m *nbv1.View) {
	v, err := view.From(m.GetHeads())
	if err != nil {
		d.sub.Log.Error("the network bridge tells a view that is none", "why", err)
		return
	}
	d.ours = v
	for _, p := range d.sorted() {
		if p.stale {
			d.forget(p)
		}
	}
	for _, h := range v {
		if r, active := d.leaves.Get(h[:]); active {
			d.start(r)
		}
	}
}

func (d *distribution) sorted() []*peer {
	list := make([]*peer, 0, len(d.peers))
	for _, p := range d.peers {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *peer) int { return a.id.Compare(b.id) })
	return list
}
