package parachecker

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

// Block is one of the relay chain's, with its inherent. The facts about its parent were told before.
type Block struct {
	ID, Parent primitives.Hash
	Height     uint64
	Inherent   *provisionerv1.InherentData
	// Events are what an accepted block has done to candidates, as runtime-api tells it.
	Events []*runtimeapiv1.CandidateEvent
}

// Proposed takes a block that an honest validator proposes: it must be in order, whatever becomes of it.
func (c *Checker) Proposed(b Block) {
	if f := c.parent(b); f != nil {
		c.bitfields(b, f, func(uint32, []primitives.Hash) {})
		c.backed(b, f)
		c.reports(b, f, false)
	}
}

// Accepted takes the block that honest validators have accepted at the next height, and tells what it has included.
func (c *Checker) Accepted(b Block) (included []primitives.Hash) {
	f := c.parent(b)
	if f == nil {
		return nil
	}
	c.bitfields(b, f, func(validator uint32, claimed []primitives.Hash) {
		for _, id := range claimed {
			c.fate(id).claims[validator] = true
		}
	})
	c.backed(b, f)
	c.accepted[b.Parent] = true
	c.reports(b, f, true)
	for _, e := range b.Events {
		if r, err := parachain.Receipt(e.GetReceipt()); err == nil {
			fate := c.fate(r.Hash())
			fate.receipt = &r
			if e.GetKind() == runtimeapiv1.CandidateEvent_KIND_INCLUDED {
				c.included(fate, len(f.Validators))
				included = append(included, r.Hash())
			}
		}
	}
	return included
}

func (c *Checker) parent(b Block) *Facts {
	f := c.facts[b.Parent]
	if f == nil {
		c.violate("checker", "nobody has told the facts about block %s, the parent of %s", b.Parent.Short(),
			b.ID.Short())
	}
	return f
}

// bitfields checks those of a block (P9), and calls each with the candidates whose chunk a validator claims.
func (c *Checker) bitfields(b Block, f *Facts, each func(validator uint32, claimed []primitives.Hash)) {
	last := -1
	for _, m := range b.Inherent.GetBitfields() {
		signed, err := parachain.Bitfield(m)
		switch {
		case err != nil:
			c.violate("P9", "block %s has a bitfield that is none: %v", b.ID.Short(), err)
			return
		case int(signed.Validator) <= last:
			c.violate("P9", "block %s has a bitfield of validator %d after that of %d", b.ID.Short(), signed.Validator,
				last)
		case !parachain.VerifyBitfield(f.context(), signed, f.key(signed.Validator)):
			c.violate("P9", "block %s has a bitfield that validator %d hasn't signed", b.ID.Short(), signed.Validator)
			return
		}
		last = int(signed.Validator)
		claimed, err := f.claimed(signed)
		if err != nil {
			c.violate("P9", "block %s has a bitfield of validator %d: %v", b.ID.Short(), signed.Validator, err)
		}
		c.sameBits(f, signed)
		each(signed.Validator, claimed)
	}
}

// backed checks a block's candidates: each with its quorum (P1), one for each core, in their order (P9).
func (c *Checker) backed(b Block, f *Facts) {
	last := -1
	for _, m := range b.Inherent.GetBackedCandidates() {
		r, err := parachain.Committed(m.GetReceipt())
		id, err2 := r.Hash()
		if err != nil || err2 != nil {
			c.violate("P9", "block %s has a candidate that is none: %v, %v", b.ID.Short(), err, err2)
			return
		}
		of := r.Descriptor.Collation
		group, core := f.group(of.ParaID)
		switch {
		case core <= last:
			c.violate("P9", "block %s has a candidate for core %d after one for core %d", b.ID.Short(), core, last)
		case of.RelayParent != b.Parent:
			c.violate("P9", "block %s has candidate %s of another relay parent", b.ID.Short(), id.Short())
		case !r.Descriptor.Verify():
			c.violate("P9", "block %s has candidate %s that its collator hasn't signed", b.ID.Short(), id.Short())
		case r.CheckHead() != nil:
			c.violate("P9", "block %s has candidate %s with another head than it names", b.ID.Short(), id.Short())
		}
		last = core
		c.quorum(b, f, id, m, group)
		c.note(r)
	}
}

// note keeps what is known of a candidate.
func (c *Checker) note(r candidate.CommittedReceipt) {
	if short, err := r.Receipt(); err == nil {
		c.fate(short.Hash()).receipt = &short
	}
}

// quorum checks that enough members of the group have signed for a candidate (P1).
func (c *Checker) quorum(b Block, f *Facts, id primitives.Hash, m *primitivesv1.BackedCandidate, group []uint32) {
	members, err := parachain.Bits(m.GetGroupMembers())
	ones := members.Ones()
	if err != nil || int(members.Length) != len(group) || len(ones) != len(m.GetVotes()) {
		c.violate("P1", "candidate %s in block %s has %d votes of %d bits, of a group of %d", id.Short(), b.ID.Short(),
			len(m.GetVotes()), members.Length, len(group))
		return
	}
	if least := primitives.BackingQuorum(len(group)); len(ones) < least {
		c.violate("P1", "candidate %s in block %s has %d votes, and needs %d", id.Short(), b.ID.Short(), len(ones),
			least)
	}
	for i, vote := range m.GetVotes() {
		s := statements.Signed{Verdict: signbytes.Valid, Candidate: id, Validator: group[ones[i]]}
		copy(s.Signature[:], vote.GetExplicit())
		if vote.GetImplicit() != nil {
			s.Verdict = signbytes.Seconded
			copy(s.Signature[:], vote.GetImplicit())
		}
		if !parachain.VerifyStatement(f.context(), s, f.key(s.Validator)) {
			c.violate("P1", "validator %d hasn't signed for candidate %s in block %s", s.Validator, id.Short(),
				b.ID.Short())
			continue
		}
		c.said(f, s)
	}
}

// included checks that a supermajority has claimed its chunks (P3), in bitfields of blocks since it was backed.
func (c *Checker) included(f *fate, validators int) {
	f.included, f.validators = true, validators
	if 3*len(f.claims) <= 2*validators {
		c.violate("P3", "candidate %s is included, and %d of %d validators have claimed their chunk", f.hash.Short(),
			len(f.claims), validators)
	}
	if who, against := f.said[false]; against {
		c.violate("P7", "candidate %s is included, and honest validator %d finds it invalid", f.hash.Short(), who)
	}
}

// Included lists what accepted blocks have included, sorted.
func (c *Checker) Included() (list []primitives.Hash) {
	for id, f := range c.candidates {
		if f.included {
			list = append(list, id)
		}
	}
	slices.SortFunc(list, primitives.Hash.Compare)
	return list
}
