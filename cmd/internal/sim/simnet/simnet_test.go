package simnet_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/cmd/internal/sim/simnet"
	"github.com/reevenet/reeve/cmd/internal/sim/virtual"
	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/transporttest"
)

func never() bool { return false }

func newNetwork(nodes int, f simnet.Faults) (*virtual.Scheduler, *simnet.Network, []primitives.NodeID) {
	s := virtual.New()
	var ids []primitives.NodeID
	for i := range nodes {
		ids = append(ids, primitives.NodeID{byte(i)})
	}
	n := simnet.New(simnet.Config{
		Scheduler: s, RNG: virtual.RNG(1, "network"), Nodes: ids, Delay: func(int, int) time.Duration { return time.Millisecond },
	})
	n.Faults = f
	return s, n, ids
}

// The network keeps the promises of the port when no fault is on.
func TestContract(t *testing.T) {
	transporttest.Run(t, func(*testing.T) transporttest.World {
		s, n, _ := newNetwork(100, simnet.Faults{})
		return transporttest.World{
			Node:  func(_ *testing.T, i int) nb.Transport { return n.Transport(i) },
			Drive: func() { s.Run(s.Elapsed()+10*time.Second, never) },
		}
	})
}

// ear writes down what a node hears.
type ear struct {
	*simnet.Transport
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

func listen(n *simnet.Network, node int) *ear {
	e := &ear{Transport: n.Transport(node)}
	e.Start(e.hear)
	return e
}

func TestFaultsHappenAndAreCounted(t *testing.T) {
	s, n, ids := newNetwork(2, simnet.Faults{Loss: 0.2, Repeat: 0.2, Reorder: 0.2, Jitter: time.Millisecond, Late: 0.1})
	a, b := listen(n, 0), listen(n, 1)
	a.Connect(nb.Address{Node: ids[1]})
	s.Run(time.Second, never)
	const frames = 1000
	for i := range frames {
		a.Send(ids[1], nb.LaneConsensus, fmt.Appendf(nil, "%04d", i))
	}
	s.Run(time.Minute, never)
	c := n.Count
	if c.Lost < 100 || c.Repeated < 100 || c.Reordered < 100 || int(c.Delivered) != len(b.heard)-1 || c.Delivered != frames-c.Lost+c.Repeated {
		t.Errorf("%+v, heard %d", c, len(b.heard))
	}
	if b.heard[1] != "0000" {
		t.Errorf("the first frame of the lane was touched: %s came first", b.heard[1])
	}
}

func TestAPartitionBreaksLinksAndHeals(t *testing.T) {
	s, n, ids := newNetwork(2, simnet.Faults{})
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
	s, n, ids := newNetwork(2, simnet.Faults{})
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
	s := virtual.New()
	ids := []primitives.NodeID{{1}, {2}}
	n := simnet.New(simnet.Config{
		Scheduler: s, RNG: virtual.RNG(1, "network"), Nodes: ids, Delay: func(int, int) time.Duration { return 0 },
		Tap: func(_, _ int, _ nb.Lane, frame []byte) []byte {
			if string(frame) == "secret" {
				return nil
			}
			return append([]byte("not "), frame...)
		},
	})
	a, b := listen(n, 0), listen(n, 1)
	a.Connect(nb.Address{Node: ids[1]})
	s.Run(time.Second, never)
	a.Send(ids[1], nb.LaneGossip, []byte("true"))
	a.Send(ids[1], nb.LaneGossip, []byte("secret"))
	s.Run(time.Minute, never)
	if diff := cmp.Diff([]string{"up", "not true"}, b.heard); diff != "" {
		t.Error(diff)
	}
}
