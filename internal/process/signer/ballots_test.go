package signer

import (
	"cmp"
	"slices"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// before orders votes as they may be given.
func before(a, b signbytes.Vote) bool {
	return cmp.Or(cmp.Compare(a.Height, b.Height), cmp.Compare(a.Round, b.Round), cmp.Compare(a.Phase, b.Phase)) < 0
}

// isLock says in the test's own words what a validator must not forget.
func isLock(v signbytes.Vote) bool {
	return v.Phase == signbytes.Commit && v.Block != primitives.Hash{}
}

// told checks what a signer tells of its votes: that they are votes of one height, in order and signed; and that every
// vote which left is among them, unless it is of an earlier height, or no lock and older than limit others.
func (l *ledger) told(t *testing.T, limit int, height uint64, ballots []Ballot) {
	t.Helper()
	for i, b := range ballots {
		if b.Vote.Height != height || i > 0 && !before(ballots[i-1].Vote, b.Vote) {
			t.Fatalf("the %s is told in the wrong place, at height %d", b.Vote, height)
		}
		l.agrees(t, b.Vote, b.Signature)
	}
	for v, signature := range l.votes {
		at := slices.IndexFunc(ballots, func(b Ballot) bool { return b.Vote == v })
		switch {
		case at >= 0 && string(ballots[at].Signature) != signature:
			t.Fatalf("the %s has two signatures", v)
		case at < 0 && v.Height >= height && !mayBeForgotten(v, limit, ballots):
			t.Fatalf("the %s has left and isn't told at height %d, but %d others", v, height, len(ballots))
		}
	}
}

// mayBeForgotten tells whether enough that is told comes after a vote, and another lock if it is one.
func mayBeForgotten(v signbytes.Vote, limit int, ballots []Ballot) bool {
	later, locks := 0, 0
	for _, b := range ballots {
		if before(v, b.Vote) {
			later++
			if isLock(b.Vote) {
				locks++
			}
		}
	}
	return later >= limit && (!isLock(v) || locks > 0)
}

// forward checks what was signed by one call against what was known to be signed before: it is new and comes after all
// of that, or it is among it.
func forward(t *testing.T, known []Ballot, batch []signbytes.Payload, signed []Signed) {
	t.Helper()
	for i, s := range signed {
		v, ok := batch[i].(signbytes.Vote)
		if !ok || s.Err != nil || slices.ContainsFunc(known, func(b Ballot) bool { return b.Vote == v }) {
			continue
		}
		if len(known) > 0 && !before(known[len(known)-1].Vote, v) {
			t.Fatalf("the %s was signed after the %s", v, known[len(known)-1].Vote)
		}
		known = append(known, Ballot{Vote: v})
	}
}

// contrary is what contradicts a block or a vote; nil for anything else.
func contrary(p signbytes.Payload) signbytes.Payload {
	switch p := p.(type) {
	case signbytes.Block:
		p.BodyHash[0] ^= 0xff
		return p
	case signbytes.Vote:
		p.Block[0] ^= 0xff
		return p
	}
	return nil
}

// refused checks that the contrary of everything that left is refused.
func (l *ledger) refused(t *testing.T, s *Signer) {
	t.Helper()
	for _, p := range l.signed {
		other := contrary(p)
		if other == nil {
			continue
		}
		signed, _, err := s.Sign([]signbytes.Payload{other})
		if err != nil || signed[0].Err == nil {
			t.Fatalf("there is no record of the %s (%v)", p, err)
		}
	}
}

// A signer that isn't open doesn't say that there are no votes.
func TestVotesAreToldOnlyWhenTheLogIsOpen(t *testing.T) {
	w := newWorld(t, 1)
	s := New(w.config())
	if _, _, err := s.Ballots(0, primitives.Hash{}); err == nil {
		t.Error("told before it was opened")
	}
	mustOpen(t, s)
	if height, ballots, err := s.Ballots(0, primitives.Hash{}); err != nil || height != 0 || ballots != nil {
		t.Errorf("height %d, %v, %v", height, ballots, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Ballots(0, primitives.Hash{}); err == nil {
		t.Error("told after it was closed")
	}
}
