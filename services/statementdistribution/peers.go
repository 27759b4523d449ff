package statementdistribution

import (
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

const (
	// maxWaiting is how many bytes of a peer wait for their turn at most, as many as the bridge itself takes of one.
	maxWaiting = 4 << 20
	// itemOverhead is what each item counts for beside its bytes.
	itemOverhead = 256
	// viewsPerSecond and viewsAtOnce are how often a peer may change its view before it has to wait: with each view it
	// may be sent all that there is about five relay parents.
	viewsPerSecond, viewsAtOnce = 10, 20
)

// peer is a node that is connected, and what came from it and isn't done.
type peer struct {
	id      primitives.NodeID
	waiting []item // in the order in which it came
	bytes   int    // of what waits
	busy    bool   // signatures of its first message are being verified, or its next view has to wait
	views   *rate.Limiter
	muted   time.Time // until then what it says isn't looked at
	// early are messages about relay parents that aren't active yet, and earlyBytes their length.
	early      []*saying
	earlyBytes int
	earned     []benefit // not reported yet
	// stale: the bridge tells anew who is connected, and hasn't named it yet.
	stale bool
}

// item is one thing that came from a peer: a message, one that was early, or its view.
type item struct {
	payload []byte
	said    *saying
	view    view.View
	isView  bool
}

func (i *item) size() int {
	size := itemOverhead + len(i.payload)
	if i.said != nil {
		size += i.said.bytes
	}
	return size
}

// onEvent takes news from the bridge.
func (d *distribution) onEvent(e *nbv1.NetworkBridgeEvent) {
	switch k := e.GetKind().(type) {
	case *nbv1.NetworkBridgeEvent_PeersReset:
		d.introduced = true
		for _, p := range d.peers {
			p.stale = true
		}
		for _, r := range d.leaves.All() {
			r.joined = true
		}
	case *nbv1.NetworkBridgeEvent_PeerConnected:
		d.onConnected(k.PeerConnected.GetPeer())
	case *nbv1.NetworkBridgeEvent_PeerDisconnected:
		d.onDisconnected(k.PeerDisconnected.GetPeer())
	case *nbv1.NetworkBridgeEvent_PeerViewChange:
		d.onPeerView(k.PeerViewChange)
	case *nbv1.NetworkBridgeEvent_OurViewChange:
		d.onOurView(k.OurViewChange.GetView())
	}
	for _, m := range e.Messages() {
		if p := d.peer(m.GetPeer()); p != nil {
			d.queue(p, item{payload: m.GetPayload()})
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

// onConnected begins with a peer. What was known of one that the bridge only tells anew stays: the peer hasn't
// forgotten it either, so to tell it all again would cost us.
func (d *distribution) onConnected(raw []byte) {
	id, err := primitives.NodeIDFrom(raw)
	if err != nil {
		return
	}
	if p := d.peers[id]; p != nil {
		p.stale = false
		return
	}
	d.peers[id] = &peer{id: id, views: rate.NewLimiter(viewsPerSecond, viewsAtOnce)}
	d.known.Connected(id)
}

func (d *distribution) onDisconnected(raw []byte) {
	if p := d.peer(raw); p != nil {
		d.forget(p)
	}
}

func (d *distribution) forget(p *peer) {
	delete(d.peers, p.id)
	d.known.Disconnected(p.id)
}

func (d *distribution) onPeerView(c *nbv1.PeerViewChange) {
	p := d.peer(c.GetPeer())
	v, err := view.From(c.GetView().GetHeads())
	if p != nil && err == nil {
		d.queue(p, item{view: v, isView: true})
	}
}

// onOurView takes our own view, of which the peers have been told. It is also the last that the bridge says when it
// tells anew who is connected.
func (d *distribution) onOurView(m *nbv1.View) {
	v, err := view.From(m.GetHeads())
	if err != nil {
		d.sub.Log.Error("the network bridge tells a view that is none", "why", err)
		return
	}
	for _, p := range d.sorted() {
		if p.stale {
			d.forget(p)
		}
	}
	d.send(d.known.OurView(v))
	for _, p := range d.peers {
		d.dropEarly(p)
	}
}

// sorted are the peers in the order of their ids, for what can be seen outside.
func (d *distribution) sorted() []*peer {
	list := make([]*peer, 0, len(d.peers))
	for _, p := range d.peers {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *peer) int { return a.id.Compare(b.id) })
	return list
}
