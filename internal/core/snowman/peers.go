package snowman

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/validators"
)

// peer is what is known of a connected node.
type peer struct {
	accepted primitives.Hash // as it last said
	height   uint64
	hint     primitives.Hash // the block that it last showed to prefer
	misses   int             // requests in a row that it let time out
	asked    time.Time       // what it prefers, by the frontier check
}

// benchedAfter is the number of timeouts in a row after which a peer isn't asked any more, but for the frontier check.
const benchedAfter = 2

func (p *peer) benched() bool { return p.misses >= benchedAfter }

func (c *Core) onConnected(n primitives.NodeID) {
	if n == c.cfg.Self || c.peers[n] != nil {
		return
	}
	p := &peer{}
	c.peers[n] = p
	if i, ok := c.cfg.Validators.Index(n); ok {
		c.voters[i] = p
		c.frontier = c.now // learn at once how far the others are
		c.repoll.heard = true
	}
	c.count()
}

func (c *Core) onDisconnected(n primitives.NodeID) {
	if c.peers[n] == nil {
		return
	}
	delete(c.peers, n)
	if i, ok := c.cfg.Validators.Index(n); ok {
		c.voters[i] = nil
	}
	c.count()
	c.build.dueOn = primitives.Hash{} // who was waited for may be gone
	for _, k := range c.table.Disconnect(n) {
		c.fail(k, requests.Disconnected)
	}
}

func (c *Core) onRequestFailed(in RequestFailed) {
	if k := c.key(in.Node, in.RequestID, in.Answer); c.table.Fail(k) {
		c.fail(k, in.Reason)
	}
}

// fail is the one place where a request of ours ends without an answer. The table has let it go before.
func (c *Core) fail(k requests.Key, why requests.Reason) {
	if p := c.peers[k.Node]; p != nil && why == requests.TimedOut {
		p.misses++
	}
	switch k.Answer {
	case requests.Chits:
		c.polls.Drop(k.ID, k.Node, c.now)
	case requests.Put:
		c.onGetFailed(k.Node, k.ID)
	default:
		c.catchUp.failed(c, k)
	}
}

// answered ends a request with its answer. False: nobody waits for it.
func (c *Core) answered(n primitives.NodeID, id uint32, answer requests.Answer) bool {
	if !c.table.Answer(c.key(n, id, answer), c.now) {
		return false
	}
	if p := c.peers[n]; p != nil {
		p.misses = 0
	}
	return true
}

// connected lists the validators that are connected, in the order of node ids.
func (c *Core) connected(which func(*peer) bool) []primitives.NodeID {
	var nodes []primitives.NodeID
	for i, p := range c.voters {
		if p != nil && (which == nil || which(p)) {
			nodes = append(nodes, c.cfg.Validators.Node(i))
		}
	}
	return nodes
}

// known is what follows from the peers, counted when something about them changes.
type known struct {
	stake  uint64 // connected, this node's own included
	enough bool   // for a poll to succeed
	height uint64 // the greatest one that more than half of all stake has reported as accepted
}

// count brings known up to date.
func (c *Core) count() {
	type report struct{ height, stake uint64 }
	set, p := c.cfg.Validators, c.cfg.Parameters
	own := set.Stake(c.cfg.Self)
	all := []report{{c.stable.Height, own}}
	c.known = known{stake: own}
	for i, p := range c.voters {
		if p != nil {
			all = append(all, report{p.height, set.StakeOf(i)})
			c.known.stake += set.StakeOf(i)
		}
	}
	c.known.enough = validators.AtLeast(c.known.stake, set.TotalStake(), p.AlphaConfidence, p.K)
	slices.SortFunc(all, func(a, b report) int { return compare(b.height, a.height) })
	var sum uint64
	for _, r := range all {
		if sum += r.stake; set.IsMajority(sum) {
			c.known.height = r.height
			return
		}
	}
}

// rose looks again at the height that most have accepted, after somebody has said that it accepted a greater one than before. Nearly
// always that moves nothing.
func (c *Core) rose(height uint64) {
	if height <= c.known.height {
		return
	}
	var above uint64
	if c.stable.Height > c.known.height {
		above = c.cfg.Validators.Stake(c.cfg.Self)
	}
	for i, p := range c.voters {
		if p != nil && p.height > c.known.height {
			above += c.cfg.Validators.StakeOf(i)
		}
	}
	if c.cfg.Validators.IsMajority(above) {
		c.count()
	}
}

// frontierEvery is the slow check of a chain on which nothing happens.
const frontierEvery = time.Second

// checkFrontier asks somebody now and then what it prefers: how an idle node learns of a block that it missed.
func (c *Core) checkFrontier() {
	if c.now.Before(c.frontier) {
		return
	}
	pause := frontierEvery
	if !c.amnesia.until.IsZero() {
		pause = frontierEvery / 10
	}
	c.frontier = c.now.Add(pause + time.Duration(c.cfg.Rand.Int64N(int64(pause/4))))
	known := c.known.height > 0 && c.amnesia.until.IsZero()
	nodes := c.connected(func(p *peer) bool { return known || c.now.Sub(p.asked) >= pause })
	ask := min(c.cfg.Parameters.K, len(nodes)) // while nothing is known, but nobody again at once because somebody else has come
	if known {
		ask = min(2, ask)
	}
	c.cfg.Rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	for _, n := range nodes[:ask] {
		c.peers[n].asked = c.now
	}
	id := c.nextRequestID()
	if sent := c.request(id, requests.Chits, c.pull(id), nodes[:ask]...); len(sent) > 0 {
		tip, _ := c.tree.Preference()
		c.emit(SendPullQuery{Nodes: sent, RequestID: id, ID: tip, Height: c.root.Height + 1})
	}
}
