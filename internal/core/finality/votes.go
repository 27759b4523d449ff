package finality

import (
	"maps"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Counts tells whether the votes of a round are kept and counted. Others only tell how far the network has gone on.
func (n *Instance) Counts(r uint32) bool {
	switch {
	case r > n.round:
		return r-n.round <= keepAhead
	case n.round-r <= keepBehind:
		return true
	}
	return r == n.valid.round && n.valid.block != None
}

func (n *Instance) at(r uint32) *round {
	if n.rounds[r] == nil {
		n.rounds[r] = &round{}
	}
	return n.rounds[r]
}

// onVote counts somebody's vote. What a validator can make this node keep is one vote for each phase of the rounds that
// are kept.
func (n *Instance) onVote(v Signed) {
	if v.Validator < 0 || v.Validator >= len(n.latest) || v.Phase != Prepare && v.Phase != Commit ||
		v.Round > maxRound {
		return
	}
	n.reached(v)
	if !n.Counts(v.Round) {
		return
	}
	added, before := n.at(v.Round).of(v.Phase).add(n.cfg.Validators, v)
	n.accuse(before, v)
	if added && v.Block != None && v.Round == n.latest[v.Validator].round() {
		n.want(v.Validator, v.Block)
	}
}

// accuse tells of two votes of one validator for one place, unless it was accused before, or there is only one.
func (n *Instance) accuse(first *Signed, second Signed) {
	if first != nil && !n.accused[second.Validator] {
		n.accused[second.Validator] = true
		n.emit(Accuse{First: *first, Second: second})
	}
}

// onProof takes a quorum as a whole.
func (n *Instance) onProof(p *Proof) {
	if p.weigh(n.cfg.Validators, n.quorum) != nil || p.Round > maxRound {
		return
	}
	n.want(byQuorum, p.Block)
	switch {
	case n.Counts(p.Round):
		n.compare(p)
		n.at(p.Round).of(p.Phase).proof = p
	case p.Phase == Commit:
		n.conclude(p)
	default:
		n.learn(p)
	}
	for _, s := range p.Votes {
		n.latest[s.Validator] = max(n.latest[s.Validator], placeOf(p.Round, p.Phase))
	}
}

// compare looks for validators whose votes in a proof aren't those that were counted.
func (n *Instance) compare(p *Proof) {
	known := n.at(p.Round).of(p.Phase)
	for i := range p.Votes {
		n.accuse(known.contradicts(p.Vote(i)), p.Vote(i))
	}
}

// want asks for a block that somebody names. Only the last one that each names is waited for, and asked for again: who
// names many has no more of them than anybody else.
func (n *Instance) want(by int, block primitives.Hash) {
	if n.verified[block] || n.wanted[by] == block {
		return
	}
	asked := n.asked(block)
	if n.wanted[by] = block; !asked {
		n.emit(Fetch{Block: block, By: by})
	}
}

// asked tells whether a block is waited for.
func (n *Instance) asked(block primitives.Hash) bool {
	for _, wanted := range n.wanted { // the order doesn't show in the result
		if wanted == block {
			return true
		}
	}
	return false
}

// wantAgain asks again for what hasn't come: who was asked may not have had it, and everybody counts on it.
func (n *Instance) wantAgain() {
	for _, by := range slices.Sorted(maps.Keys(n.wanted)) {
		n.emit(Fetch{Block: n.wanted[by], By: by})
	}
}

// Kept is how many votes are kept, and how many blocks are waited for.
func (n *Instance) Kept() (votes, blocks int) {
	for _, r := range n.rounds { // the order doesn't show in the result
		votes += len(r.prepare.votes) + len(r.commit.votes)
	}
	return votes, len(n.wanted)
}

// MostKept is what that can be at most with so many validators.
func MostKept(validators int) (votes, blocks int) {
	return 2 * validators * (keepBehind + 1 + keepAhead + 1), validators + 2
}

// Wants tells whether a vote would say anything new. Whoever checks signatures need not check others.
func (n *Instance) Wants(v Vote) bool {
	switch {
	case n.decided || v.Validator < 0 || v.Validator >= len(n.latest) || v.Phase != Prepare && v.Phase != Commit:
		return false
	case n.latest[v.Validator] < placeOf(v.Round, Prepare):
		return true
	case !n.Counts(v.Round):
		return false
	}
	before, twice := n.at(v.Round).of(v.Phase).votes[v.Validator]
	return !twice || before.Block != v.Block && !n.accused[v.Validator]
}

// Knows tells whether a proof would say nothing new.
func (n *Instance) Knows(p *Proof) bool {
	if n.decided || p.Phase == Prepare && !n.isNews(p.Round) {
		return true
	}
	r := n.rounds[p.Round]
	return r != nil && r.of(p.Phase).proof != nil
}

// onRecorded counts a vote of this node, which is durable now, and sends it.
func (n *Instance) onRecorded(v Signed) {
	n.onVote(v)
	if v.Round == n.round {
		n.own = append(n.own, v)
	}
	n.emit(Send{Votes: []Signed{v}})
}

// follow goes to a later round in which more than a third of the stake is: one of them is honest, so the rounds before
// are past. It also begins a height on which they vote.
func (n *Instance) follow() {
	switch r := n.highest(); {
	case r > n.round:
		n.enter(r)
	case !n.begun && n.behind(r):
		n.begin()
	}
}

// highest is the latest round that more than a third of the stake has reached; this node's when there is none later.
func (n *Instance) highest() uint32 {
	best := n.round
	for _, latest := range n.latest {
		if r := latest.round(); latest != 0 && r > best && n.behind(r) {
			best = r
		}
	}
	return best
}

// behind tells whether more than a third of the stake has voted in the round or a later one.
func (n *Instance) behind(r uint32) bool { return n.beyond(placeOf(r, Prepare)) >= n.third }
