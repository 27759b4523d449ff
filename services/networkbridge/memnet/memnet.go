// Package memnet is a network of nodes in memory, behind the network bridge's Transport port. Time is virtual:
// nothing happens by itself, so a test or a simulation decides about every interleaving and needs no sleep. It loses,
// delays, reorders and repeats what is sent, and falls apart and heals, as it is told; told nothing it brings
// everything, in order and at once. It holds no goroutine and may be used by one alone.
//
// Links come up when a node calls another, as with TCP: there is at most one between two nodes, frames of one lane
// arrive in order unless reordering is on, and a link on which something was lost to a partition breaks a while
// later. The first frame of each lane, the greeting, isn't touched by faults: a connection that doesn't come about is
// another fault.
//
// Tap sees every frame before it leaves, and may change it: that is how a liar lies and how what honest nodes say is
// checked.
package memnet

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
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

// Config is what a network is made from. The zero value is a network without delays in a virtual time of its own, for
// Run.
type Config struct {
	Scheduler *virtual.Scheduler
	RNG       *rand.Rand
	// Nodes are known by their index. One that isn't listed here gets the next index when it is first named.
	Nodes []primitives.NodeID
	// Delay is the least one-way delay between two nodes; nil: none.
	Delay func(from, to int) time.Duration
	// Streams are lanes that keep to the Transport's word: what arrives comes in order, each frame once, and none after
	// one that was lost. The faults of frames befall the other lanes, and only time these.
	Streams [nb.Lanes]bool
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
	ids     []primitives.NodeID
	index   map[primitives.NodeID]int
	up      []*Node // the one that listens as node i; nil: nobody
	blocked [][]bool
	links   [][]*link // by the higher index, then the lower
	runs    uint64    // that there have been of all nodes
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
		cut     bool          // a frame was lost on a stream: none follows
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
	if cfg.Scheduler == nil {
		cfg.Scheduler = virtual.New()
	}
	if cfg.RNG == nil {
		cfg.RNG = virtual.RNG(0, "network")
	}
	if cfg.Delay == nil {
		cfg.Delay = func(int, int) time.Duration { return 0 }
	}
	n := &Network{cfg: cfg, index: map[primitives.NodeID]int{}}
	for _, id := range cfg.Nodes {
		n.node(id)
	}
	return n
}

// node returns the index of a node, a new one where it wasn't named before.
func (n *Network) node(id primitives.NodeID) int {
	i, known := n.index[id]
	if known {
		return i
	}
	i = len(n.ids)
	n.index[id], n.ids, n.up = i, append(n.ids, id), append(n.up, nil)
	for from := range n.blocked {
		n.blocked[from] = append(n.blocked[from], false)
	}
	n.blocked = append(n.blocked, make([]bool, i+1))
	row := make([]*link, i)
	for other := range row {
		row[other] = &link{}
	}
	n.links = append(n.links, row)
	return i
}

// runLimit is how many steps Run takes at most.
const runLimit = 1_000_000

// Run does everything that is under way, until nothing is any more. It is for tests of a network with a time of its
// own.
func (n *Network) Run() {
	for range runLimit {
		if !n.cfg.Scheduler.Step() {
			return
		}
	}
	panic("memnet: the nodes never stop talking")
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
		return n.links[b][a], 0
	}
	return n.links[a][b], 1
}

// report passes an event to a node, if it listens.
func (n *Network) report(node int, e nb.Event) {
	if t := n.up[node]; t != nil {
		n.cfg.Scheduler.Trace.Add(uint64(node), uint64(e.Kind), uint64(n.index[e.Peer]))
		if n.cfg.Scheduler.Trace.Logs() && e.Kind != nb.Frame {
			kind := [...]string{"", "up", "down", "frame", "unreachable"}[e.Kind]
			n.cfg.Scheduler.Trace.Logf("net  %d: %s %d %v", node, kind, n.index[e.Peer], e.Err)
		}
		if e.Kind == nb.Frame {
			t.Received += len(e.Bytes)
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
			n.report(node, nb.Event{Kind: nb.Down, Peer: n.ids[caller+called-node], Err: ErrBroken})
		}
	}
	*l = link{generation: l.generation + 1}
	for s := range l.ends {
		l.ends[s].up = true
	}
	n.report(caller, nb.Event{
		Kind: nb.Up, Peer: n.ids[called], Address: address(n.ids[called]), Run: n.up[called].run,
	})
	n.report(called, nb.Event{
		Kind: nb.Up, Peer: n.ids[caller], Address: address(n.ids[caller]), Run: n.up[caller].run, Inbound: true,
	})
}

// part ends a link at both ends.
func (n *Network) part(a, b int, why error) {
	l, _ := n.link(a, b)
	l.generation++
	for s, node := range [2]int{min(a, b), max(a, b)} {
		if l.ends[s].up {
			l.ends[s].up = false
			n.report(node, nb.Event{Kind: nb.Down, Peer: n.ids[a+b-node], Err: why})
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
