package snowman

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/snowman/history"
	"github.com/reevenet/reeve/internal/core/snowman/poll"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
)

// polling asks samples of the validators what they prefer, as often as it may confirm something and no oftener, and has
// the tree record what they said. Polls are recorded in the order in which they began, each once, and this node's own
// vote is in each for which it was drawn.
type polling struct {
	*turn
	rand   *rand.Rand
	params snowball.Parameters
	asking *asking
	roster *roster
	votes  *votes
	tree   *tree.Tree

	open    *poll.Set
	history *history.History
	pacing
}

// pacing says when the next poll makes sense. After a poll that confirmed something that is at once. After one that
// didn't, it is when peers have been heard to prefer what this node prefers; or, with or without that, after a pause
// that doubles.
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

// next is when a poll begins by time alone.
func (p *pacing) next() (time.Time, bool) { return p.notBefore, p.wanted }

func (p *pacing) fruitful(now time.Time) {
	p.pause, p.notBefore = 0, now
}

func (p *pacing) fruitless(now time.Time) {
	p.pause = min(max(2*p.pause, leastPause), mostPause)
	p.notBefore, p.heard = now.Add(p.pause), false
}

// push opens the first poll about a block of this node, which nobody else has seen, by showing it; pull opens any
// other.
func (p *polling) push(b *block.Block) {
	if id, nodes := p.begin(); len(nodes) > 0 {
		p.emit(SendPushQuery{
			Nodes: nodes, RequestID: id, Container: b.Bytes(), Height: p.votes.accepted.root.Height + 1,
		})
	}
}

func (p *polling) pull(about primitives.Hash) {
	if id, nodes := p.begin(); len(nodes) > 0 {
		q := p.votes.queryAll(id, nodes)
		q.ID = about
		p.emit(q)
	}
}

// due tells whether another poll could confirm something now.
func (p *polling) due() bool {
	p.wanted = false
	if p.tree.Len() == 0 || !p.roster.enough {
		return false
	}
	if p.open.Len() >= min(p.tree.Needed(), p.params.ConcurrentRepolls) {
		return false
	}
	ok := p.supported()
	if !p.now.Before(p.notBefore) && (ok || p.open.Len() == 0) || ok && p.heard {
		return true
	}
	p.wanted = p.open.Len() == 0
	return false
}

// begin samples the validators and records this node's own vote and the absence of those who can't be asked.
func (p *polling) begin() (id uint32, ask []primitives.NodeID) {
	set := p.roster.set
	sample := set.Sample(p.rand, p.params.K)
	voters := make([]poll.Voter, 0, len(sample))
	ask = make([]primitives.NodeID, 0, len(sample))
	for _, s := range sample {
		n := set.Node(s.Index)
		voters = append(voters, poll.Voter{Node: n, Units: s.Units})
		if voter := p.roster.voters[s.Index]; voter != nil && !voter.benched() {
			ask = append(ask, n)
		}
	}
	id = p.asking.nextID()
	p.open.Add(id, voters, p.now)
	ask = p.asking.open(id, requests.Chits, p.votes.query(id), ask...)
	for _, v := range voters {
		switch {
		case v.Node == p.roster.self:
			own, _ := p.tree.Preference()
			p.open.Vote(id, v.Node, own, p.now)
		case !slices.Contains(ask, v.Node):
			p.unanswered(id, v.Node)
		}
	}
	return id, ask
}

// unanswered ends the wait for a voter's answer. What it last said to have accepted is its vote then: nobody takes that
// back.
func (p *polling) unanswered(id uint32, n primitives.NodeID) {
	p.open.Vote(id, n, p.votes.lastOf(p.roster.peers[n]), p.now)
}

// take records the polls that are finished, oldest first.
func (p *polling) take() {
	for r, ok := p.open.Take(p.now); ok; r, ok = p.open.Take(p.now) {
		switch p.history.At(p.votes.accepted.root.Height + 1).Polled(r); {
		case p.tree.Len() == 0:
		case p.tree.Record(r.Votes):
			p.fruitful(p.now)
		default:
			p.fruitless(p.now)
		}
	}
}

// stop forgets the polls that are open.
func (p *polling) stop() {
	p.open.Clear()
	p.wanted = false
}

// supported tells whether AlphaConfidence units have been seen to share this node's preference for the next block.
// Where the set is too large to be asked as a whole, hints say little and that is taken for granted.
func (p *polling) supported() bool {
	set, units := p.roster.set, 0
	if set.Units() > p.params.K {
		return true
	}
	tip, _ := p.tree.Preference()
	for i, voter := range p.roster.voters {
		seen := tip
		if i != p.roster.own {
			if voter == nil {
				continue
			}
			seen, _ = p.votes.resolve(voter.hint)
		}
		if h, ok := p.tree.Shared(seen); ok && h > p.votes.accepted.root.Height {
			units += set.UnitsOf(i)
		}
	}
	return units >= p.params.AlphaConfidence
}
