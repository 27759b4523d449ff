// Package memnet is a network in memory, for tests: any number of nodes, links that are up or down, frames that arrive in order.
// Nothing happens by itself: what is sent lies in a queue until the test calls Step or Run, so a test decides about every
// interleaving and needs no sleep. It holds no goroutine and may be used by one alone.
package memnet

import (
	"errors"

	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// ErrNoSuchNode is the reason of Unreachable when nobody listens there.
var ErrNoSuchNode = errors.New("nobody listens there")

// ErrClosed is the reason of Down when one end ended the link.
var ErrClosed = errors.New("the link was ended")

// Network joins nodes. The zero value is ready.
type Network struct {
	nodes map[primitives.NodeID]*Node
	links map[pair]bool
	queue []delivery
	cut   func(a, b primitives.NodeID) bool
}

type pair struct{ a, b primitives.NodeID }

func pairOf(a, b primitives.NodeID) pair {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return pair{a, b}
}

type delivery struct {
	to    *Node
	event nb.Event
	do    func()
}

// Node makes a node of the network.
func (n *Network) Node(id primitives.NodeID) *Node {
	if n.nodes == nil {
		n.nodes, n.links = map[primitives.NodeID]*Node{}, map[pair]bool{}
	}
	node := &Node{net: n, id: id}
	return node
}

// Cut decides which pairs can't reach each other from now on; their links go down at the next Connect or Send. Nil heals.
func (n *Network) Cut(cut func(a, b primitives.NodeID) bool) { n.cut = cut }

func (n *Network) isCut(a, b primitives.NodeID) bool { return n.cut != nil && n.cut(a, b) }

// Step delivers one queued event and tells whether there was one.
func (n *Network) Step() bool {
	if len(n.queue) == 0 {
		return false
	}
	d := n.queue[0]
	n.queue = n.queue[1:]
	if d.do != nil {
		d.do()
	} else {
		d.to.deliver(d.event)
	}
	return true
}

// Run delivers until nothing is queued any more, and gives up after a million steps.
func (n *Network) Run() {
	for range 1_000_000 {
		if !n.Step() {
			return
		}
	}
	panic("memnet: the nodes never stop talking")
}

func (n *Network) post(to *Node, e nb.Event) { n.queue = append(n.queue, delivery{to: to, event: e}) }

func (n *Network) drop(p pair, err error) {
	if !n.links[p] {
		return
	}
	delete(n.links, p)
	n.post(n.nodes[p.a], nb.Event{Kind: nb.Down, Peer: p.b, Err: err})
	n.post(n.nodes[p.b], nb.Event{Kind: nb.Down, Peer: p.a, Err: err})
}
