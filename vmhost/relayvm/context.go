package relayvm

import (
	"crypto/ed25519"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/inherent"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// context is the state of the chain, as package inherent wants it.
func (r *run) context(o *offer) *inherent.Context {
	w := r.world
	return &inherent.Context{
		Height: r.above.height, Validators: w.cores.Validators,
		Cores: w.cores.CoreStates(r.above.height), Groups: w.cores.Groups,
		RelayParents:   []primitives.Hash{r.relayParent()},
		ValidationData: r.dataHash, Signatures: &signatures{run: r, offer: o},
		Limits: inherent.Limits{Bitfields: maxValidators, Candidates: len(w.cores.Cores), Bytes: maxInherent},
	}
}

// items are what is on offer, as package inherent wants it.
func (o *offer) items() (in inherent.Inherent) {
	for i, b := range o.bitfields {
		in.Bitfields = append(in.Bitfields, inherent.Bitfield{
			Validator: b.Validator, Cores: b.Cores, Size: proto.Size(o.data.GetBitfields()[i]),
		})
	}
	for _, b := range o.candidates {
		c := b.receipt.Descriptor.Collation
		in.Candidates = append(in.Candidates, inherent.Candidate{
			Para: c.ParaID, RelayParent: c.RelayParent, Collator: c.Collator,
			ValidationData: c.PersistedValidationDataHash, Upgrade: b.receipt.Commitments.NewValidationCode != nil,
			Voters: b.voters, Votes: len(b.votes), Size: b.size,
		})
	}
	return in
}

// dataHash is the hash of the validation data of a para's next candidate, on the block below.
func (r *run) dataHash(para uint32, a inherent.Assumption, _ primitives.Hash) (primitives.Hash, bool) {
	d, ok := r.parent.after.validationData(r.world, para, a)
	if !ok {
		return primitives.Hash{}, false
	}
	h, err := d.Hash()
	return h, err == nil
}

// validationData is what a para's next candidate is validated against, on this block, if what is on its core is included
// or dropped; false: there is no such para, or that can't happen. The world is that of the block, or one that began with
// it.
func (k *kept) validationData(w *world, para uint32, a inherent.Assumption) (candidate.PersistedValidationData, bool) {
	p, on := w.paras[para], w.pending[para]
	if p == nil || (on == nil) != (a == inherent.Free) {
		return candidate.PersistedValidationData{}, false
	}
	d := candidate.PersistedValidationData{
		ParentHead: p.Head, RelayParentNumber: k.Height, RelayParentStorageRoot: k.Root,
		MaxPoVSize: w.config.Active.MaxPoVSize,
	}
	if a == inherent.Included {
		c, err := on.receipt()
		if err != nil {
			return candidate.PersistedValidationData{}, false
		}
		d.ParentHead = c.Commitments.HeadData
	}
	return d, true
}

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
