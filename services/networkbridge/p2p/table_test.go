package p2p

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// world is a table without sockets.
type world struct {
	*Network
	news []nb.Event
}

func newWorld(self byte, max int) *world {
	w := &world{Network: &Network{self: primitives.NodeID{self}}}
	w.links.init(w.self, max)
	w.events = func(e nb.Event) { w.news = append(w.news, e) }
	return w
}

func (w *world) link(peer byte, inbound bool, instance byte) *link {
	return &link{
		net: w.Network, peer: primitives.NodeID{peer}, inbound: inbound, instance: nonce{instance},
		ended: make(chan struct{}),
	}
}

func (w *world) adopt(l *link) verdict { return w.links.adopt(l, w.events) }

func TestWhichOfTwoLinksStays(t *testing.T) {
	const called, calls = true, false
	for name, c := range map[string]struct {
		self, peer byte
		old, new   bool // inbound?
		instance   byte // of the new one; the old one's is 1
		replaced   bool
	}{
		"the smaller one's call crosses ours":          {5, 3, calls, called, 1, true},
		"the larger one's call crosses ours":           {3, 5, calls, called, 1, false},
		"our call crosses the larger one's":            {3, 5, called, calls, 1, true},
		"our call crosses the smaller one's":           {5, 3, called, calls, 1, false},
		"the peer calls again":                         {3, 5, called, called, 1, true},
		"the peer was started anew and calls":          {3, 5, calls, called, 2, true},
		"the peer was started anew and we have called": {5, 3, called, calls, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(c.self, 10)
			w.adopt(w.link(c.peer, c.old, 1))
			v := w.adopt(w.link(c.peer, c.new, c.instance))
			if (v == accepted) != c.replaced {
				t.Fatalf("verdict %d", v)
			}
			if want := map[bool]int{true: 3, false: 1}[c.replaced]; len(w.news) != want {
				t.Errorf("told %d events, want %d: up, or up, down, up", len(w.news), want)
			}
		})
	}
}

func TestBothEndsKeepTheSameOfTwoCrossingCalls(t *testing.T) {
	for _, first := range []bool{false, true} {
		small, large := newWorld(3, 10), newWorld(5, 10)
		fromSmall := func() [2]verdict {
			return [2]verdict{small.adopt(small.link(5, false, 9)), large.adopt(large.link(3, true, 9))}
		}
		fromLarge := func() [2]verdict {
			return [2]verdict{small.adopt(small.link(5, true, 9)), large.adopt(large.link(3, false, 9))}
		}
		calls := []func() [2]verdict{fromSmall, fromLarge}
		if first {
			calls[0], calls[1] = calls[1], calls[0]
		}
		for _, c := range calls {
			if v := c(); v[0] != v[1] {
				t.Errorf("the ends disagree: %v", v)
			}
		}
		if small.links.get(large.self).inbound || !large.links.get(small.self).inbound {
			t.Error("the call from the smaller id isn't the one that stayed")
		}
	}
}

func TestWhileWeCallTheLargerOnesCallIsRefused(t *testing.T) {
	w := newWorld(3, 10)
	w.links.beginCall(primitives.NodeID{5})
	if v := w.adopt(w.link(5, true, 1)); v != duplicate {
		t.Errorf("verdict %d", v)
	}
	w.links.endCall(primitives.NodeID{5})
	if v := w.adopt(w.link(5, true, 1)); v != accepted {
		t.Errorf("after our call failed: verdict %d", v)
	}
}

func TestTheTableIsBounded(t *testing.T) {
	w := newWorld(3, 2)
	for i := byte(10); i < 12; i++ {
		w.adopt(w.link(i, true, 1))
	}
	if v := w.adopt(w.link(12, true, 1)); v != full {
		t.Errorf("a third link of two: verdict %d", v)
	}
	w.links.closeAll()
	if v := w.adopt(w.link(13, true, 1)); v != full {
		t.Errorf("a link after the end: verdict %d", v)
	}
}
