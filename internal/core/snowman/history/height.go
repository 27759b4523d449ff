package history

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/snowman/poll"
)

// What is entered about a height. Nil takes everything and keeps nothing.

// Issued enters a block.
func (h *Height) Issued(b Block) {
	if h != nil && len(h.Blocks) < Blocks {
		h.Blocks = append(h.Blocks, b)
	}
}

// Polled enters a poll that is finished.
func (h *Height) Polled(r poll.Result) {
	if h != nil {
		h.Polls = last(append(h.Polls, r), Polls)
	}
}

// Voted enters a vote, unless it is known. Of too many of one validator the oldest give way.
func (h *Height) Voted(v Vote) {
	if h == nil {
		return
	}
	list := h.votes[v.Validator]
	if !slices.ContainsFunc(list, func(known Vote) bool { return known.Vote == v.Vote }) {
		h.votes[v.Validator] = last(append(list, v), VotesOfOne)
	}
}

// Votes lists the votes in the order in which they were seen.
func (h *Height) Votes() []Vote {
	all := slices.Concat(slices.Collect(maps.Values(h.votes))...)
	slices.SortStableFunc(all, func(a, b Vote) int {
		return cmp.Or(
			a.At.Compare(b.At), cmp.Compare(a.Round, b.Round), cmp.Compare(a.Phase, b.Phase),
			cmp.Compare(a.Validator, b.Validator),
		)
	})
	return all
}

// End enters the certificate.
func (h *Height) End(p *finality.Proof, now time.Time) {
	if h != nil {
		h.Certificate, h.Decided = p, now
	}
}

// Stored enters that the block is durable.
func (h *Height) Stored(now time.Time) {
	if h != nil {
		h.Durable = now
	}
}

// Other is a vote of the same validator for the same place that says something else. Nil: none is known, or the
// validator was accused already.
func (h *Height) Other(v finality.Vote) *Vote {
	list := h.votes[v.Validator]
	i := slices.IndexFunc(list, func(known Vote) bool {
		return known.Round == v.Round && known.Phase == v.Phase && known.Block != v.Block
	})
	if i < 0 || h.accused[v.Validator] {
		return nil
	}
	return &list[i]
}

// Contradicted lists, of those who have signed a certificate, the two votes of each that has signed another one for its
// place. valid judges signatures that nobody has checked.
func (h *Height) Contradicted(p *finality.Proof, valid func(finality.Signed) bool) (twice [][2]finality.Signed) {
	for i := range p.Votes {
		if other := h.signed(p.Vote(i).Vote, valid); other != nil {
			twice = append(twice, [2]finality.Signed{*other, p.Vote(i)})
		}
	}
	return twice
}

// signed is Other with a signature that holds: a vote, or a part of the certificate.
func (h *Height) signed(v finality.Vote, valid func(finality.Signed) bool) *finality.Signed {
	if other := h.Other(v); other != nil && (!other.Late || valid(other.Signed)) {
		return &other.Signed
	}
	c := h.Certificate
	if h.accused[v.Validator] || c == nil || c.Round != v.Round || c.Phase != v.Phase || c.Block == v.Block {
		return nil
	}
	if i, signed := c.Find(v.Validator); signed {
		other := c.Vote(i)
		return &other
	}
	return nil
}

// Accused remembers that a validator was accused.
func (h *Height) Accused(validator int) {
	if h != nil {
		h.accused[validator] = true
	}
}

func last[T any](list []T, most int) []T { return slices.Delete(list, 0, max(0, len(list)-most)) }
