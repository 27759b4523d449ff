package finality

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// Proof shows that a quorum gave one block its vote, in one phase of one round. That of commit votes is the
// certificate: it decides the height. That of prepare votes opens locks. A proof counts as a whole, also for a node
// that has counted another vote of one of its signers: whoever signs two things can't hide a quorum from anybody.
type Proof struct {
	Phase Phase
	Round uint32
	Block primitives.Hash
	// Votes are in the order of validators, each once.
	Votes []Signature
}

// Signature is one validator's part of a proof.
type Signature struct {
	Validator int
	Signature [64]byte
}

// ErrNoProof means that a proof proves nothing.
var ErrNoProof = errors.New("the votes don't prove it")

// Vote is what the i'th signature signs.
func (p *Proof) Vote(i int) Signed {
	v := Vote{Validator: p.Votes[i].Validator, Round: p.Round, Phase: p.Phase, Block: p.Block}
	return Signed{Vote: v, Signature: p.Votes[i].Signature}
}

// Find is where a validator's signature is; false: it hasn't signed.
func (p *Proof) Find(validator int) (int, bool) {
	return slices.BinarySearchFunc(p.Votes, validator,
		func(s Signature, v int) int { return cmp.Compare(s.Validator, v) })
}

// Check tells whether it proves anything to somebody who knows only the validators of the height. valid judges a
// signature; it is called once for each, and only when the rest holds.
func (p *Proof) Check(set *validators.Set, valid func(Signed) bool) error {
	if err := p.weigh(set, Quorum(set.TotalStake())); err != nil {
		return err
	}
	for i := range p.Votes {
		if v := p.Vote(i); !valid(v) {
			return fmt.Errorf("%w: the signature of validator %d is wrong", ErrNoProof, v.Validator)
		}
	}
	return nil
}

// weigh checks everything but the signatures.
func (p *Proof) weigh(set *validators.Set, needed uint64) error {
	if p.Block == None || p.Phase != Prepare && p.Phase != Commit {
		return fmt.Errorf("%w: %s of no block", ErrNoProof, p.Phase)
	}
	var stake uint64
	for i, s := range p.Votes {
		switch {
		case s.Validator < 0 || s.Validator >= set.Len():
			return fmt.Errorf("%w: there is no validator %d of %d", ErrNoProof, s.Validator, set.Len())
		case i > 0 && s.Validator <= p.Votes[i-1].Validator:
			return fmt.Errorf("%w: the signatures aren't in the order of validators", ErrNoProof)
		}
		stake += set.StakeOf(s.Validator)
	}
	if stake < needed {
		return fmt.Errorf("%w: they have %d of the stake, a quorum is %d", ErrNoProof, stake, needed)
	}
	return nil
}

// proofOf puts votes for one block together.
func proofOf(votes []Signed) *Proof {
	p := &Proof{Phase: votes[0].Phase, Round: votes[0].Round, Block: votes[0].Block}
	for _, v := range votes {
		p.Votes = append(p.Votes, Signature{Validator: v.Validator, Signature: v.Signature})
	}
	return p
}

// SortVotes puts votes into the order of rounds, phases and validators. Two of one place stay in the order in which they came.
func SortVotes(votes []Signed) {
	slices.SortStableFunc(votes, func(a, b Signed) int {
		return cmp.Or(
			cmp.Compare(a.Round, b.Round),
			cmp.Compare(a.Phase, b.Phase),
			cmp.Compare(a.Validator, b.Validator),
		)
	})
}
