package memnet_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
	"github.com/reevenet/reeve/services/networkbridge/transporttest"
)

func never() bool { return false }

// ids are the nodes of the stories.
var ids = []primitives.NodeID{{0}, {1}}

func newNetwork(f memnet.Faults) (*virtual.Scheduler, *memnet.Network) {
	s := virtual.New()
	n := memnet.New(memnet.Config{
		Scheduler: s, RNG: virtual.RNG(1, "network"), Delay: func(int, int) time.Duration { return time.Millisecond },
	})
	n.Faults = f
	return s, n
}

// The network keeps the promises of the port when no fault is on.
func TestContract(t *testing.T) {
	transporttest.Run(t, func(*testing.T) transporttest.Setup {
		s, n := newNetwork(memnet.Faults{})
		return transporttest.Setup{
			Node:  func(_ *testing.T, i int) nb.Transport { return n.Node(primitives.NodeID{byte(i)}) },
			Drive: func() { s.Run(s.Elapsed()+10*time.Second, never) },
		}
	})
}

// ear writes down what a node hears.
type ear struct {
	*memnet.Node
	heard []string
}

func (e *ear) hear(ev nb.Event) {
	switch ev.Kind {
	case nb.Frame:
		e.heard = append(e.heard, string(ev.Bytes))
	case nb.Up:
		e.heard = append(e.heard, "up")
	case nb.Down:
		e.heard = append(e.heard, "down")
	case nb.Unreachable:
		e.heard = append(e.heard, "unreachable")
	}
}

func listen(n *memnet.Network, node int) *ear {
	e := &ear{Node: n.Node(ids[node])}
	e.Start(e.hear)
	return e
}

func TestFaultsHappenAndAreCounted(t *testing.T) {
	s, n := newNetwork(memnet.Faults{Loss: 0.2, Repeat: 0.2, Reorder: 0.2, Jitter: time.Millisecond, Late: 0.1})
	a, b := listen(n, 0), listen(n, 1)
	a.Connect(nb.Address{Node: ids[1]})
	s.Run(time.Second, never)
	const frames = 1000
	for i := range frames {
		a.Send(ids[1], nb.LaneConsensus, fmt.Appendf(nil, "%04d", i))
	}
	s.Run(time.Minute, never)
	c := n.Count
	if c.Lost < 100 || c.Repeated < 100 || c.Reordered < 100 {
		t.Errorf("%+v", c)
	}
	if int(c.Delivered) != len(b.heard)-1 || c.Delivered != frames-c.Lost+c.Repeated {
		t.Errorf("%+v, heard %d", c, len(b.heard))
	}
	if b.heard[1] != "0000" {
		t.Errorf("the first frame of the lane was touched: %s came first", b.heard[1])
	}
}

func TestAPartitionBreaksLinksAndHeals(t *testing.T) {
	s, n := newNetwork(memnet.Faults{})
	a, b := listen(n, 0), listen(n, 1)
	a.Connect(nb.Address{Node: ids[1]})
	s.Run(time.Second, never)
	n.Block(0, 1, true) // one way only
	a.Send(ids[1], nb.LaneConsensus, []byte("lost"))
	b.Send(ids[0], nb.LaneConsensus, []byte("passes"))
	s.Run(10*time.Second, never)
	a.Connect(nb.Address{Node: ids[1]})
	s.Run(20*time.Second, never)
	n.Heal()
	b.Connect(nb.Address{Node: ids[0]})
	s.Run(30*time.Second, never)
	if diff := cmp.Diff([]string{"up", "passes", "down", "unreachable", "up"}, a.heard); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"up", "down", "up"}, b.heard); diff != "" {
		t.Error(diff)
	}
}

func TestACrashIsNoticedAndARestartReplacesTheLink(t *testing.T) {
	s, n := newNetwork(memnet.Faults{})
	a, b := listen(n, 0), listen(n, 1)
	a.Connect(nb.Address{Node: ids[1]})
	s.Run(time.Second, never)
	b.Crash(true)
	again := listen(n, 1)
	again.Connect(nb.Address{Node: ids[0]}) // before a has noticed
	s.Run(20*time.Second, never)
	if diff := cmp.Diff([]string{"up", "down", "up"}, a.heard); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"up"}, again.heard); diff != "" {
		t.Error(diff)
	}
}

func TestTheTapMayChangeAndWithhold(t *testing.T) {
	n := memnet.New(memnet.Config{
		Tap: func(_, _ int, _ nb.Lane, frame []byte) []byte {
			if string(frame) == "secret" {
				return nil
			}
			return append([]byte("not "), frame...)
		},
	})
	a, b := listen(n, 0), listen(n, 1)
	a.Connect(nb.Address{Node: ids[1]})
	n.Run()
	a.Send(ids[1], nb.LaneGossip, []byte("true"))
	a.Send(ids[1], nb.LaneGossip, []byte("secret"))
	n.Run()
	if diff := cmp.Diff([]string{"up", "not true"}, b.heard); diff != "" {
		t.Error(diff)
	}
}

// An adversary says something in a node's name, and the Tap doesn't see it. It needs a link on which they have greeted.
func TestAnAdversarySpeaksInANodesName(t *testing.T) {
	tapped := 0
	n := memnet.New(memnet.Config{
		Nodes: ids, Tap: func(_, _ int, _ nb.Lane, frame []byte) []byte {
			tapped++
			return frame
		},
	})
	a, b := listen(n, 0), listen(n, 1)
	n.Say(0, 1, nb.LaneConsensus, []byte("before there is a link"))
	a.Connect(nb.Address{Node: ids[1]})
	n.Run()
	n.Say(0, 1, nb.LaneConsensus, []byte("before the greeting"))
	a.Send(ids[1], nb.LaneConsensus, []byte("hello"))
	n.Say(0, 1, nb.LaneConsensus, []byte("lie"))
	n.Say(0, 0, nb.LaneConsensus, []byte("to itself"))
	n.Run()
	b.Crash(true)
	n.Say(1, 0, nb.LaneConsensus, []byte("by one that is down"))
	n.Run()
	if diff := cmp.Diff([]string{"up", "hello", "lie"}, b.heard); diff != "" {
		t.Error(diff)
	}
	if tapped != 1 || len(a.heard) > 2 {
		t.Errorf("%d frames were seen by the tap, and node 0 heard %v", tapped, a.heard)
	}
}

// A lane that is a stream brings what was sent, in order and once, up to where something was lost; nothing follows that
// as long as the link lasts, also when the way is free again. The other lanes have all faults.
func TestAStreamBringsWhatWasSentUpToWhereItIsCut(t *testing.T) {
	s := virtual.New()
	n := memnet.New(memnet.Config{
		Scheduler: s, RNG: virtual.RNG(1, "network"), Streams: [nb.Lanes]bool{nb.LaneBacking: true},
	})
	n.Faults = memnet.Faults{Loss: 0.5, Repeat: 0.5, Reorder: 0.5, Jitter: 10 * time.Millisecond}
	a, b := n.Node(ids[0]), &ear{Node: n.Node(ids[1])}
	if err := errors.Join(a.Start(func(nb.Event) {}), b.Start(b.hear)); err != nil {
		t.Fatal(err)
	}
	a.Connect(nb.Address{Node: ids[1]})
	s.Run(s.Elapsed()+time.Second, never)
	say := func(from, to int) (said []string) {
		for i := from; i < to; i++ {
			said = append(said, fmt.Sprint(i))
			a.Send(ids[1], nb.LaneBacking, []byte(said[len(said)-1]))
			a.Send(ids[1], nb.LaneConsensus, []byte("other"))
			s.Run(s.Elapsed()+time.Millisecond, never)
		}
		return said
	}
	streamed := func() (list []string) {
		for _, h := range b.heard {
			if h != "other" && h != "up" && h != "down" {
				list = append(list, h)
			}
		}
		return list
	}
	want := say(0, 50)
	s.Run(s.Elapsed()+100*time.Millisecond, never)
	if diff := cmp.Diff(want, streamed()); diff != "" {
		t.Error(diff)
	}
	if n.Count.Lost == 0 || n.Count.Repeated == 0 {
		t.Errorf("nothing befalls the other lanes: %+v", n.Count)
	}
	n.Block(0, 1, true)
	say(50, 51)
	n.Heal()
	say(51, 60)
	s.Run(s.Elapsed()+10*time.Second, never)
	if diff := cmp.Diff(want, streamed()); diff != "" || b.heard[len(b.heard)-1] != "down" {
		t.Errorf("after it was cut: %s, and at last %q", diff, b.heard[len(b.heard)-1])
	}
}
