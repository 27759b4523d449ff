package relayvm

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// signatures checks those of an inherent.
type signatures struct {
	run   *run
	offer *offer
}

func (s *signatures) context() signbytes.Context {
	return signbytes.Context{Session: s.run.world.session.Index, RelayParent: s.run.relayParent()}
}

// key is that of a validator of the current session, of which there is one.
func (s *signatures) key(validator uint32) ed25519.PublicKey {
	if set := s.run.world.session.Validators; int64(validator) < int64(len(set)) {
		return set[validator].PublicKey[:]
	}
	return nil
}

// Bitfield tells whether a bitfield is its validator's.
func (s *signatures) Bitfield(i int) bool {
	b := s.offer.bitfields[i]
	return parachain.VerifyBitfield(s.context(), b, s.key(b.Validator))
}

// Candidate tells whether a candidate is its collator's, and the votes those of the group's members that it names.
func (s *signatures) Candidate(i int, group []uint32) bool {
	b := s.offer.candidates[i]
	if !b.receipt.Descriptor.Verify() {
		return false
	}
	for n, member := range b.voters.Ones() {
		vote, ok := voteOf(b.votes[n], b.hash, group[member])
		if !ok || !parachain.VerifyStatement(s.context(), vote, s.key(vote.Validator)) {
			return false
		}
	}
	return true
}

// voteOf is the statement that an attestation is the signature of.
func voteOf(a *primitivesv1.ValidityAttestation, c primitives.Hash, by uint32) (s statements.Signed, ok bool) {
	s = statements.Signed{Verdict: signbytes.Valid, Candidate: c, Validator: by}
	signature := a.GetExplicit()
	if implicit, is := a.GetKind().(*primitivesv1.ValidityAttestation_Implicit); is {
		s.Verdict, signature = signbytes.Seconded, implicit.Implicit
	}
	return s, copy(s.Signature[:], signature) == len(s.Signature) && len(signature) == len(s.Signature)
}
