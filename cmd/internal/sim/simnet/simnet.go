// Package simnet is a network of nodes in virtual time that loses, delays, reorders and repeats what is sent, and falls apart and
// heals as it is told. It stands behind the network bridge's Transport port, so what is above it is production code.
//
// Links come up when a node calls another, as with TCP: there is at most one between two nodes, frames of one lane arrive in order
// unless reordering is on, and a link on which something was lost to a partition breaks a while later. The first frame of each lane, the
// greeting, isn't touched by faults: a connection that doesn't come about is another fault.
//
// Tap sees every frame before it leaves, and may change it: that is how a liar lies and how what honest nodes say is checked.
package simnet

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim/virtual"
	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Faults is what the network does to frames.
type Faults struct {
	// Loss, Repeat and Reorder are probabilities per frame.
	Loss, Repeat, Reorder float64
	// Jitter is the mean of the delay that comes on top of a link's own, drawn anew for every frame.
	Jitter time.Duration
	// Late is the probability of a delay that is ten times as long.
	Late float64
}

// Count is what was done to frames: the proof that faults were injected.
type Count struct{ Sent, Delivered, Lost, Repeated, Reordered, Blocked, Broken uint64 }

// Config is what a network is made from.
type Config struct {
	Scheduler *virtual.Scheduler
	RNG       *rand.Rand
	// Nodes are the identities; a node is known by its index from here on.
	Nodes []primitives.NodeID
	// Delay is the least one-way delay between two nodes.
	Delay func(from, to int) time.Duration
	// Tap sees a frame before it leaves and returns what leaves in its place; nil: nothing. A nil Tap changes nothing.
	Tap func(from, to int, lane nb.Lane, frame []byte) []byte
	// Describe says what is in a frame, for a readable trace; nil: its length.
	Describe func(frame []byte) string
}

// Network joins the nodes.
type Network struct {
	// Faults may be changed at any time.
	Faults Faults
	Count  Count

	cfg     Config
	index   map[primitives.NodeID]int
	up      []*Transport // the one that listens as node i; nil: nobody
	blocked [][]bool
	links   [][]*link // by the lower index, then the higher
}

// link is what there is between two nodes. ends[0] is the one with the lower index.
type link struct {
	generation uint64
	ends       [2]end
	doomed     bool
}

// end is one side of a link and what it sends.
type end struct {
	up    bool
	lanes [nb.Lanes]struct {
		sent    int
		arrival time.Duration // of the last frame, in order
	}
}

// Reasons of events. They are the same each time, so that they can be part of a trace.
var (
	ErrRefused = errors.New("nobody listens there")
	ErrSilent  = errors.New("no answer")
	ErrEnded   = errors.New("the link was ended")
	ErrBroken  = errors.New("the link is broken")
)

// New makes a network in which nobody listens.
func New(cfg Config) *Network {
	n := &Network{cfg: cfg, index: make(map[primitives.NodeID]int, len(cfg.Nodes)), up: make([]*Transport, len(cfg.Nodes))}
	for i, id := range cfg.Nodes {
		n.index[id] = i
		n.blocked = append(n.blocked, make([]bool, len(cfg.Nodes)))
		row := make([]*link, len(cfg.Nodes))
		for j := i + 1; j < len(row); j++ {
			row[j] = &link{}
		}
		n.links = append(n.links, row)
	}
	return n
}

// Block lets nothing through from one node to another, or lets it through again.
func (n *Network) Block(from, to int, blocked bool) { n.blocked[from][to] = blocked }

// Heal lets everything through.
func (n *Network) Heal() {
	for _, row := range n.blocked {
		clear(row)
	}
}

// Connected counts the links of a node that are up at its end.
func (n *Network) Connected(node int) (count int) {
	for other := range n.up {
		if other != node {
			if l, side := n.link(node, other); l.ends[side].up {
				count++
			}
		}
	}
	return count
}

// link returns the link between two nodes and which end the first has.
func (n *Network) link(a, b int) (l *link, side int) {
	if a < b {
		return n.links[a][b], 0
	}
	return n.links[b][a], 1
}

func (n *Network) tell(node int, e nb.Event) {
	if t := n.up[node]; t != nil {
		n.cfg.Scheduler.Trace.Add(uint64(node), uint64(e.Kind), uint64(n.index[e.Peer]))
		if n.cfg.Scheduler.Trace.Logs() && e.Kind != nb.Frame {
			n.cfg.Scheduler.Trace.Logf("net  %d: %s %d %v", node, [...]string{"", "up", "down", "frame", "unreachable"}[e.Kind], n.index[e.Peer], e.Err)
		}
		t.events(e)
	}
}

// log writes a line about a frame, if somebody reads them.
func (n *Network) log(what string, from, to int, lane nb.Lane, frame []byte) {
	if !n.cfg.Scheduler.Trace.Logs() {
		return
	}
	text := ""
	if n.cfg.Describe != nil {
		text = n.cfg.Describe(frame)
	}
	n.cfg.Scheduler.Trace.Logf("net  %d>%d %s %v %d bytes %s", from, to, what, lane, len(frame), text)
}

// join makes the link of two nodes that both listen.
func (n *Network) join(caller, called int) {
	l, _ := n.link(caller, called)
	for s, node := range [2]int{min(caller, called), max(caller, called)} {
		if l.ends[s].up { // the other side has forgotten it: this one hears so first
			l.ends[s].up = false
			n.tell(node, nb.Event{Kind: nb.Down, Peer: n.cfg.Nodes[caller+called-node], Err: ErrBroken})
		}
	}
	*l = link{generation: l.generation + 1}
	for s := range l.ends {
		l.ends[s].up = true
	}
	n.tell(caller, nb.Event{Kind: nb.Up, Peer: n.cfg.Nodes[called], Address: address(n.cfg.Nodes[called])})
	n.tell(called, nb.Event{Kind: nb.Up, Peer: n.cfg.Nodes[caller], Address: address(n.cfg.Nodes[caller]), Inbound: true})
}

// part ends a link at both ends.
func (n *Network) part(a, b int, why error) {
	l, _ := n.link(a, b)
	l.generation++
	for s, node := range [2]int{min(a, b), max(a, b)} {
		if l.ends[s].up {
			l.ends[s].up = false
			n.tell(node, nb.Event{Kind: nb.Down, Peer: n.cfg.Nodes[a+b-node], Err: why})
		}
	}
}

// doom breaks a link a while after something on it was lost.
func (n *Network) doom(a, b int) {
	l, _ := n.link(a, b)
	if l.doomed {
		return
	}
	l.doomed = true
	generation := l.generation
	n.cfg.Scheduler.After(virtual.Between(n.cfg.RNG, patienceMin, patienceMax), func() {
		if l.generation == generation {
			n.Count.Broken++
			n.part(a, b, ErrBroken)
		}
	})
}

// How long a link lives on which nothing comes through, and how long a call takes that nobody answers.
const (
	patienceMin = 500 * time.Millisecond
	patienceMax = 5 * time.Second
)

func address(id primitives.NodeID) string { return "/memory/" + id.Short() }
