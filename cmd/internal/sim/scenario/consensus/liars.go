package consensus

import (
	"math/rand/v2"
	"slices"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// liars are the dishonest validators: nodes like all others, whose messages are changed on their way out.
type liars struct {
	net     *network
	kinds   map[int]Lie // by node
	rng     *rand.Rand
	late    holding
	ballots ballots
	plots   plots
	count   *uint64
	sites   *uint64 // power cuts of the whole site
}

func newLiars(net *network) *liars {
	l := &liars{net: net, kinds: map[int]Lie{}, count: net.World.Fault("lies"),
		sites: net.World.Fault("siteCuts")}
	l.ballots.liars, l.plots.liars = l, l
	return l
}

// draw makes liars of as much stake as is tolerated: all of one kind, or each of its own.
func (l *liars) draw(r *rand.Rand) {
	mixed, kind := r.IntN(4) == 0, l.any(r)
	for _, i := range l.most(r) {
		if mixed {
			kind = l.any(r)
		}
		l.begin(r, kind, i)
	}
}

// any is a kind that may be drawn.
func (l *liars) any(r *rand.Rand) Lie {
	among := l.net.cfg.Lies
	if len(among) == 0 {
		among = Lies
	}
	return among[r.IntN(len(among))]
}

func (l *liars) begin(r *rand.Rand, kind Lie, node int) {
	l.rng = r
	if l.late.most == 0 {
		l.late = newHolding(l.net, r)
	}
	l.kinds[node] = kind
	l.net.World.Note("node %d is a liar: %s", node, kind)
}

// most chooses liars who have less than a third of the stake, and as much of that as some random choices reach.
func (l *liars) most(r *rand.Rand) (best []int) {
	var bestStake uint64
	total := l.net.Set.TotalStake()
	for range 32 {
		var nodes []int
		var stake uint64
		for _, i := range r.Perm(l.net.size) {
			if s := l.net.Set.StakeOf(i); 3*(stake+s) < total {
				nodes, stake = append(nodes, i), stake+s
			}
		}
		if stake > bestStake || stake == bestStake && len(nodes) > len(best) {
			best, bestStake = nodes, stake
		}
	}
	slices.Sort(best)
	return best
}

func (l *liars) is(node int) bool { return l.kinds[node] != "" }

// rewrite changes what a liar sends; nil: it says nothing now.
func (l *liars) rewrite(from *replica, to int, lane nb.Lane, frame []byte, m *enginev1.PeerMessage) []byte {
	kind := l.kinds[from.node.Index]
	if kind == "" {
		return frame
	}
	if kind == Plot && m.GetChits() != nil {
		if said, plotted := l.plots.chits(from, to, lane, frame); plotted {
			*l.count++
			return said
		}
	}
	said := l.say(kind, from, to, frame, m)
	if len(said) != len(frame) || &said[0] != &frame[0] {
		*l.count++
	}
	if kind == Wait && said != nil && isAnswer(m) {
		l.late.hold(held{from: from.node.Index, to: to, lane: lane, frame: said, about: l.subject(from.chain, to, m)})
		return nil
	}
	return said
}

// say is what a liar says in the place of what it would say if it were honest.
func (l *liars) say(kind Lie, from *replica, to int, frame []byte, m *enginev1.PeerMessage) []byte {
	switch {
	case kind == Silent, kind == Leave && (l.net.World.Healed || *l.sites > 0):
		return nil
	case kind == Leave:
		return frame
	case kind == Garbage:
		return garble(l.rng, frame)
	case m.GetPushQuery() != nil && kind.twins():
		return l.twins(from, to, frame, m)
	case m.GetChits() != nil && kind != Equivocate:
		choice := l.preference(kind, from.chain, to, m.GetChits())
		return remake(frame, func(m *enginev1.PeerMessage) {
			m.GetChits().PreferredId, m.GetChits().PreferredIdAtHeight = choice[:], choice[:]
		})
	case m.GetVotes() != nil:
		votes := l.ballots.instead(kind, from, to, m.GetVotes())
		return remake(frame, func(m *enginev1.PeerMessage) { m.GetVotes().Votes = votes })
	}
	return frame
}

// preference is what a liar claims to prefer when a node asks.
func (l *liars) preference(kind Lie, c *chain, to int, honest *enginev1.Chits) primitives.Hash {
	truth, _ := primitives.HashFrom(honest.GetPreferredId()) // its own engine made it
	v := c.votes
	wants, options := v.asked[to], v.undecided()
	if height, shown := v.known[wants]; shown {
		options = v.at[height]
	}
	return kind.says(l.rng, asked{
		to: to, of: l.net.size, wants: wants, truth: truth, nothing: c.tip(), options: options,
	})
}

// isAnswer tells whether a message is something that others wait for.
func isAnswer(m *enginev1.PeerMessage) bool {
	switch m.GetKind().(type) {
	case *enginev1.PeerMessage_PushQuery, *enginev1.PeerMessage_PullQuery, *enginev1.PeerMessage_Get,
		*enginev1.PeerMessage_GetAncestors, *enginev1.PeerMessage_GetAccepted, *enginev1.PeerMessage_GetVotes_,
		*enginev1.PeerMessage_GetAcceptedFrontier:
		return false
	}
	return true
}

// subject is the place and the block that a message to a node is about, as far as it matters to who waits.
func (l *liars) subject(c *chain, to int, m *enginev1.PeerMessage) subject {
	if votes := m.GetVotes(); votes != nil {
		s := subject{height: votes.GetHeight()}
		for _, v := range votes.GetVotes() {
			s.round = max(s.round, v.GetRound())
		}
		return s
	}
	wants := c.votes.asked[to]
	return subject{height: c.votes.known[wants], block: wants}
}

// looks takes notice of a block that a node is shown.
func (l *liars) looks(c *chain, to int, m *enginev1.PeerMessage) {
	raw := m.GetPushQuery().GetContainer()
	if m.GetPut() != nil {
		raw = m.GetPut().GetContainer()
	}
	if b, err := block.Decode(c.id, raw); err == nil && len(raw) > 0 {
		l.plots.shows(to, b.ID())
	}
}

// hears has the liars react to what an honest node says to one of them.
func (l *liars) hears(from *replica, to int, lane nb.Lane, frame []byte, m *enginev1.PeerMessage) {
	kind := l.kinds[to]
	if !kind.votesBack() || m.GetVotes() == nil || from.liar() {
		return
	}
	answer := l.ballots.back(kind, from, to, m.GetVotes())
	if len(answer) == 0 {
		return
	}
	*l.count++
	said := remake(frame, func(m *enginev1.PeerMessage) { m.GetVotes().Votes = answer })
	if kind == Wait {
		about := subject{height: m.GetVotes().GetHeight(), round: answer[len(answer)-1].GetRound()}
		l.late.hold(held{from: to, to: from.node.Index, lane: lane, frame: said, about: about})
		return
	}
	l.net.World.Network.Say(to, from.node.Index, lane, said)
}
