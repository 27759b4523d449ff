package engine

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// peers is who is connected, this node never among them. It reads the names by which the bus calls peers.
type peers struct {
	self      primitives.NodeID
	set       *validators.Set
	drops     *drops
	connected map[primitives.NodeID]bool // true: a validator
}

// named reads the name of a peer. A wrong one is counted.
func (p *peers) named(raw []byte) (primitives.NodeID, bool) {
	n, err := primitives.NodeIDFrom(raw)
	if err != nil {
		p.drops.add("a peer without a name")
	}
	return n, err == nil
}

func (p *peers) has(n primitives.NodeID) bool {
	_, yes := p.connected[n]
	return yes
}

// add takes a peer in. False: it is here already, or it is this node.
func (p *peers) add(n primitives.NodeID) bool {
	if p.has(n) || n == p.self {
		return false
	}
	_, p.connected[n] = p.set.Index(n)
	return true
}

// remove takes a peer out. False: it wasn't here.
func (p *peers) remove(n primitives.NodeID) bool {
	was := p.has(n)
	delete(p.connected, n)
	return was
}

// list is everybody, in the order of their ids.
func (p *peers) list() []primitives.NodeID {
	return slices.SortedFunc(maps.Keys(p.connected), primitives.NodeID.Compare)
}

// choose picks who gets a gossip: the named nodes that are connected, and then at random so many peers of any kind,
// validators, and others. Nobody is picked twice.
func (p *peers) choose(c *enginev1.SendConfig, rng *rand.Rand) (to []primitives.NodeID) {
	taken := make(map[primitives.NodeID]bool)
	take := func(n primitives.NodeID) {
		if p.has(n) && !taken[n] {
			taken[n] = true
			to = append(to, n)
		}
	}
	for _, raw := range c.GetNodeIds() {
		if n, ok := p.named(raw); ok {
			take(n)
		}
	}
	all := p.list()
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	some := func(count uint32, wanted func(primitives.NodeID) bool) {
		for _, n := range all {
			if count > 0 && !taken[n] && wanted(n) {
				take(n)
				count--
			}
		}
	}
	some(c.GetPeers(), func(primitives.NodeID) bool { return true })
	some(c.GetValidators(), func(n primitives.NodeID) bool { return p.connected[n] })
	some(c.GetNonValidators(), func(n primitives.NodeID) bool { return !p.connected[n] })
	return to
}

// drops counts what isn't served, by reason, and logs it once in a while.
type drops struct {
	sub   *subsystem.Sub
	count map[string]int
}

func (d *drops) add(reason string) {
	if d.count[reason]++; d.count[reason]%1000 == 1 {
		d.sub.Log.Debug("dropped", "err", reason, "times", d.count[reason])
	}
}
