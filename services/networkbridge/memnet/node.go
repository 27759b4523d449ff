package memnet

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Node is one node's transport.
type Node struct {
	net    *Network
	id     primitives.NodeID
	events func(nb.Event)
	// Received counts the bytes of frames not yet consumed, so that a test can see that each was.
	Received int
}

var _ nb.Transport = (*Node)(nil)

// Self is the identity given to Network.Node.
func (t *Node) Self() primitives.NodeID { return t.id }

// Start makes the node reachable.
func (t *Node) Start(events func(nb.Event)) error {
	t.events = events
	t.net.nodes[t.id] = t
	return nil
}

// Addresses is a name, no more: nodes are found by their identity.
func (t *Node) Addresses() []string { return []string{"/memory/" + t.id.Short()} }

// Send queues the frame for the other end.
func (t *Node) Send(peer primitives.NodeID, lane nb.Lane, frame []byte) bool {
	p := pairOf(t.id, peer)
	if !t.net.links[p] {
		return false
	}
	if len(frame) > lane.MaxFrame() {
		return false
	}
	if t.net.isCut(t.id, peer) {
		t.net.drop(p, ErrNoSuchNode)
		return false
	}
	t.net.post(t.net.nodes[peer], nb.Event{Kind: nb.Frame, Peer: t.id, Lane: lane, Bytes: slices.Clone(frame)})
	return true
}

// Consumed takes the bytes off Received.
func (t *Node) Consumed(_ primitives.NodeID, _ nb.Lane, n int) { t.Received -= n }

// Connect links the two nodes when the attempt's turn comes.
func (t *Node) Connect(to nb.Address) {
	t.net.queue = append(t.net.queue, delivery{do: func() { t.connect(to.Node) }})
}

func (t *Node) connect(peer primitives.NodeID) {
	p, other := pairOf(t.id, peer), t.net.nodes[peer]
	if t.net.links[p] || t.net.nodes[t.id] != t {
		return
	}
	if other == nil || other == t || t.net.isCut(t.id, peer) {
		t.net.post(t, nb.Event{Kind: nb.Unreachable, Peer: peer, Err: ErrNoSuchNode})
		return
	}
	t.net.links[p] = true
	t.net.post(t, nb.Event{Kind: nb.Up, Peer: peer, Address: other.Addresses()[0]})
	t.net.post(other, nb.Event{Kind: nb.Up, Peer: t.id, Address: t.Addresses()[0], Inbound: true})
}

// Disconnect ends the link.
func (t *Node) Disconnect(peer primitives.NodeID) { t.net.drop(pairOf(t.id, peer), ErrClosed) }

// Close takes the node off the network. Its peers see Down.
func (t *Node) Close() error {
	if t.net.nodes[t.id] != t {
		return nil
	}
	for _, peer := range t.peers() {
		delete(t.net.links, pairOf(t.id, peer))
		t.net.post(t.net.nodes[peer], nb.Event{Kind: nb.Down, Peer: t.id, Err: ErrClosed})
	}
	delete(t.net.nodes, t.id)
	t.net.queue = slices.DeleteFunc(t.net.queue, func(d delivery) bool { return d.to == t })
	return nil
}

func (t *Node) peers() []primitives.NodeID {
	var out []primitives.NodeID
	for p := range t.net.links {
		switch t.id {
		case p.a:
			out = append(out, p.b)
		case p.b:
			out = append(out, p.a)
		}
	}
	slices.SortFunc(out, primitives.NodeID.Compare)
	return out
}

func (t *Node) deliver(e nb.Event) {
	if e.Kind == nb.Frame {
		if !t.net.links[pairOf(t.id, e.Peer)] {
			return
		}
		t.Received += len(e.Bytes)
	}
	t.events(e)
}
