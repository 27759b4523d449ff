package memnet

import (
	"encoding/binary"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/twins"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Node is the transport of one start of a node's bridge.
type Node struct {
	// Received counts the bytes of frames not yet consumed, so that a test can see that each was.
	Received int

	net    *Network
	node   int
	run    twins.Run
	events func(nb.Event)
}

var _ nb.Transport = (*Node)(nil)

// Node makes the transport for a start of a node's bridge.
func (n *Network) Node(id primitives.NodeID) *Node {
	n.runs++
	t := &Node{net: n, node: n.node(id)}
	binary.BigEndian.PutUint64(t.run[:], n.runs)
	return t
}

// Self is the node's identity.
func (t *Node) Self() primitives.NodeID { return t.net.ids[t.node] }

// Start makes the node reachable.
func (t *Node) Start(events func(nb.Event)) error {
	t.events = events
	t.net.up[t.node] = t
	return nil
}

// Addresses is a name, no more: nodes are found by their identity.
func (t *Node) Addresses() []string { return []string{address(t.Self())} }

func (t *Node) alive() bool { return t.net.up[t.node] == t }

// Send puts a frame on its way.
func (t *Node) Send(peer primitives.NodeID, lane nb.Lane, frame []byte) bool {
	n := t.net
	to, known := n.index[peer]
	if !known || !t.alive() || len(frame) > lane.MaxFrame() {
		return false
	}
	l, side := n.link(t.node, to)
	if !l.ends[side].up {
		return false
	}
	n.Count.Sent++
	if n.cfg.Tap != nil {
		if frame = n.cfg.Tap(t.node, to, lane, frame); frame == nil {
			return true
		}
	}
	t.depart(l, side, to, lane, frame)
	return true
}

// Say puts a frame on its way in a node's name, unseen by the Tap: what an adversary has to say of its own accord, or
// held back before. It is lost where the two have no link, or haven't greeted each other on the lane.
func (n *Network) Say(from, to int, lane nb.Lane, frame []byte) {
	t := n.up[from]
	if t == nil || from == to {
		return
	}
	l, side := n.link(from, to)
	if !l.ends[side].up || l.ends[side].lanes[lane].sent == 0 {
		return
	}
	n.Count.Sent++
	t.depart(l, side, to, lane, frame)
}

// depart lets a frame leave, if nothing holds it up.
func (t *Node) depart(l *link, side, to int, lane nb.Lane, frame []byte) {
	n := t.net
	if n.blocked[t.node][to] || l.ends[side].lanes[lane].cut {
		n.Count.Blocked++
		n.log("blocked", t.node, to, lane, frame)
		n.lose(l, side, lane)
		n.doom(t.node, to)
		return
	}
	t.carry(l, side, to, lane, frame)
}

// carry applies the faults to a frame that isn't held up.
func (t *Node) carry(l *link, side, to int, lane nb.Lane, frame []byte) {
	n := t.net
	at := &l.ends[side].lanes[lane]
	greeting := at.sent == 0
	at.sent++
	arrival := n.cfg.Scheduler.Elapsed() + n.delay(t.node, to)
	if greeting {
		at.arrival = max(at.arrival, arrival)
		t.arrive(l, to, lane, frame, at.arrival)
		return
	}
	rng, f := n.cfg.RNG, &n.Faults
	if n.cfg.Streams[lane] {
		at.arrival = max(at.arrival, arrival)
		t.arrive(l, to, lane, frame, at.arrival)
		return
	}
	if f.Loss > 0 && virtual.Chance(rng, f.Loss) {
		n.Count.Lost++
		n.log("lost", t.node, to, lane, frame)
		return
	}
	if f.Repeat > 0 && virtual.Chance(rng, f.Repeat) {
		n.Count.Repeated++
		t.arrive(l, to, lane, frame, max(at.arrival, arrival)+n.delay(t.node, to))
	}
	if f.Reorder > 0 && virtual.Chance(rng, f.Reorder) {
		n.Count.Reordered++
		t.arrive(l, to, lane, frame, max(at.arrival, arrival)+n.delay(t.node, to)) // those sent later may pass it
		return
	}
	at.arrival = max(at.arrival, arrival)
	t.arrive(l, to, lane, frame, at.arrival)
}

// lose notes that a frame doesn't come through: on a stream none follows it, as long as the link lasts.
func (n *Network) lose(l *link, side int, lane nb.Lane) {
	l.ends[side].lanes[lane].cut = l.ends[side].lanes[lane].cut || n.cfg.Streams[lane]
}

func (n *Network) delay(from, to int) time.Duration {
	d := n.cfg.Delay(from, to)
	if n.Faults.Jitter > 0 {
		jitter := time.Duration(n.cfg.RNG.ExpFloat64() * float64(n.Faults.Jitter))
		if n.Faults.Late > 0 && virtual.Chance(n.cfg.RNG, n.Faults.Late) {
			jitter *= 10
		}
		d += min(jitter, maxJitter)
	}
	return d
}

const maxJitter = 2 * time.Second

func (t *Node) arrive(l *link, to int, lane nb.Lane, frame []byte, at time.Duration) {
	n, generation := t.net, l.generation
	n.cfg.Scheduler.Do(at-n.cfg.Scheduler.Elapsed(), func() {
		if l.generation != generation {
			return
		}
		_, side := n.link(t.node, to)
		if n.blocked[t.node][to] || l.ends[side].lanes[lane].cut {
			n.Count.Blocked++
			n.lose(l, side, lane)
			n.doom(t.node, to)
			return
		}
		n.Count.Delivered++
		n.log("brought", t.node, to, lane, frame)
		n.cfg.Scheduler.Trace.Add(uint64(lane))
		n.cfg.Scheduler.Trace.Bytes(frame)
		n.report(to, nb.Event{Kind: nb.Frame, Peer: n.ids[t.node], Lane: lane, Bytes: frame})
	})
}

// Consumed takes the bytes off Received. What a node may have in its memory is the bridge's own budget.
func (t *Node) Consumed(_ primitives.NodeID, _ nb.Lane, bytes int) { t.Received -= bytes }

// Connect calls a node.
func (t *Node) Connect(a nb.Address) {
	n := t.net
	to := n.node(a.Node)
	if to == t.node {
		t.fail(a.Node, ErrRefused, 0)
		return
	}
	n.cfg.Scheduler.After(n.delay(t.node, to)+n.delay(to, t.node), func() {
		l, side := n.link(t.node, to)
		switch {
		case !t.alive() || l.ends[side].up:
		case n.blocked[t.node][to] || n.blocked[to][t.node]:
			t.fail(a.Node, ErrSilent, virtual.Between(n.cfg.RNG, patienceMin, patienceMax))
		case n.up[to] == nil:
			t.fail(a.Node, ErrRefused, 0)
		default:
			n.join(t.node, to)
		}
	})
}

// Probe finds a node that could be called.
func (t *Node) Probe(node primitives.NodeID, at string) {
	n := t.net
	to := n.node(node)
	n.cfg.Scheduler.After(n.delay(t.node, to)+n.delay(to, t.node), func() {
		there := to != t.node && n.up[to] != nil && !n.blocked[t.node][to] && !n.blocked[to][t.node]
		if t.alive() && there && at == address(node) {
			t.events(nb.Event{Kind: nb.Answered, Peer: node, Address: at})
		}
	})
}

func (t *Node) fail(peer primitives.NodeID, why error, after time.Duration) {
	t.net.cfg.Scheduler.After(after, func() {
		if !t.alive() {
			return
		}
		if to := t.net.node(peer); to != t.node {
			if l, side := t.net.link(t.node, to); l.ends[side].up {
				return
			}
		}
		t.events(nb.Event{Kind: nb.Unreachable, Peer: peer, Err: why})
	})
}

// Disconnect ends a link.
func (t *Node) Disconnect(peer primitives.NodeID) {
	to, known := t.net.index[peer]
	if !known || !t.alive() {
		return
	}
	l, _ := t.net.link(t.node, to)
	generation := l.generation
	t.net.cfg.Scheduler.After(0, func() {
		if l.generation == generation {
			t.net.part(t.node, to, ErrEnded)
		}
	})
}

// Close takes the node off the network in good order.
func (t *Node) Close() error {
	t.leave(0, time.Millisecond)
	return nil
}

// Crash takes the node off the network without a word. If its machine lives the others learn it soon, else when they
// lose patience.
func (t *Node) Crash(machine bool) {
	if machine {
		t.leave(patienceMin, patienceMax)
		return
	}
	t.leave(0, 5*time.Millisecond)
}

func (t *Node) leave(least, most time.Duration) {
	n := t.net
	if !t.alive() {
		return
	}
	n.up[t.node] = nil
	for other := range n.up {
		if other == t.node {
			continue
		}
		l, side := n.link(t.node, other)
		if !l.ends[side].up {
			continue
		}
		l.ends[side].up = false
		l.generation++
		generation := l.generation
		n.cfg.Scheduler.After(virtual.Between(n.cfg.RNG, least, most), func() {
			if l.generation == generation {
				n.part(t.node, other, ErrBroken)
			}
		})
	}
}
