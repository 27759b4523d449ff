package consensus

import (
	"slices"

	"github.com/reevenet/reeve/cmd/internal/byzantine"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// ballots are the votes that liars give. What they sign isn't written down anywhere: they vote as often as they like.
type ballots struct {
	liars *liars
	// given remembers what was answered to whom, so that each vote of an honest node is answered once.
	given map[ballot]bool
	above uint64 // the height that given is about
}

// ballot is a vote that somebody gave, and the liar that heard it.
type ballot struct {
	of, liar int
	height   uint64
	round    uint32
	phase    signbytes.Phase
	block    primitives.Hash
}

// instead are the votes that a node hears in the place of the liar's own. Others' votes are handed on.
func (b *ballots) instead(kind Lie, from *replica, to int, m *enginev1.Votes) (votes []*enginev1.Vote) {
	for _, v := range m.GetVotes() {
		if int(v.GetValidator()) != from.node.Index {
			votes = append(votes, v)
			continue
		}
		votes = append(votes, b.lie(kind, from, to, m.GetHeight(), v)...)
	}
	return votes
}

// back are a liar's votes in answer to a node's own: the same place, and the commit vote of the round as well.
func (b *ballots) back(kind Lie, from *replica, liar int, m *enginev1.Votes) (votes []*enginev1.Vote) {
	me := from.chain.replicas[liar]
	for _, v := range m.GetVotes() {
		block, ok := blockOf(v)
		heard := ballot{from.node.Index, liar, m.GetHeight(), v.GetRound(), signbytes.Phase(v.GetPhase()), block}
		if !ok || int(v.GetValidator()) != from.node.Index || !b.first(heard) {
			continue
		}
		for _, phase := range []enginev1.Phase{enginev1.Phase_PHASE_PREPARE, enginev1.Phase_PHASE_COMMIT} {
			if phase == v.GetPhase() || !block.IsZero() {
				its := &enginev1.Vote{Round: v.GetRound(), Phase: phase, BlockId: v.GetBlockId()}
				votes = append(votes, b.lie(kind, me, from.node.Index, m.GetHeight(), its)...)
			}
		}
	}
	return votes
}

func (b *ballots) first(heard ballot) bool {
	if b.given == nil || heard.height > b.above {
		b.given, b.above = map[ballot]bool{}, heard.height
	}
	seen := b.given[heard]
	b.given[heard] = true
	return !seen
}

// lie is what a liar votes where it would give the vote v if it were honest.
func (b *ballots) lie(kind Lie, me *replica, to int, height uint64, v *enginev1.Vote) []*enginev1.Vote {
	c := me.chain
	truth, _ := blockOf(v)
	a := asked{
		to: to, of: b.liars.net.size, truth: truth, options: c.votes.at[height],
		wants: c.votes.ballot(to, height, v.GetRound(), signbytes.Phase(v.GetPhase()), truth),
	}
	choice := kind.says(b.liars.rng, a)
	if kind == Plot {
		if plotted, ok := b.liars.plots.votes(c, to, height, signbytes.Phase(v.GetPhase())); ok {
			choice = plotted
		}
	}
	if kind != Equivocate {
		return []*enginev1.Vote{b.sign(me, height, v, choice)}
	}
	both := []*enginev1.Vote{b.sign(me, height, v, choice), b.sign(me, height, v, a.another(choice))}
	if to%2 == 1 { // the first that is seen counts
		slices.Reverse(both)
	}
	return both
}

// sign gives a vote for a block at the place of v.
func (b *ballots) sign(me *replica, height uint64, v *enginev1.Vote, block primitives.Hash) *enginev1.Vote {
	return byzantine.SignVote(me.chain.id, b.liars.net.Secrets[me.node.ID], height, finality.Vote{
		Validator: me.node.Index, Round: v.GetRound(), Phase: finality.Phase(v.GetPhase()), Block: block,
	})
}

// blockOf is what a vote is for; zero: for no block.
func blockOf(v *enginev1.Vote) (block primitives.Hash, ok bool) {
	if len(v.GetBlockId()) == 0 {
		return block, true
	}
	block, err := primitives.HashFrom(v.GetBlockId())
	return block, err == nil
}
