package knowledge

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/core/view"
)

// network is a few honest nodes, each linked with each other. What is on a link arrives in its order.
type network struct {
	t     *rapid.T
	nodes []*member
	links map[[2]int][]message // from, to
}

type member struct {
	*Distribution
	view   view.View
	past   view.View                // left for good
	active map[primitives.Hash]bool // asked the runtime, and got the answer
	held   []held                   // early
	fresh  map[primitives.Hash]said // what it was told to count, or has shared
	said   map[primitives.Hash]said // its own validator's
}

type held struct {
	from int
	rp   primitives.Hash
	s    statements.Signed
}

// message is a view or statements.
type message struct {
	isView bool
	view   view.View
	send   Send
}

const nodes = 4

func idOf(i int) primitives.NodeID { return primitives.NodeID{byte(i + 1)} }

func newNetwork(t *rapid.T) *network {
	n := &network{t: t, links: map[[2]int][]message{}}
	for i := range nodes {
		m := &member{
			Distribution: New(1), active: map[primitives.Hash]bool{}, fresh: map[primitives.Hash]said{},
			said: map[primitives.Hash]said{},
		}
		for j := range nodes {
			if j != i {
				m.Connected(idOf(j))
			}
		}
		n.nodes = append(n.nodes, m)
	}
	return n
}

func (n *network) send(from int, sends []Send) {
	for _, s := range sends {
		at := [2]int{from, int(s.Peer[0]) - 1}
		n.links[at] = append(n.links[at], message{send: s})
	}
}

// look changes a node's view. The peers are told first, as the network bridge does.
func (n *network) look(i int, v view.View) {
	n.nodes[i].view = v
	for j := range nodes {
		if j != i {
			n.links[[2]int{i, j}] = append(n.links[[2]int{i, j}], message{isView: true, view: v})
		}
	}
	n.send(i, n.nodes[i].OurView(v))
}

func (n *network) start(i int, rp primitives.Hash) {
	if m := n.nodes[i]; !slices.Contains(m.view, rp) && !slices.Contains(m.past, rp) {
		n.look(i, append(slices.Clone(m.view), rp))
	}
}

func (n *network) stop(i int, rp primitives.Hash) {
	m := n.nodes[i]
	if !slices.Contains(m.view, rp) {
		return
	}
	m.past = append(m.past, rp)
	m.Deactivate(rp)
	delete(m.active, rp)
	m.held = slices.DeleteFunc(m.held, func(h held) bool { return h.rp == rp })
	n.look(i, slices.DeleteFunc(slices.Clone(m.view), func(h primitives.Hash) bool { return h == rp }))
}

// activate is the runtime's answer, after which comes what was early.
func (n *network) activate(i int, rp primitives.Hash) {
	m := n.nodes[i]
	if !slices.Contains(m.view, rp) || m.active[rp] {
		return
	}
	m.active[rp] = true
	m.Activate(rp, validators)
	again := m.held
	m.held = nil
	for _, h := range again {
		if m.Shares(idOf(h.from), h.rp) {
			n.receive(i, h.from, h.rp, h.s)
		}
	}
}

func (n *network) share(i int, rp primitives.Hash, s statements.Signed) {
	note, sends := n.nodes[i].Share(rp, s)
	if note == Fresh {
		n.nodes[i].fresh[rp] = append(n.nodes[i].fresh[rp], s)
	}
	n.send(i, sends)
}

func (n *network) receive(i, from int, rp primitives.Hash, s statements.Signed) {
	m := n.nodes[i]
	out := m.Receive(idOf(from), rp, s, right)
	if out.Conduct.Value < 0 {
		n.t.Fatalf("node %d charges node %d for %+v: %s", i, from, s, out.Conduct.Reason)
	}
	switch out.Note {
	case Early:
		m.held = append(m.held, held{from, rp, s})
	case Fresh:
		m.fresh[rp] = append(m.fresh[rp], s)
	}
	n.send(i, out.Sends)
}

// deliver brings the next message of a link; false: there is none.
func (n *network) deliver(from, to int) bool {
	at := [2]int{from, to}
	if len(n.links[at]) == 0 {
		return false
	}
	next := n.links[at][0]
	n.links[at] = n.links[at][1:]
	if next.isView {
		n.send(to, n.nodes[to].PeerView(idOf(from), next.view))
	}
	for _, s := range next.send.Statements {
		n.receive(to, from, next.send.RelayParent, s)
	}
	return true
}

func (n *network) settle() {
	for moved := true; moved; {
		moved = false
		for from := range nodes {
			for to := range nodes {
				moved = n.deliver(from, to) || moved
			}
		}
	}
}

// honest is what the validator of a node says next: it seconds its own candidate once, and calls valid what others
// have seconded.
func (n *network) honest(i int, rp primitives.Hash, seconds bool) {
	m := n.nodes[i]
	s := says(uint32(i), seconded, byte(10+i))
	if !seconds {
		known := slices.IndexFunc(m.fresh[rp], func(s statements.Signed) bool {
			return s.Verdict == seconded && s.Validator != uint32(i) && !m.said[rp].has(says(uint32(i), valid, s.Candidate[0]))
		})
		if known < 0 {
			return
		}
		s = says(uint32(i), valid, m.fresh[rp][known].Candidate[0])
	}
	if m.active[rp] && !m.said[rp].has(s) {
		m.said[rp] = append(m.said[rp], s)
		n.share(i, rp, s)
	}
}

// lie is what validator 3, which nothing binds, gives to some node.
func (n *network) lie(i int, rp primitives.Hash) {
	s := says(3, anyOf(n.t, "verdict", seconded, valid, invalid), rapid.ByteRange(1, 5).Draw(n.t, "candidate"))
	s.Signature[0] = rapid.ByteRange(1, 3).Draw(n.t, "signature")
	n.share(i, rp, s)
}

// agree makes sure that all who work on a relay parent have what honest validators have said of honest candidates to
// any that still does.
func (n *network) agree(rp primitives.Hash) error {
	for i, a := range n.nodes {
		for j, b := range n.nodes {
			for _, s := range a.fresh[rp] {
				if a.active[rp] && b.active[rp] && s.Validator != 3 && s.Candidate[0] >= 10 && !b.fresh[rp].has(s) {
					return fmt.Errorf("node %d has %+v, node %d hasn't", i, s, j)
				}
			}
		}
	}
	return nil
}

func TestHonestNodesChargeEachOtherNothingAndHearAllOfEachOtherWhateverALiarSigns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := newNetwork(t)
		parents := []primitives.Hash{rp, other}
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			i, at := rapid.IntRange(0, nodes-1).Draw(t, "node"), anyOf(t, "at", parents...)
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				n.start(i, at)
			case 1:
				n.activate(i, at)
			case 2:
				n.honest(i%3, at, true)
			case 3:
				n.honest(i%3, at, false)
			case 4:
				n.lie(i, at)
			case 5:
				if rapid.IntRange(0, 9).Draw(t, "ends") == 0 {
					n.stop(i, at)
				}
			default:
				n.deliver(i, rapid.IntRange(0, nodes-1).Draw(t, "to"))
			}
		}
		n.settle()
		for _, at := range parents {
			for i := range nodes {
				n.activate(i, at)
			}
			n.settle()
			if err := n.agree(at); err != nil {
				t.Fatal(err)
			}
		}
	})
}
