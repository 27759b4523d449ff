package networkbridge

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/twins"
)

// Lane is one ordered stream of frames between two nodes, with a queue and a size limit of its own.
type Lane uint8

// The lanes. Consensus is never shed, and shares its connection with backing alone.
const (
	LaneConsensus Lane = iota
	LaneBacking
	LaneGossip
	LaneBulk
	Lanes // how many there are
)

// String names the lane in logs and metrics.
func (l Lane) String() string {
	names := [Lanes]string{"consensus", "backing", "gossip", "bulk"}
	if l < Lanes {
		return names[l]
	}
	return fmt.Sprintf("lane %d", uint8(l))
}

// FrameOverhead is what a frame may add to the payload it carries: protocol name, ids and lengths.
const FrameOverhead = 128

// MaxFrame is the largest frame of a lane in bytes. A receiver checks it before it allocates; a longer one ends the
// connection.
func (l Lane) MaxFrame() int {
	switch l {
	case LaneGossip:
		return 256<<10 + FrameOverhead
	case LaneBacking:
		return 1<<20 + FrameOverhead
	default:
		return 2<<20 + FrameOverhead
	}
}

// Address is a node and where it may be called.
type Address struct {
	Node primitives.NodeID
	// At are multiaddrs, /ip4/127.0.0.1/tcp/9651 for instance. They are tried in this order.
	At []string
}

// Transport is the port to the network: authenticated links to other nodes, and nothing else. What is said on them,
// whom to call and whom to turn away is the handler's business, so that the simulator's network needs a hundred lines.
//
// A link is up from its Up event to its Down event; frames of one lane arrive in the order in which they were sent, and
// between these two. There is at most one link between two nodes; when both call each other at once, one is kept and
// both see the same. Every method but Start and Close returns at once. The events function only queues: it calls no
// method of the Transport.
type Transport interface {
	// Self is this node's identity, the one that it proves to others.
	Self() primitives.NodeID
	// Start begins to listen. The events function is called for each event until Close returns, from any goroutine; it
	// doesn't block.
	Start(events func(Event)) error
	// Addresses are the multiaddrs at which others may reach this node, with the real port. Valid after Start.
	Addresses() []string
	// Send queues a frame, which isn't changed from then on by anyone. False: there is no link, or the queue is full
	// and the frame was shed. On the consensus lane a full queue ends the link instead.
	Send(peer primitives.NodeID, lane Lane, frame []byte) bool
	// Consumed tells that a frame of n bytes was dealt with. A transport stops reading from a peer that has too many
	// bytes not yet consumed, so it is called once for each Frame event.
	Consumed(peer primitives.NodeID, lane Lane, n int)
	// Connect makes one attempt, within a few seconds. It ends in Up or in Unreachable, unless the link is up already.
	Connect(Address)
	// Probe makes one call to see whether the node is there, and hangs up. Answered follows if it is, and nothing if not.
	Probe(node primitives.NodeID, at string)
	// Disconnect ends the link; Down follows if there was one.
	Disconnect(peer primitives.NodeID)
	// Close ends all links without Down events, and stops listening.
	Close() error
}

type Kind uint8

// The kinds of events.
const (
	// Up: a link is there. Peer is proven; Inbound, Address and Run describe the link.
	Up Kind = iota + 1
	// Down: it is gone. Err says why.
	Down
	// Frame: Bytes arrived on Lane. They belong to the receiver.
	Frame
	// Unreachable: a Connect failed. Err says why.
	Unreachable
	// Answered: a Probe found the node at Address.
	Answered
	// Ended: the node can't be called any more, though nobody has closed the transport. Err says why.
	Ended
)

// Event is news from the transport.
type Event struct {
	Kind    Kind
	Peer    primitives.NodeID
	Lane    Lane
	Bytes   []byte
	Inbound bool
	Address string
	// Run names the run of the peer's program, with Up.
	Run twins.Run
	Err error
}
