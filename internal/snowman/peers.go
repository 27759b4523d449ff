package snowman

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/primitives"
	"github.com/reevenet/reeve/internal/requests"
	"github.com/reevenet/reeve/internal/validators"
)

// peer is what is known of a connected node.
type peer struct {
	accepted primitives.Hash // as it last said
	height   uint64
	hint     primitives.Hash // the block that it last showed to prefer
	misses   int             // requests in a row that it let time out
}

// benchedAfter is the number of timeouts in a row after which a peer isn't asked any more, but for the frontier check.
const benchedAfter = 2

func (p *peer) benched() bool { return p.misses >= benchedAfter }

func (c *Core) onConnected(n primitives.NodeID) {
	if n == c.cfg.Self || c.peers[n] != nil {
		return
	}
	c.peers[n] = &peer{}
	if _, ok := c.cfg.Validators.Index(n); ok {
		c.frontier = c.now // learn at once how far the others are
		c.repoll.heard = true
	}
}

func (c *Core) onDisconnected(n primitives.NodeID) {
	if c.peers[n] == nil {
		return
	}
	delete(c.peers, n)
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
	for n, p := range c.peers {
		if _, ok := c.cfg.Validators.Index(n); ok && (which == nil || which(p)) {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, primitives.NodeID.Compare)
	return nodes
}

// connectedStake includes this node's own.
func (c *Core) connectedStake() (stake uint64) {
	for n := range c.peers {
		stake += c.cfg.Validators.Stake(n)
	}
	return stake + c.cfg.Validators.Stake(c.cfg.Self)
}

// enoughStake tells whether a poll could succeed at all.
func (c *Core) enoughStake() bool {
	p := c.cfg.Parameters
	return validators.AtLeast(c.connectedStake(), c.cfg.Validators.TotalStake(), p.AlphaConfidence, p.K)
}

// networkHeight is the greatest height that more than half of all stake has reported as accepted.
func (c *Core) networkHeight() uint64 {
	type report struct {
		height, stake uint64
	}
	all := []report{{c.stable.Height, c.cfg.Validators.Stake(c.cfg.Self)}}
	for n, p := range c.peers {
		all = append(all, report{p.height, c.cfg.Validators.Stake(n)})
	}
	slices.SortFunc(all, func(a, b report) int { return compare(b.height, a.height) })
	var sum uint64
	for _, r := range all {
		if sum += r.stake; c.cfg.Validators.IsMajority(sum) {
			return r.height
		}
	}
	return 0
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
	nodes := c.connected(nil)
	if len(nodes) == 0 {
		return
	}
	ask := min(2, len(nodes))
	if c.networkHeight() == 0 || !c.amnesia.until.IsZero() {
		ask = len(nodes) // nothing is known yet
	}
	c.cfg.Rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	id := c.nextRequestID()
	if sent := c.request(id, requests.Chits, nodes[:ask]...); len(sent) > 0 {
		tip, _ := c.tree.Preference()
		c.emit(SendPullQuery{Nodes: sent, RequestID: id, ID: tip, Height: c.root.Height + 1})
	}
}
