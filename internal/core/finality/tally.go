package finality

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// tally counts the votes of one phase of a round. Each validator counts once, with the first vote that was seen of it;
// stake is summed as votes come, so that asking costs nothing.
type tally struct {
	votes map[int]Signed
	stake map[primitives.Hash]uint64
	proof *Proof // that somebody showed
}

// add counts a vote. It returns what else the validator is known to have voted, which proves a fault.
func (t *tally) add(set *validators.Set, v Signed) (added bool, contradicts *Signed) {
	contradicts = t.contradicts(v)
	if _, twice := t.votes[v.Validator]; twice {
		return false, contradicts
	}
	if t.votes == nil {
		t.votes, t.stake = make(map[int]Signed), make(map[primitives.Hash]uint64)
	}
	t.votes[v.Validator] = v
	t.stake[v.Block] += set.StakeOf(v.Validator)
	return true, contradicts
}

// contradicts is a vote of the same validator that says something else: that which was counted, or that in the proof.
func (t *tally) contradicts(v Signed) *Signed {
	if before, twice := t.votes[v.Validator]; twice && before.Block != v.Block {
		return &before
	}
	if t.proof == nil || t.proof.Block == v.Block {
		return nil
	}
	if i, signed := t.proof.Find(v.Validator); signed {
		before := t.proof.Vote(i)
		return &before
	}
	return nil
}

// quorum returns what a quorum voted for, None included.
func (t *tally) quorum(needed uint64) (primitives.Hash, bool) {
	if t.proof != nil {
		return t.proof.Block, true
	}
	for block, stake := range t.stake { // at most one reaches it
		if stake >= needed {
			return block, true
		}
	}
	return None, false
}

// prove returns the proof that a quorum voted for the block.
func (t *tally) prove(block primitives.Hash) *Proof {
	if t.proof == nil {
		t.proof = proofOf(t.list(func(v Signed) bool { return v.Block == block }))
	}
	return t.proof
}

// list returns the votes that are wanted in the order of validators.
func (t *tally) list(wanted func(Signed) bool) []Signed {
	out := make([]Signed, 0, len(t.votes))
	for _, v := range t.votes {
		if wanted(v) {
			out = append(out, v)
		}
	}
	SortVotes(out)
	return out
}

// round is what is known of one round.
type round struct {
	prepare, commit tally
}

func (r *round) of(p Phase) *tally {
	if p == Prepare {
		return &r.prepare
	}
	return &r.commit
}
