package transporttest

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

func linkComesUp(t *testing.T, s *fixture) {
	a, b := s.linked(t)
	for _, e := range a.events() {
		if e.Kind == nb.Up && (e.Inbound || e.Address == "") {
			t.Errorf("the caller sees %+v", e)
		}
	}
	for _, e := range b.events() {
		if e.Kind == nb.Up && !e.Inbound {
			t.Errorf("the callee sees %+v", e)
		}
	}
}

func framesInOrder(t *testing.T, s *fixture) {
	const each = 500
	a, b := s.linked(t)
	for i := range uint32(each) {
		for lane := range nb.Lanes {
			frame := binary.BigEndian.AppendUint32(pattern(int(i%97)+1, byte(lane)), i)
			for _, pair := range [][2]*actor{{a, b}, {b, a}} {
				if !pair[0].Send(pair[1].Self(), lane, frame) {
					t.Fatalf("frame %d of the %s lane was refused", i, lane)
				}
			}
		}
	}
	for _, at := range []*actor{a, b} {
		for lane := range nb.Lanes {
			at.await(t, "all frames", func(e []nb.Event) bool { return len(frames(e, lane)) == each })
			for i, f := range frames(at.events(), lane) {
				n, body := binary.BigEndian.Uint32(f[len(f)-4:]), f[:len(f)-4]
				if n != uint32(i) || !bytes.Equal(body, pattern(i%97+1, byte(lane))) {
					t.Fatalf("%s lane: frame %d came at place %d", lane, n, i)
				}
			}
		}
	}
}

func largestFrames(t *testing.T, s *fixture) {
	a, b := s.linked(t)
	for lane := range nb.Lanes {
		want := pattern(lane.MaxFrame(), byte(lane))
		if !a.Send(b.Self(), lane, want) {
			t.Fatalf("the %s lane refused %d bytes", lane, len(want))
		}
		b.await(t, "the frame", func(e []nb.Event) bool { return len(frames(e, lane)) == 1 })
		if got := frames(b.events(), lane)[0]; !bytes.Equal(got, want) {
			t.Errorf("%s lane: %d bytes arrived changed", lane, len(got))
		}
		b.Consumed(a.Self(), lane, len(want))
	}
}

func tooLarge(t *testing.T, s *fixture) {
	a, b := s.linked(t)
	for lane := range nb.Lanes {
		if a.Send(b.Self(), lane, make([]byte, lane.MaxFrame()+1)) {
			t.Errorf("the %s lane took a frame that is too large", lane)
		}
	}
	if !a.Send(b.Self(), nb.LaneGossip, []byte("still here")) {
		t.Error("the link didn't survive it")
	}
	b.await(t, "a frame that fits", happened(nb.Frame, a.Self(), 1))
}

func noLink(t *testing.T, s *fixture) {
	a, b := s.actor(t, 1), s.actor(t, 2)
	for lane := range nb.Lanes {
		if a.Send(b.Self(), lane, []byte("hello?")) {
			t.Errorf("%s lane: a frame was taken for a peer without a link", lane)
		}
	}
	a.Disconnect(b.Self())
	a.Consumed(b.Self(), nb.LaneBulk, 10)
	if e := a.events(); len(e) != 0 {
		t.Errorf("that was reported as %s", describe(e))
	}
}

func unreachable(t *testing.T, s *fixture) {
	a, b := s.actor(t, 1), s.actor(t, 2)
	gone := b.address()
	b.Close()
	a.Connect(gone)
	a.await(t, "the failure", happened(nb.Unreachable, b.Self(), 1))
	for _, e := range a.events() {
		if e.Kind == nb.Unreachable && e.Err == nil {
			t.Error("there is no reason with it")
		}
	}

	// Somebody else answers there: the call fails, and nobody is taken for the one that was called.
	c := s.actor(t, 3)
	wrong := nb.Address{Node: primitives.NodeID{77}, At: c.Addresses()}
	a.Connect(wrong)
	a.await(t, "the failure", happened(nb.Unreachable, wrong.Node, 1))
	if n := count(a.events(), nb.Up, wrong.Node); n != 0 {
		t.Error("a stranger was taken for the node that was called")
	}
}

func probe(t *testing.T, s *fixture) {
	a, b := s.actor(t, 1), s.actor(t, 2)
	c := s.actor(t, 3)
	a.Probe(b.Self(), c.Addresses()[0])
	a.Probe(b.Self(), "nowhere")
	a.Probe(b.Self(), b.Addresses()[0])
	a.await(t, "the answer", happened(nb.Answered, b.Self(), 1))
	for _, e := range a.events() {
		if e.Kind != nb.Answered || e.Peer != b.Self() || e.Address != b.Addresses()[0] {
			t.Errorf("heard %+v", e)
		}
	}
	if n := len(b.events()) + len(c.events()); n != 0 {
		t.Errorf("whom nobody has linked with heard %d events", n)
	}
}

func callTwice(t *testing.T, s *fixture) {
	a, b := s.linked(t)
	a.Connect(b.address())
	a.Send(b.Self(), nb.LaneBacking, []byte("1"))
	b.await(t, "the frame", happened(nb.Frame, a.Self(), 1))
	if n := count(a.events(), nb.Up, b.Self()) + count(a.events(), nb.Down, b.Self()); n != 1 {
		t.Errorf("heard %s", describe(a.events()))
	}
}

func crossingCalls(t *testing.T, s *fixture) {
	a, b := s.actor(t, 1), s.actor(t, 2)
	a.Connect(b.address())
	b.Connect(a.address())
	settled := func(from, to *actor) {
		// Links may come and go while the calls cross, but a frame sent on the last one arrives.
		to.await(t, "a frame on the link that stays", func(e []nb.Event) bool {
			if up(to.Self())(from.events()) {
				from.Send(to.Self(), nb.LaneConsensus, []byte("stays"))
			}
			if from.drive != nil {
				from.drive()
			}
			return up(from.Self())(e) && len(frames(e, nb.LaneConsensus)) > 0
		})
	}
	a.await(t, "a link", up(b.Self()))
	b.await(t, "a link", up(a.Self()))
	settled(a, b)
	settled(b, a)
	if !alternates(a.events(), b.Self()) || !alternates(b.events(), a.Self()) {
		t.Errorf("two links at once:%s\nand:%s", describe(a.events()), describe(b.events()))
	}
}

// alternates tells whether Up and Down of a peer come by turns.
func alternates(events []nb.Event, peer primitives.NodeID) bool {
	is := false
	for _, e := range events {
		if e.Peer != peer || (e.Kind != nb.Up && e.Kind != nb.Down) {
			continue
		}
		if (e.Kind == nb.Up) == is {
			return false
		}
		is = !is
	}
	return true
}

func disconnect(t *testing.T, s *fixture) {
	a, b := s.linked(t)
	a.Disconnect(b.Self())
	a.await(t, "the end at the one who ended it", happened(nb.Down, b.Self(), 1))
	b.await(t, "the end at the other", happened(nb.Down, a.Self(), 1))
	if a.Send(b.Self(), nb.LaneConsensus, []byte("too late")) {
		t.Error("a frame was taken after the end")
	}
	b.Connect(a.address())
	a.await(t, "the second link", happened(nb.Up, b.Self(), 2))
	b.await(t, "the second link", happened(nb.Up, a.Self(), 2))
	b.Send(a.Self(), nb.LaneConsensus, []byte("again"))
	a.await(t, "a frame on it", happened(nb.Frame, b.Self(), 1))
}

func closing(t *testing.T, s *fixture) {
	a, b := s.linked(t)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	a.await(t, "the end", happened(nb.Down, b.Self(), 1))
	if n := count(b.events(), nb.Down, a.Self()); n != 0 {
		t.Error("a closed transport reported a link's end")
	}
}
