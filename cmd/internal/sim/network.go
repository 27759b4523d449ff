package sim

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
)

// networkNumber is the number of the simulated network.
const networkNumber = 1

// network is everything of one run.
type network struct {
	cfg   Config
	seed  uint64
	plan  plan
	clock *virtual.Scheduler
	disks *rand.Rand // that of disks

	genesis *genesis.Genesis
	secrets map[primitives.NodeID]keys.Secret
	chain   block.Chain
	set     *validators.Set
	stakes  map[primitives.NodeID]uint64
	wire    *memnet.Network
	nodes   []*node

	chaos *chaos
	users *workload
	lies  *liars
	votes *votes

	lastRead struct {
		frame   []byte
		message message
		ok      bool
	}

	final      []primitives.Hash // what honest nodes have accepted; 0 is the genesis block
	violations []Violation
	stuck      string
	count      Count
}

func newNetwork(cfg Config, seed uint64) (*network, error) {
	net := &network{cfg: cfg, seed: seed, plan: newPlan(cfg, seed), clock: virtual.New(), disks: virtual.RNG(seed, "disk")}
	cfg.Bad.change(&net.plan)
	if cfg.tune != nil {
		cfg.tune(&net.plan)
	}
	if cfg.Trace != nil {
		net.clock.Trace.Out = cfg.Trace
		net.clock.Trace.At = func() string { return fmt.Sprintf("%12.6f", net.clock.Elapsed().Seconds()) }
	}
	if err := net.found(); err != nil {
		return nil, err
	}
	net.wire = memnet.New(memnet.Config{
		Scheduler: net.clock, RNG: virtual.RNG(seed, "network"), Nodes: net.ids(), Delay: net.delays(), Tap: net.tap, Describe: describe,
	})
	net.chaos, net.users, net.lies, net.votes = newChaos(net), newWorkload(net), newLiars(net), newVotes(net)
	for i := range net.plan.validators {
		n, err := newNode(net, i, net.set.At(i).Node, net.secrets[net.set.At(i).Node])
		if err != nil {
			return nil, err
		}
		n.liar = net.lies.is(i)
		net.nodes = append(net.nodes, n)
	}
	return net, nil
}

// found makes keys and genesis. Nodes are numbered in the order of the validator set.
func (net *network) found() error {
	net.secrets = map[primitives.NodeID]keys.Secret{}
	net.stakes = map[primitives.NodeID]uint64{}
	net.genesis = &genesis.Genesis{Network: "sim"}
	var members []validators.Validator
	for i := range net.plan.validators {
		id := primitives.NodeID(virtual.Key(net.seed, "identity", i))
		secret := keys.FromSeed(keys.Signing, virtual.Key(net.seed, "signing", i))
		public := secret.Public()
		net.secrets[id], net.stakes[id] = secret, 100
		members = append(members, validators.Validator{Node: id, Key: public[:], Stake: 100})
		net.genesis.Validators = append(net.genesis.Validators, genesis.Validator{
			Name: fmt.Sprintf("node-%d", i), NodeID: id, PublicKey: primitives.Hash(public), Stake: 100,
		})
	}
	net.genesis.Chains = []genesis.Chain{{ID: genesis.ChainID("sim", "kv"), Name: "kv", VM: "kvvm"}}
	net.chain = block.Chain{NetworkID: networkNumber, ID: net.genesis.Chains[0].ID}
	if err := net.genesis.Check(); err != nil {
		return err
	}
	var err error
	net.set, err = validators.New(members)
	return err
}

func (net *network) ids() (ids []primitives.NodeID) {
	for i := range net.set.Len() {
		ids = append(ids, net.set.At(i).Node)
	}
	return ids
}

// delays draws the way between every two nodes once.
func (net *network) delays() func(from, to int) time.Duration {
	rng := virtual.RNG(net.seed, "delays")
	n := net.plan.validators
	table := make([]time.Duration, n*n)
	for i := range table {
		table[i] = virtual.Between(rng, net.plan.least, net.plan.most)
	}
	return func(from, to int) time.Duration { return table[from*n+to] }
}

// others are the addresses that a node begins with.
func (net *network) others(self int) (list []networkbridge.Address) {
	for i := range net.set.Len() {
		if id := net.set.At(i).Node; i != self {
			list = append(list, networkbridge.Address{Node: id, At: []string{"/memory/" + id.Short()}})
		}
	}
	return list
}

// work is how long a piece of offloaded work of a node takes.
func (net *network) work(n *node) time.Duration {
	return virtual.Between(n.rng, 20*time.Microsecond, net.plan.fsync)
}

// tap sees every frame before it leaves a node: liars lie here, and what the others say is checked.
func (net *network) tap(from, to int, lane networkbridge.Lane, frame []byte) []byte {
	if lane != networkbridge.LaneConsensus && lane != networkbridge.LaneBulk {
		return frame
	}
	m, ok := net.read(frame)
	if !ok {
		return frame
	}
	net.votes.sees(net.nodes[from], frame, m)
	return net.lies.rewrite(from, to, frame, m)
}

// read reads a frame. One that goes to many is read once.
func (net *network) read(frame []byte) (message, bool) {
	if l := &net.lastRead; len(frame) == 0 || len(frame) != len(l.frame) || &frame[0] != &l.frame[0] {
		l.frame = frame
		l.message, l.ok = readFrame(frame)
	}
	return net.lastRead.message, net.lastRead.ok
}

// violate notes that an invariant doesn't hold. The run ends.
func (net *network) violate(invariant, what string) {
	net.note("VIOLATION of " + invariant + ": " + what)
	net.violations = append(net.violations, Violation{Seed: net.seed, Invariant: invariant, At: net.clock.Elapsed().String(), What: what})
}

func (net *network) note(what string) {
	if net.clock.Trace.Logs() {
		net.clock.Trace.Logf("sim  %s", what)
	}
}

// logger is where a node's processes log.
func (net *network) logger(index int) *slog.Logger {
	if net.cfg.Trace == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(stamped{net}, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})).With("node", index)
}

// stamped puts the virtual time before each line of a log.
type stamped struct{ net *network }

func (s stamped) Write(b []byte) (int, error) {
	if _, err := io.WriteString(s.net.cfg.Trace, s.net.clock.Trace.At()+" log  "); err != nil {
		return 0, err
	}
	return s.net.cfg.Trace.Write(b)
}

func (net *network) outcome() Outcome {
	c, w := net.count, net.wire.Count
	c.Sent, c.Lost, c.Repeated, c.Reordered, c.Blocked, c.Broken = w.Sent, w.Lost, w.Repeated, w.Reordered, w.Blocked, w.Broken
	return Outcome{
		Seed: net.seed, Validators: net.plan.validators, Violations: net.violations, Stuck: net.stuck, TraceHash: net.clock.Trace.Sum(),
		Steps: net.clock.Steps(), Height: uint64(max(0, len(net.final)-1)), Final: net.users.final, Virtual: net.clock.Elapsed(), Count: c,
	}
}
