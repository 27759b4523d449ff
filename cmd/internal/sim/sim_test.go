package sim_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// rumour is a scenario without consensus and VM: somebody counts, tells nodes how far, and the nodes tell each other
// the highest number that they have heard. It is the smallest that has parts, ports, an actor, an invariant and an
// end of its own.
type rumour struct {
	world   *sim.World
	number  uint64
	heard   []uint64        // by node, kept over restarts
	said    [][]int         // by node, how often it has told the others in each of its lives
	spread  []time.Duration // by node, how far its clock was from the world's at its last start
	closed  bool
	forgery bool // a process that is started again makes up a number
}

// tellers are the running handlers by node.
type teller struct {
	r    *rumour
	sub  *subsystem.Sub
	node int
}

func scenario(nodes int, forgery bool) sim.Builder { return watched(nodes, forgery, nil) }

// watched lets a test see what became of the last run.
func watched(nodes int, forgery bool, last **rumour) sim.Builder {
	return func(w *sim.World) (sim.Scenario, error) {
		if w.Config.Nodes > 0 {
			nodes = w.Config.Nodes
		}
		r := &rumour{
			world: w, heard: make([]uint64, nodes), said: make([][]int, nodes), spread: make([]time.Duration, nodes),
			forgery: forgery,
		}
		if last != nil {
			*last = r
		}
		for i := range nodes {
			w.AddNode(primitives.NodeID{byte(i + 1)})
		}
		return sim.Scenario{
			Parts:      parts(),
			Ports:      map[string]func(*sim.Incarnation) subsystem.Spec{nb.Name: bridge, "collator": r.teller},
			Actors:     []sim.Actor{r},
			Invariants: []sim.Invariant{{Name: "nobody is ahead", Check: r.check}},
			Done:       func() bool { return false },
			Unsettled:  r.unsettled,
		}, nil
	}
}

func parts() part.List {
	collator := part.Part{
		Spec: subsystem.Spec{Name: "collator", Sends: []proto.Message{&nbv1.SendMessage{}}},
		Protocols: []part.Protocol{{
			Name: "rumour", Lane: optionsv1.Lane_LANE_BACKING, NoViews: true,
			Event: func(e *nbv1.NetworkBridgeEvent) proto.Message {
				return &collatorv1.NetworkBridgeUpdate{Event: e}
			},
		}},
	}
	list := part.List{collator}
	return append(list, nb.Part(nil, list.Protocols()))
}

func bridge(i *sim.Incarnation) subsystem.Spec {
	return nb.Spec(nb.Config{
		Transport: i.Transport(), Protocols: nb.Carried(parts().Protocols()),
		Peers: i.Node.World.Others(i.Node), NoPeerExchange: true,
	})
}

func (r *rumour) teller(i *sim.Incarnation) subsystem.Spec {
	spec := parts()[0].Spec
	spec.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		t := &teller{r: r, sub: sub, node: i.Node.Index}
		if r.forgery && r.heard[t.node] > 0 {
			r.heard[t.node] += 1000
		}
		r.said[t.node] = append(r.said[t.node], 0)
		r.spread[t.node] = sub.Now().Sub(virtual.Epoch) - i.Node.World.Clock.Elapsed()
		t.spread()
		return t, nil
	}
	return spec
}

// spread tells all others what was heard, now and then.
func (t *teller) spread() {
	m := &nbv1.SendMessage{Protocol: "rumour", Payload: binary.BigEndian.AppendUint64(nil, t.r.heard[t.node])}
	for _, n := range t.r.world.Nodes {
		if n.Index != t.node {
			m.Peers = append(m.Peers, n.ID[:])
		}
	}
	lives := t.r.said[t.node]
	lives[len(lives)-1]++
	t.sub.Send(m)
	t.sub.After(200*time.Millisecond, t.spread)
}

func (t *teller) Signal(*overseerv1.Signal) {}

func (t *teller) Handle(m *subsystem.Message) {
	for _, said := range m.Body.(*collatorv1.NetworkBridgeUpdate).GetEvent().Messages() {
		t.r.heard[t.node] = max(t.r.heard[t.node], binary.BigEndian.Uint64(said.GetPayload()))
	}
}

// Start is sim.Actor: it counts.
func (r *rumour) Start() {
	r.world.Clock.After(time.Second, func() {
		if r.closed {
			return
		}
		r.number++
		*r.world.Progress("numbers")++
		r.heard[0] = max(r.heard[0], r.number)
		r.Start()
	})
}

// Close is sim.Actor.
func (r *rumour) Close() { r.closed = true }

func (r *rumour) check() {
	for i, n := range r.heard {
		if n > r.number {
			r.world.Violate("nobody is ahead", "node %d has heard %d of %d", i, n, r.number)
		}
	}
}

func (r *rumour) unsettled() string {
	if slices.Min(r.heard) >= r.number {
		return ""
	}
	return fmt.Sprintf("%v of %d", r.heard, r.number)
}

func TestAnyPartsFindTheirScenario(t *testing.T) {
	for seed := range uint64(10) {
		out := sim.Run(sim.Config{Duration: 10 * time.Second}, scenario(5, false), seed)
		if out.Failed() || out.Progress["numbers"] < 9 {
			t.Errorf("seed %d: %+v, stuck: %s, %v", seed, out.Violations, out.Stuck, out.Progress)
		}
	}
}

func TestASeedDrawsTheSameFaultsWhateverElseMayHappen(t *testing.T) {
	run := func(only ...string) sim.Outcome {
		return sim.Run(sim.Config{Duration: 10 * time.Second, Only: only}, scenario(5, false), 3)
	}
	all := run()
	if len(all.On) < 3 {
		t.Fatalf("the seed has only %v", all.On)
	}
	for _, kind := range all.On {
		if one := run(kind); !slices.Equal(one.On, []string{kind}) || one.TraceHash == all.TraceHash {
			t.Errorf("with %s alone there were %v", kind, one.On)
		}
	}
	if again := run(all.On...); again.TraceHash != all.TraceHash {
		t.Error("to allow all that happens changes what happens")
	}
	if none := run([]string{}...); len(none.On) > 0 {
		t.Errorf("with none allowed there were %v", none.On)
	}
}

// A whole site loses power at one moment, and what was meant for then is said later.
func TestASiteLosesPowerAndComesBack(t *testing.T) {
	cuts := uint64(0)
	for seed := range uint64(8) {
		out := sim.Run(sim.Config{Duration: 20 * time.Second, Only: []string{"site"}}, scenario(5, false), seed)
		if out.Failed() {
			t.Errorf("seed %d: %+v, stuck: %s", seed, out.Violations, out.Stuck)
		}
		cuts += out.Faults["siteCuts"]
	}
	if cuts == 0 {
		t.Error("no site lost power")
	}
}

// Machines don't agree about the time, and are no further apart than they may be.
func TestClocksAreApart(t *testing.T) {
	var r *rumour
	most := time.Duration(0)
	for seed := range uint64(8) {
		out := sim.Run(sim.Config{Duration: 2 * time.Second, Only: []string{"clocks"}}, watched(5, false, &r), seed)
		if out.Failed() {
			t.Errorf("seed %d: %+v, stuck: %s", seed, out.Violations, out.Stuck)
		}
		apart := slices.Max(r.spread) - slices.Min(r.spread)
		if on := slices.Contains(out.On, "clocks"); on != (apart > 0) {
			t.Errorf("seed %d: clocks apart: %v, and they are %v apart", seed, on, apart)
		}
		most = max(most, apart)
	}
	if most < time.Second || most > 10*time.Second+time.Millisecond {
		t.Errorf("clocks were %v apart", most)
	}
}

// A process that dies after so many messages has said just so many.
func TestAProcessDiesAtItsPoint(t *testing.T) {
	for after := 1; after < 8; after++ {
		var r *rumour
		point := sim.Point{Node: 1, Process: "collator", Sent: true, After: after}
		cfg := sim.Config{Calm: true, Duration: 4 * time.Second, Points: []sim.Point{point}}
		out := sim.Run(cfg, watched(3, false, &r), 1)
		if out.Failed() || out.Faults["crashPoints"] != 1 || len(r.said[1]) != 2 {
			t.Fatalf("after %d: %+v %s, lives %v", after, out.Violations, out.Stuck, r.said[1])
		}
		if r.said[1][0] != after {
			t.Errorf("it was to die after %d messages, and died after %d", after, r.said[1][0])
		}
	}
}

func TestAPointThatDoesNotExistIsRefused(t *testing.T) {
	for _, p := range []sim.Point{
		{Process: "nobody", After: 1}, {Process: "collator"}, {Process: "collator", After: 1, Node: 9},
	} {
		out := sim.Run(sim.Config{Calm: true, Points: []sim.Point{p}}, scenario(3, false), 1)
		if len(out.Violations) != 1 || out.Violations[0].Invariant != "setup" {
			t.Errorf("%+v: %+v", p, out.Violations)
		}
	}
}

func TestAPartWithoutSimulatedPortsIsRefused(t *testing.T) {
	lacking := func(w *sim.World) (sim.Scenario, error) {
		s, err := scenario(3, false)(w)
		delete(s.Ports, nb.Name)
		return s, err
	}
	out := sim.Run(sim.Config{}, lacking, 1)
	if len(out.Violations) != 1 || out.Violations[0].Invariant != "setup" {
		t.Errorf("%+v", out.Violations)
	}
}

// A process that was started again makes up a number: what is left of the run that finds it is one kind of fault, few
// nodes and a short time, and it still fails.
func TestWhatFailsIsShrunk(t *testing.T) {
	forged := scenario(8, true)
	cfg := sim.Config{Duration: 20 * time.Second}
	for seed := range uint64(20) {
		out := sim.Run(cfg, forged, seed)
		if !out.Failed() || len(out.On) < 4 {
			continue
		}
		small, last := sim.Shrink(t.Context(), cfg, forged, out)
		t.Logf("seed %d: from %v to %+v", seed, out.On, small)
		if len(small.Only) > 1 || small.Nodes > 3 || small.Duration > 10*time.Second {
			t.Errorf("seed %d is left with %v, %d nodes and %v", seed, small.Only, small.Nodes, small.Duration)
		}
		again := sim.Run(small, forged, seed)
		same := len(again.Violations) > 0 && again.Violations[0].Invariant == out.Violations[0].Invariant
		if !same || again.TraceHash != last.TraceHash {
			t.Errorf("seed %d: the smallest run does %+v", seed, again.Violations)
		}
		return
	}
	t.Error("no seed failed that had enough faults")
}

// Clocks are set while machines run. What doesn't go by what people read isn't moved.
func TestClocksJump(t *testing.T) {
	jumps := uint64(0)
	for seed := range uint64(12) {
		cfg := sim.Config{Duration: 20 * time.Second, Only: []string{"clocks", "jumps"}}
		out := sim.Run(cfg, scenario(5, false), seed)
		if out.Failed() {
			t.Errorf("seed %d: %+v, stuck: %s", seed, out.Violations, out.Stuck)
		}
		jumps += out.Faults["clockJumps"]
	}
	if jumps == 0 {
		t.Error("no clock jumped")
	}
}
