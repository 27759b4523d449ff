package snowman

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowman/poll"
)

// pacing says when the next poll makes sense. After a poll that confirmed something that is at once. After one that didn't, it is when
// peers have been heard to prefer what this node prefers; or, with or without that, after a pause that doubles.
type pacing struct {
	pause     time.Duration
	notBefore time.Time
	heard     bool // a peer's hint has changed since the last fruitless poll
	wanted    bool // a poll is only waiting for notBefore
}

const (
	leastPause = 10 * time.Millisecond
	mostPause  = 200 * time.Millisecond
)

func (p *pacing) next() (time.Time, bool) { return p.notBefore, p.wanted }

func (p *pacing) fruitful(now time.Time) {
	p.pause, p.notBefore = 0, now
}

func (p *pacing) fruitless(now time.Time) {
	p.pause = min(max(2*p.pause, leastPause), mostPause)
	p.notBefore, p.heard = now.Add(p.pause), false
}

// ask opens the first poll about a block: with the whole block if this node built it.
func (c *Core) ask(e *entry) {
	id, nodes := c.openPoll()
	switch {
	case len(nodes) == 0:
	case e.from == c.cfg.Self:
		c.emit(SendPushQuery{Nodes: nodes, RequestID: id, Container: e.block.Bytes(), Height: c.root.Height + 1})
	default:
		c.emit(SendPullQuery{Nodes: nodes, RequestID: id, ID: e.block.ID(), Height: c.root.Height + 1})
	}
	c.takePolls()
}

// poll keeps as many polls open as could confirm something.
func (c *Core) poll() {
	for c.wantPoll() {
		id, nodes := c.openPoll()
		if len(nodes) > 0 {
			tip, _ := c.tree.Preference()
			c.emit(SendPullQuery{Nodes: nodes, RequestID: id, ID: tip, Height: c.root.Height + 1})
		}
		c.takePolls()
		c.prefer()
	}
}

func (c *Core) wantPoll() bool {
	c.repoll.wanted = false
	if c.tree.Len() == 0 || c.catchUp.active() || !c.known.enough {
		return false
	}
	supported, ok := c.supported()
	need := 1
	if ok {
		need = c.tree.Needed(supported, c.cfg.Parameters.BetaUnanimous > 0 && c.allResponsive())
	}
	if c.polls.Len() >= min(need, c.cfg.Parameters.ConcurrentRepolls) {
		return false
	}
	if !c.now.Before(c.repoll.notBefore) && (ok || c.polls.Len() == 0) || ok && c.repoll.heard {
		return true
	}
	c.repoll.wanted = c.polls.Len() == 0
	return false
}

// openPoll samples the validators and records this node's own vote and the absence of those who can't be asked.
func (c *Core) openPoll() (id uint32, ask []primitives.NodeID) {
	seats := c.cfg.Validators.Sample(c.cfg.Rand, c.cfg.Parameters.K)
	voters := make([]poll.Voter, 0, len(seats))
	ask = make([]primitives.NodeID, 0, len(seats))
	for _, seat := range seats {
		n := c.cfg.Validators.Node(seat.Index)
		voters = append(voters, poll.Voter{Node: n, Units: seat.Units})
		if p := c.voters[seat.Index]; p != nil && !p.benched() {
			ask = append(ask, n)
		}
	}
	id = c.nextRequestID()
	c.polls.Add(id, voters, c.now)
	ask = c.request(id, requests.Chits, c.pull(id), ask...)
	for _, v := range voters {
		switch {
		case v.Node == c.cfg.Self:
			own, _ := c.vote()
			c.polls.Vote(id, v.Node, own, c.stable.ID, c.now)
		case !slices.Contains(ask, v.Node):
			c.polls.Drop(id, v.Node, c.now)
		}
	}
	return id, ask
}

// takePolls records the polls that are finished, oldest first.
func (c *Core) takePolls() {
	for {
		r, ok := c.polls.Take(c.now)
		if !ok {
			return
		}
		if c.tree.Len() == 0 {
			continue
		}
		d := c.tree.Record(r.Votes, !c.amnesia.until.IsZero())
		if len(d.Accept) > 0 || c.tree.Confirms() {
			c.repoll.fruitful(c.now)
		} else {
			c.repoll.fruitless(c.now)
		}
		c.decide(d)
	}
}

// supported is the height up to which AlphaConfidence units have been seen to share this node's preference. Where the set is too large
// to be asked as a whole, hints say little and the tip is taken for supported.
func (c *Core) supported() (height uint64, ok bool) {
	set, p := c.cfg.Validators, c.cfg.Parameters
	tip, tipHeight := c.tree.Preference()
	if set.Units() > p.K {
		return tipHeight, true
	}
	type share struct {
		height uint64
		units  int
	}
	var shares []share
	for i := range set.Len() {
		seen := tip
		if i != c.validator {
			p := c.voters[i]
			if p == nil {
				continue
			}
			seen, _ = c.resolve(p.hint)
		}
		if h, ok := c.tree.Shared(seen); ok {
			shares = append(shares, share{h, set.UnitsOf(i)})
		}
	}
	slices.SortStableFunc(shares, func(a, b share) int { return compare(b.height, a.height) })
	sum := 0
	for _, s := range shares {
		if sum += s.units; sum >= p.AlphaConfidence {
			return s.height, s.height > c.root.Height
		}
	}
	return 0, false
}

// allResponsive tells whether a unanimous poll can be hoped for.
func (c *Core) allResponsive() bool {
	for i, p := range c.voters {
		if i != c.validator && (p == nil || p.misses > 0) {
			return false
		}
	}
	return true
}
