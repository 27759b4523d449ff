package driver

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/bus/wire"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// model is what a test knows of the messages on one edge.
type model struct {
	*rig
	accepted uint64          // by Send: their ids are 1, 2, 3, …
	finished uint64          // by the receiver, in order
	gone     map[uint64]bool // refused by the overseer
	onLink   []uint64        // what the overseer has got on this link and not finished
}

func (m *model) send(t *rapid.T, size int) {
	m.now(func() {
		if m.out.Send("", &networkbridgev1.SendMessage{Payload: make([]byte, size)}, true) == nil {
			m.accepted++
		}
	})
	m.look(t)
}

// look takes over what was sent since: it is in order, and within the window.
func (m *model) look(t *rapid.T) {
	for _, e := range m.sent {
		n := e.ID.Counter()
		if len(m.onLink) > 0 && n <= m.onLink[len(m.onLink)-1] {
			t.Fatalf("%d was sent after %v", n, m.onLink)
		}
		if m.gone[n] || n <= m.finished {
			t.Fatalf("%d was sent again, and is finished or was refused", n)
		}
		m.onLink = append(m.onLink, n)
	}
	m.sent = nil
	e := m.edges.byKey[edgeKey{"network-bridge", "", wire.LaneBacking}]
	if e == nil {
		return
	}
	if len(m.onLink) > window.Messages || e.out.Messages != len(m.onLink) && !m.down {
		t.Fatalf("%d are out and %+v are counted, of %+v", len(m.onLink), e.out, window)
	}
	if kept := e.retained.len() + e.parked.len(); kept != int(m.accepted-m.finished)-len(m.gone) {
		t.Fatalf("%d are kept of %d accepted, %d finished, %d refused", kept, m.accepted, m.finished, len(m.gone))
	}
}

// finish is the receiver having finished the oldest.
func (m *model) finish(t *rapid.T, size func(uint64) int) {
	if m.down || len(m.onLink) == 0 {
		return
	}
	n := m.onLink[0]
	m.onLink = m.onLink[1:]
	for m.finished < n {
		m.finished++
		delete(m.gone, m.finished)
	}
	credit := []wire.EdgeCredit{{To: "network-bridge", Lane: wire.LaneBacking, Messages: 1, Bytes: uint32(size(n))}}
	m.receive(func(b *wire.Batch) { b.Frame(wire.TagCredit, wire.AppendCredit(nil, credit)) })
	m.look(t)
}

func (m *model) refuse(t *rapid.T, at int) {
	if m.down || len(m.onLink) == 0 {
		return
	}
	at %= len(m.onLink)
	n := m.onLink[at]
	m.onLink = append(m.onLink[:at:at], m.onLink[at+1:]...)
	m.gone[n] = true
	m.envelope(&wire.Envelope{Kind: wire.Fail, ID: m.ID(n), Failure: &overseerv1.Failure{Code: unimplemented}})
	m.look(t)
}

// Whatever is sent, finished, refused and lost with a link: no more is out than the window, nothing overtakes, and each
// message that was taken is kept until it is finished or refused.
func TestTheCreditOfAnEdge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{rig: newAsker(), gone: map[uint64]bool{}}
		sizes := map[uint64]int{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "op") {
			case 0, 1, 2, 3:
				size := rapid.IntRange(1, 1500).Draw(t, "size")
				m.send(t, size)
				if m.accepted > 0 {
					e := m.edges.byKey[edgeKey{"network-bridge", "", wire.LaneBacking}]
					for _, o := range append(e.retained.all(), e.parked.all()...) {
						sizes[o.counter] = o.size
					}
				}
			case 4, 5, 6:
				m.finish(t, func(n uint64) int { return sizes[n] })
			case 7:
				m.refuse(t, rapid.IntRange(0, 9).Draw(t, "which"))
			case 8:
				if !m.down {
					m.detach()
					m.onLink = nil
				}
			case 9:
				if m.down {
					m.attach()
					m.look(t)
				}
			}
		}
		if m.down {
			m.attach()
			m.look(t)
		}
		for len(m.onLink) > 0 {
			m.finish(t, func(n uint64) int { return sizes[n] })
		}
		if e := m.edges.byKey[edgeKey{"network-bridge", "", wire.LaneBacking}]; e != nil &&
			(e.out != wire.Window{} || e.parked.len() > 0) {
			t.Fatalf("%+v are out at the end, %d wait", e.out, e.parked.len())
		}
	})
}

func TestWhatCantWaitIsRefusedAndGossipIsShed(t *testing.T) {
	r := newAsker()
	r.now(func() {
		for range window.Messages {
			r.out.Send("", &networkbridgev1.SendMessage{}, true)
			r.out.Send("", &networkbridgev1.SendGossip{}, true)
		}
		if room := r.out.Room("", &networkbridgev1.SendMessage{}); room != 0 {
			t.Errorf("room for %d", room)
		}
		if f := r.out.Send("", &networkbridgev1.SendMessage{}, false); f.GetCode() != overloaded {
			t.Errorf("without waiting: %v", f)
		}
		if f := r.out.Send("", &networkbridgev1.SendGossip{}, true); f != nil || r.Shed() != 1 {
			t.Errorf("gossip: %v, %d shed", f, r.Shed())
		}
		for n := 0; ; n++ {
			if f := r.out.Send("", &networkbridgev1.SendMessage{}, true); f != nil {
				if f.Code != overloaded || n != parkedWindows*256 {
					t.Errorf("%d wait, then %v", n, f)
				}
				break
			}
		}
	})
}

// What one chain's messages wait for is nothing to another chain's.
func TestEachChainHasItsOwnCredit(t *testing.T) {
	r := newAsker()
	r.now(func() {
		for range 2 * window.Messages {
			r.out.Send("a", &networkbridgev1.SendMessage{}, true)
		}
		if room := r.out.Room("b", &networkbridgev1.SendMessage{}); room != window.Messages {
			t.Errorf("room for %d", room)
		}
	})
}
