package snowman

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// catchUp brings a node that lags to where the network is. It trusts nobody's single word: a frontier is gathered, a block counts as
// accepted when more than half of all stake says so, and what leads to it is tied to it by hashes. The blocks are then accepted in
// height order, each executed by the VM.
type catchUp struct {
	stage    stage
	behind   time.Time // since when the network has been ahead
	at       uint64    // own height then
	retry    time.Time // not before
	round    uint32    // request number of the question that is open
	waiting  int       // answers still to come
	ids      []primitives.Hash
	accepted map[primitives.Hash][]primitives.NodeID // who has it
	way      way
}

type stage uint8

const (
	following stage = iota // nothing to do
	askingFrontier
	askingAccepted
	fetching // and executing
)

const (
	farBehind   = 8                      // heights; above that nothing but catching up helps
	nearBehind  = 400 * time.Millisecond // that far behind only by a few blocks: polls will do it
	catchUpWait = 250 * time.Millisecond // before another round
	frontierIDs = 20                     // gathered at most
	window      = 64                     // blocks handed to the VM and not yet durable
)

func (u *catchUp) active() bool { return u.stage != following }

func (u *catchUp) next() (time.Time, bool) {
	switch {
	case u.stage == following && !u.behind.IsZero():
		return later(u.behind.Add(nearBehind), u.retry), true
	case u.stage == fetching && u.way.request == 0:
		return u.retry, true
	}
	return time.Time{}, false
}

// followNetwork starts to catch up when the network is ahead and polls don't bring this node forward.
func (c *Core) followNetwork() {
	u := &c.catchUp
	if u.stage == fetching {
		c.execute()
		return
	}
	network := c.known.height
	if network <= c.root.Height {
		u.behind = time.Time{}
		return
	}
	if u.behind.IsZero() || u.at != c.root.Height {
		u.behind, u.at = c.now, c.root.Height
	}
	far := network > c.root.Height+farBehind
	if u.active() || c.now.Before(u.retry) || !far && c.now.Sub(u.behind) < nearBehind || len(c.queue) > 0 {
		return
	}
	c.askFrontier()
}

func (c *Core) askFrontier() {
	u := &c.catchUp
	c.polls.Clear()
	*u = catchUp{stage: askingFrontier, behind: u.behind, at: u.at, round: c.nextRequestID(), accepted: make(map[primitives.Hash][]primitives.NodeID)}
	nodes := c.connected(nil)
	c.cfg.Rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	round := u.round
	sent := c.request(round, requests.AcceptedFrontier, func(n primitives.NodeID) Action {
		return SendGetAcceptedFrontier{Nodes: []primitives.NodeID{n}, RequestID: round}
	}, nodes[:min(len(nodes), c.cfg.Parameters.K)]...)
	u.waiting = len(sent)
	if len(sent) == 0 {
		c.giveUp()
		return
	}
	c.emit(SendGetAcceptedFrontier{Nodes: sent, RequestID: u.round})
}

// giveUp goes back to following; another round may begin after a pause.
func (c *Core) giveUp() {
	c.catchUp = catchUp{behind: c.catchUp.behind, at: c.catchUp.at, retry: c.now.Add(catchUpWait)}
	c.advanceAll()
}

func (c *Core) onAcceptedFrontier(in AcceptedFrontier) {
	u := &c.catchUp
	if !c.answered(in.Node, in.RequestID, requests.AcceptedFrontier) || u.stage != askingFrontier || in.RequestID != u.round {
		return
	}
	if !slices.Contains(u.ids, in.ID) && !c.recent.has(in.ID) && len(u.ids) < frontierIDs {
		u.ids = append(u.ids, in.ID)
	}
	c.oneLess()
}

func (c *Core) onAccepted(in Accepted) {
	u := &c.catchUp
	if !c.answered(in.Node, in.RequestID, requests.Accepted) || u.stage != askingAccepted || in.RequestID != u.round {
		return
	}
	for _, id := range u.ids {
		if slices.Contains(in.IDs, id) {
			u.accepted[id] = append(u.accepted[id], in.Node)
		}
	}
	c.oneLess()
}

// failed is called for a request that ended without an answer.
func (u *catchUp) failed(c *Core, k requests.Key) {
	switch {
	case k.ID == u.round && (k.Answer == requests.AcceptedFrontier && u.stage == askingFrontier || k.Answer == requests.Accepted && u.stage == askingAccepted):
		c.oneLess()
	case k.Answer == requests.Ancestors && u.stage == fetching && k.ID == u.way.request:
		u.way.request, u.retry = 0, c.now.Add(catchUpWait)
		u.way.unlucky(k.Node)
	}
}

// oneLess goes to the next stage when all have answered or failed.
func (c *Core) oneLess() {
	u := &c.catchUp
	if u.waiting--; u.waiting > 0 {
		return
	}
	if u.stage == askingFrontier {
		c.askAccepted()
	} else {
		c.choose()
	}
}

func (c *Core) askAccepted() {
	u := &c.catchUp
	if len(u.ids) == 0 {
		c.giveUp()
		return
	}
	u.stage, u.round = askingAccepted, c.nextRequestID()
	round, ids := u.round, u.ids
	sent := c.request(round, requests.Accepted, func(n primitives.NodeID) Action {
		return SendGetAccepted{Nodes: []primitives.NodeID{n}, RequestID: round, IDs: ids}
	}, c.connected(nil)...)
	u.waiting = len(sent)
	if len(sent) == 0 {
		c.giveUp()
		return
	}
	c.emit(SendGetAccepted{Nodes: sent, RequestID: u.round, IDs: u.ids})
}

// choose takes a block that a majority of all stake has accepted: of several the one that is said to be the highest, any of those when
// nobody says. Who lies about a height makes this node go a shorter way than it could, no wrong one.
func (c *Core) choose() {
	u := &c.catchUp
	var target primitives.Hash
	var highest, equal uint64
	for _, id := range u.ids {
		var stake, height uint64
		for _, n := range u.accepted[id] {
			stake += c.cfg.Validators.Stake(n)
		}
		for _, n := range c.connected(func(p *peer) bool { return p.accepted == id }) {
			height = max(height, c.peers[n].height)
		}
		switch {
		case !c.cfg.Validators.IsMajority(stake):
		case target.IsZero() || height > highest:
			target, highest, equal = id, height, 1
		case height == highest:
			if equal++; c.cfg.Rand.Uint64N(equal) == 0 {
				target = id
			}
		}
	}
	if target.IsZero() {
		c.giveUp()
		return
	}
	u.stage, u.retry = fetching, c.now
	u.way = way{target: target, want: target, from: u.accepted[target], blocks: make(map[primitives.Hash]*block.Block), span: 256}
}
