package parachain

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// chainName is the relay chain's.
const chainName = "relay"

func (net *network) draw() {
	r := net.World.RNG("network with parachains")
	if net.size = drawSize(r); net.World.Config.Nodes > 0 {
		net.size = net.World.Config.Nodes
	}
	net.paras = 1 + r.IntN(3)
	net.session = 20 + uint64(r.IntN(200))
	net.rotate = 1 + uint64(r.IntN(20))
	net.think = 100*time.Millisecond + time.Duration(r.Int64N(int64(2*time.Second)))
	net.faults = []sim.Fault{
		net.World.Repeated("plugin", 2*time.Second, 10*time.Second, net.crashPlugin),
		{Name: "workers", Begin: func(r *rand.Rand) { net.lost = 0.3 * r.Float64() }, End: func() { net.lost = 0 }},
		{Name: "liars", Begin: net.lies.draw}, // they don't stop when all heals
	}
}

// drawSize draws how many validators there are: mostly a handful.
func drawSize(r *rand.Rand) int {
	few, usual, many := 1+r.IntN(3), 4+r.IntN(4), 8+r.IntN(6)
	switch n := r.IntN(16); {
	case n == 0:
		return few
	case n < 3:
		return many
	}
	return usual
}

// tolerated is how many liars there may be: fewer than a third, than a quorum of the smallest group, and so few that no
// group is without one that can make a quorum.
func (net *network) tolerated() int {
	smallest := net.size / net.paras
	return min(primitives.Byzantine(net.size), max(0, primitives.BackingQuorum(smallest)-1))
}

// found makes keys, the relay chain's genesis, and the paras with their teams.
func (net *network) found() error {
	net.paras = min(net.paras, net.size)
	if err := net.Enlist(slices.Repeat([]uint64{100}, net.size)); err != nil {
		return err
	}
	config := relayvm.DefaultConfiguration()
	config.SessionLength, config.GroupRotationFrequency = net.session, net.rotate
	g := relayvm.Genesis{Time: virtual.Epoch, Configuration: config}
	for i := range net.Set.Len() {
		v := net.Set.At(i)
		g.Validators = append(g.Validators, relayvm.Validator{
			PublicKey: primitives.Hash(v.Key), NodeID: v.Node, Stake: v.Stake,
		})
	}
	for i := range net.paras {
		t := newTeam(net, i)
		net.teams = append(net.teams, t)
		g.Paras = append(g.Paras, relayvm.GenesisPara{ID: t.para, Head: t.head.Encode(), Code: code})
	}
	raw, err := g.Encode()
	if err != nil {
		return fmt.Errorf("the relay chain's genesis: %w", err)
	}
	chain := genesis.Chain{
		ID: genesis.ChainID("sim", chainName), Name: chainName, VM: "relayvm", Parachains: true, Genesis: raw,
	}
	net.relay = newRelay(net, chain)
	return net.Found(chain)
}

func (net *network) crashPlugin(rng *rand.Rand) {
	r := net.relay.replicas[rng.IntN(net.size)]
	if r.host.Crash() {
		net.World.Note("node %d: the plugin is killed", r.node.Index)
		*net.World.Fault("pluginCrashes")++
	}
}
