// Package parachain is the scenario of a relay chain with parachains: validators run every part of a node, relayvm as
// its VM, and beside them block producers of the ledger, our example of a parachain. Users make transfers, everything
// breaks, and some validators are dishonest in what they say about candidates. Simulated are, besides the ports of
// package sim and validatornet, the disk of availability-store (a log on simdisk) and the workers of
// candidate-validation (the ledger's rules as a Go value, with the same verdicts).
//
// What must hold is package parachecker's, P1 to P10, and as much of P11 as there is; nothing is run in a sandbox here,
// so P12 isn't looked at. Beside it E1 and E2 hold of the relay chain. Once all is healed every para's blocks are
// included again, else the run is stuck.
//
// A dishonest validator's engine is honest: scenario consensus is about the others. There are never so many of them
// that they are a quorum of a group, since nobody checks a candidate again after its group has backed it: what a group
// says is true as long as one honest member is needed for it.
package parachain

import (
	"fmt"
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/parachecker"
	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/validatornet"
	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Config says what to run.
type Config struct {
	// Blocks, when set, ends the run once the relay chain has so many.
	Blocks uint64
	// Lies, when set, are those that liars choose from.
	Lies []Lie
	// Bad runs a network that is known to be bad; the run must then fail.
	Bad Bad

	tune func(*network) // for tests: the last word about what was drawn
}

// New makes the scenario.
func New(cfg Config) sim.Builder {
	return func(w *sim.World) (sim.Scenario, error) {
		net, err := newNetwork(w, cfg)
		if err != nil {
			return sim.Scenario{}, err
		}
		return net.scenario(), nil
	}
}

// network is the validators of one run, the relay chain and its parachains.
type network struct {
	validatornet.Net
	cfg Config

	size    int
	paras   int
	session uint64 // its length in blocks
	rotate  uint64 // blocks between two rotations of groups
	think   time.Duration
	faults  []sim.Fault
	// Of controls.
	unsynced time.Duration // by how much disks are late with what they say is durable
	claims   bool          // availability-stores say that everything is there
	trusting bool          // workers find everything valid

	relay   *relay
	teams   []*team
	shelves []*shelf
	lies    *liars
	checker *parachecker.Checker
	wire    wire
	lost    float64 // the share of workers' runs that are lost
	meter   *meter  // nil: nobody counts
	looked  int     // duties that were looked at
}

// newNetwork draws a network and adds its nodes to the world.
func newNetwork(w *sim.World, cfg Config) (*network, error) {
	net := &network{Net: validatornet.Net{World: w}, cfg: cfg}
	net.lies = newLiars(net)
	net.wire = newWire(net)
	net.draw()
	cfg.Bad.change(net)
	if cfg.tune != nil {
		cfg.tune(net)
	}
	if err := net.found(); err != nil {
		return nil, err
	}
	net.checker = parachecker.New(parachecker.Config{
		Honest: func(v uint32) bool { return !net.lies.is(int(v)) }, InFlight: net.inFlight(), Validate: validate,
		Violated: func(invariant, what string) { w.Violate(invariant, "%s", what) },
	})
	for range net.Set.Len() {
		if err := net.addNode(); err != nil {
			return nil, err
		}
	}
	return net, nil
}

// Work that was under way when its relay parent ended: a second of it, and where processes hang and die, as long as
// that and the timeouts behind it last.
const (
	inFlight      = time.Second
	inFlightAfter = 15 * time.Second
)

func (net *network) inFlight() time.Duration {
	if net.World.Config.Calm {
		return inFlight
	}
	return inFlightAfter
}

func (net *network) addNode() error {
	n, err := net.AddNode()
	if err != nil {
		return err
	}
	if net.unsynced > 0 {
		n.Disk.SetLying(func(durable func()) { net.World.Clock.Do(net.unsynced, durable) })
	}
	net.shelves = append(net.shelves, &shelf{node: n})
	net.relay.add(n)
	n.OnPowerCut(func() { net.afterPowerCut(n) })
	return nil
}

func (net *network) scenario() sim.Scenario {
	ports := net.ports()
	net.Parts = parts(ports)
	s := sim.Scenario{
		Parts: net.Parts, Chains: net.Genesis.Chains, Ports: ports,
		Streams: []nb.Lane{nb.LaneBacking, nb.LaneGossip, nb.LaneBulk}, Tap: net.wire.tap, Describe: describe,
		Faults: net.faults,
		Done:   net.done, Unsettled: net.unsettled,
		Invariants: []sim.Invariant{{Name: "P4", Check: net.look}},
	}
	for _, t := range net.teams {
		s.Actors = append(s.Actors, t)
	}
	s.Actors = append(s.Actors, operator{net})
	return s
}

func (net *network) done() bool {
	return net.cfg.Blocks > 0 && uint64(len(net.relay.final)) > net.cfg.Blocks
}

// enough is how many blocks of each para are included after all has healed.
const enough = 3

// unsettled says what hasn't come to life again; empty when all has, and all that must be there is.
func (net *network) unsettled() string {
	var open []string
	if !net.World.Healed {
		return "it isn't healed"
	}
	for _, t := range net.teams {
		if t.since < enough {
			open = append(open, fmt.Sprintf("para %d has %d blocks included since", t.para, t.since))
		}
	}
	for _, r := range net.relay.replicas {
		if r.Height() < net.relay.healedAt+enough {
			open = append(open, fmt.Sprintf("node %d is at height %d", r.node.Index, r.Height()))
		}
	}
	if len(open) == 0 {
		net.settle()
	}
	return strings.Join(open, "; ")
}

// settle looks a last time at all that must be there.
func (net *network) settle() {
	for v := range net.size {
		if !net.lies.is(v) {
			net.read(net.checker.DueOf(uint32(v)))
		}
	}
	for _, id := range net.checker.Included() {
		net.recover(id)
	}
}

// look reads what has become due since it was looked last.
func (net *network) look() {
	due := net.checker.Due(net.looked)
	net.looked += len(due)
	net.read(due)
}

func (net *network) read(due []parachecker.Duty) {
	for _, d := range due {
		s := net.shelves[d.Validator].now()
		if d.Data {
			net.checker.ReadData(d, s.data(d.Candidate))
		} else {
			net.checker.ReadChunk(d, s.chunk(d.Candidate, d.Validator))
		}
	}
}

// recover puts a candidate together from the chunks that honest validators keep of it, each its own.
func (net *network) recover(id primitives.Hash) {
	net.checker.Recovered(id, net.chunks(id))
}

// operator looks after VM hosts that gave up, and notes where the chain is when all heals.
type operator struct{ net *network }

// Start is sim.Actor.
func (operator) Start() {}

// Close starts those hosts again.
func (o operator) Close() {
	o.net.relay.healedAt = uint64(len(o.net.relay.final))
	for _, t := range o.net.teams {
		t.since = 0
	}
	for _, r := range o.net.relay.replicas {
		if r.host.GaveUp() {
			r.host.Process.Kill()
		}
	}
}
