package misbehaviorarbitration

import (
	"bytes"
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain/offence"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
)

// How much evidence is kept. Whoever has most makes room, with what is oldest: that is the chain's already, and nobody
// pushes out what is against others.
const (
	maxEvidence = 4096     // pieces
	maxBytes    = 64 << 20 // of them
	ofOffender  = 64       // pieces on one validator's account
)

// piece is evidence that is on the disk.
type piece struct {
	*misbehaviorv1.QueryEvidenceResponse
	id      primitives.Hash
	account string // the key of the validator whose doing it is
	size    int
	// dispute is the candidate that a disagreement is about; zero: it is something else. said is how many have spoken.
	dispute primitives.Hash
	said    int
}

func pieceOf(e *misbehaviorv1.QueryEvidenceResponse, f offence.Finding) *piece {
	p := &piece{QueryEvidenceResponse: e, id: f.ID(), size: proto.Size(e)}
	if f.Kind == statements.Disagreement {
		p.dispute, p.said = f.Candidate, len(f.Said)
	}
	for _, s := range e.GetSignatories() {
		if s.GetIndex() == f.Account() {
			p.account = string(s.GetValidator().GetPublicKey())
		}
	}
	return p
}

// shelf is the evidence that is kept. Of each disagreement that is the latest report.
type shelf struct {
	disputes map[primitives.Hash]*piece // by candidate
	byID     map[primitives.Hash]*piece
	order    []*piece       // oldest first
	of       map[string]int // pieces by account
	bytes    int
}

func newShelf() *shelf {
	return &shelf{disputes: map[primitives.Hash]*piece{}, byID: map[primitives.Hash]*piece{}, of: map[string]int{}}
}

// add puts a piece where it belongs, and takes off what makes room for it.
func (s *shelf) add(p *piece) (gone []*piece) {
	if s.byID[p.id] != nil {
		return nil
	}
	if before := s.disputes[p.dispute]; before != nil {
		if before.said >= p.said {
			return []*piece{p}
		}
		gone = append(gone, s.take(slices.Index(s.order, before)))
	}
	if !p.dispute.IsZero() {
		s.disputes[p.dispute] = p
	}
	s.byID[p.id] = p
	at, _ := slices.BinarySearchFunc(s.order, p, func(a, b *piece) int {
		return cmp.Or(cmp.Compare(a.GetRecordedMillis(), b.GetRecordedMillis()), bytes.Compare(a.id[:], b.id[:]))
	})
	s.order = slices.Insert(s.order, at, p)
	s.of[p.account]++
	s.bytes += p.size
	if s.of[p.account] > ofOffender {
		gone = append(gone, s.drop(p.account))
	}
	for len(s.order) > maxEvidence || s.bytes > maxBytes {
		gone = append(gone, s.drop(s.fullest()))
	}
	return gone
}

// fullest is the account that has most.
func (s *shelf) fullest() (account string) {
	for a, n := range s.of {
		if most := s.of[account]; n > most || n == most && a > account {
			account = a
		}
	}
	return account
}

// drop takes the oldest piece of an account off.
func (s *shelf) drop(account string) *piece {
	return s.take(slices.IndexFunc(s.order, func(p *piece) bool { return p.account == account }))
}

// take takes a piece off.
func (s *shelf) take(at int) *piece {
	p := s.order[at]
	s.order = slices.Delete(s.order, at, at+1)
	delete(s.byID, p.id)
	if s.disputes[p.dispute] == p {
		delete(s.disputes, p.dispute)
	}
	s.bytes -= p.size
	if s.of[p.account]--; s.of[p.account] == 0 {
		delete(s.of, p.account)
	}
	return p
}
