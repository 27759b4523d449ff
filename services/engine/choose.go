package engine

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// choose picks who gets a gossip: the named nodes that are connected, and then at random so many peers of any kind, validators, and
// others. Nobody gets it twice.
func (e *engine) choose(c *enginev1.SendConfig) (to []primitives.NodeID) {
	taken := make(map[primitives.NodeID]bool)
	take := func(n primitives.NodeID) {
		if _, connected := e.peers[n]; connected && !taken[n] {
			taken[n] = true
			to = append(to, n)
		}
	}
	for _, raw := range c.GetNodeIds() {
		e.fromPeer(raw, take)
	}
	all := e.connectedPeers()
	e.sub.Rand().Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	some := func(count uint32, wanted func(primitives.NodeID) bool) {
		for _, n := range all {
			if count > 0 && !taken[n] && wanted(n) {
				take(n)
				count--
			}
		}
	}
	some(c.GetPeers(), func(primitives.NodeID) bool { return true })
	some(c.GetValidators(), func(n primitives.NodeID) bool { return e.peers[n] })
	some(c.GetNonValidators(), func(n primitives.NodeID) bool { return !e.peers[n] })
	return to
}
