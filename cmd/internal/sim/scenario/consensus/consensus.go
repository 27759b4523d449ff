// Package consensus is the scenario of a chain under Snowman consensus: validators run keystore, bridge, engine and
// VM host with kvvm, users send transactions, plugins crash and some validators lie. Simulated are the ports of the
// engine package sim, the chain's database (memdb) and the plugin's process (kvvm as a Go value).
//
// The invariants, by the names of the engine's design; those of every node are in package sim:
//
//	E1          two honest nodes never accept different blocks at one height       chain.go, at every durable write
//	E2          accepted blocks form one chain, each once, in order, parent first  replica.go, at every durable write
//	E3          nobody votes as if it had accepted what isn't durable, or less     votes.go, at every vote
//	E5          once all is healed, everything issued is decided everywhere        unsettled, below: else it is stuck
//	signatures  no key signs two blocks or two votes for one place                 votes.go, at every block and vote
//	certificate what is accepted has a certificate that convinces anybody          proofs.go, at every durable write
//	told        what a user was told is final is final everywhere                  workload.go, when all is settled
//	evidence    honest nodes hand on evidence that holds, against liars only       evidence.go, at every piece
//	wire        honest nodes send blocks and votes that can be read                votes.go, at every block and vote
//
// What a dishonest validator's own node accepts, says and tells users counts for nothing.
package consensus

import (
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/validatornet"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/vmhost"
)

// Config says what to run.
type Config struct {
	// Heights, when set, ends the run once every honest node has accepted so many blocks.
	Heights uint64
	// Lies, when set, are those that liars choose from.
	Lies []Lie
	// Bad runs parameters that are known to be bad; the run must then fail.
	Bad Bad

	tune func(*network) // for tests: the last word about what was drawn
}

func New(cfg Config) sim.Builder {
	return func(w *sim.World) (sim.Scenario, error) {
		net, err := newNetwork(w, cfg)
		if err != nil {
			return sim.Scenario{}, err
		}
		return net.scenario(), nil
	}
}

// network is the validators of one run and their chains.
type network struct {
	validatornet.Net
	cfg Config

	size    int
	weights []uint64 // stakes; not one for each node: they are drawn
	names   []string // of the chains
	params  snowball.Parameters
	flaws   finality.Flaws // a control's
	lying   time.Duration  // by how much disks are late with what they say is durable
	users   int
	think   time.Duration // the mean time between two acts of a user
	quiet   time.Duration // before the users begin
	faults  []sim.Fault

	chains []*chain
	lies   *liars
	ahead  *ahead
	last   lastRead
}

// newNetwork draws a network and adds its nodes to the world.
func newNetwork(w *sim.World, cfg Config) (*network, error) {
	net := &network{Net: validatornet.Net{World: w}, cfg: cfg}
	net.lies, net.ahead = newLiars(net), newAhead(net)
	net.draw()
	cfg.Bad.change(net)
	if cfg.tune != nil {
		cfg.tune(net)
	}
	if len(net.weights) != net.size {
		net.weights = net.drawStakes()
	}
	if err := net.found(); err != nil {
		return nil, err
	}
	for _, c := range net.Genesis.Chains {
		net.chains = append(net.chains, newChain(net, c))
	}
	for range net.Set.Len() {
		if err := net.addNode(); err != nil {
			return nil, err
		}
	}
	return net, nil
}

func (net *network) draw() {
	r := net.World.RNG("network of validators")
	if net.size = drawSize(r); net.World.Config.Nodes > 0 {
		net.size = net.World.Config.Nodes
	}
	net.names = []string{"kv"}
	net.users = 1 + r.IntN(6)
	net.think = 50*time.Millisecond + time.Duration(r.Int64N(int64(950*time.Millisecond)))
	if net.World.Config.Calm {
		net.quiet = 1500 * time.Millisecond // the nodes find each other first
	}
	net.faults = []sim.Fault{
		net.plugins(),
		{Name: "liars", Begin: net.lies.draw}, // they don't stop when all heals
		net.ahead.fault(2*time.Second, 8*time.Second),
		newAstray(net).fault(),
	}
}

func (net *network) addNode() error {
	n, err := net.AddNode()
	if err != nil {
		return err
	}
	if net.lying > 0 {
		n.Disk.SetLying(func(durable func()) { net.World.Clock.Do(net.lying, durable) })
	}
	for _, c := range net.chains {
		c.add(n)
	}
	return nil
}

func (net *network) scenario() sim.Scenario {
	ports := map[string]func(*sim.Incarnation) subsystem.Spec{
		keystore.Name: net.Keystore, nb.Name: net.Bridge, vmhost.Name: net.vmHost, engine.Name: net.engine,
	}
	net.Parts = sim.Simulated(services.Parts(), ports)
	s := sim.Scenario{
		Parts: net.Parts, Chains: net.Genesis.Chains, Ports: ports,
		Tap: net.tap, Describe: describe,
		Faults: net.faults,
		Done:   net.done, Unsettled: net.unsettled,
	}
	for _, c := range net.chains {
		s.Actors = append(s.Actors, c.users, operator{c})
		s.Invariants = append(s.Invariants, sim.Invariant{Name: "E3", Check: c.remember})
	}
	return s
}

// tap sees every frame before it leaves a node: liars lie here, and what the others say is checked.
func (net *network) tap(from, to int, lane nb.Lane, frame []byte) []byte {
	if lane != nb.LaneConsensus && lane != nb.LaneBulk {
		return frame
	}
	m := net.last.read(frame)
	if m == nil {
		return frame
	}
	for _, c := range net.chains {
		if isFor(m, c) {
			c.votes.sees(c.replicas[from], frame, m)
			net.lies.looks(c, to, m)
			net.lies.hears(c.replicas[from], to, lane, frame, m)
			return net.lies.rewrite(c.replicas[from], to, lane, frame, m)
		}
	}
	return frame
}

// done tells whether every chain is at the height that the run is for.
func (net *network) done() bool {
	reached := net.cfg.Heights > 0
	for _, c := range net.chains {
		reached = reached && c.reached(net.cfg.Heights)
	}
	return reached
}

// unsettled says what isn't decided; empty when all is (E5).
func (net *network) unsettled() string {
	var open []string
	for _, c := range net.chains {
		if !c.settled() {
			open = append(open, c.String())
		}
	}
	return strings.Join(open, "; ")
}
