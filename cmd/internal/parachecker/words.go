package parachecker

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// words are what honest validators have signed.
type words struct {
	seconded map[slot]statements.Signed
	said     map[subject]statements.Signed
	bits     map[slot]string
}

// slot is a validator's place at a relay parent, subject its place at a candidate.
type (
	slot struct {
		validator   uint32
		relayParent primitives.Hash
	}
	subject struct {
		validator uint32
		candidate primitives.Hash
	}
)

// Said takes a statement that was seen anywhere, at a relay parent whose facts are known. What its author hasn't signed
// says nothing about him, and it is the receiver's business to see that.
func (c *Checker) Said(relayParent primitives.Hash, m *primitivesv1.SignedStatement) {
	f := c.facts[relayParent]
	s, err := parachain.Statement(m)
	if f == nil || err != nil || !c.cfg.Honest(s.Validator) ||
		!parachain.VerifyStatement(f.context(), s, f.key(s.Validator)) {
		return
	}
	if r, err := parachain.Committed(m.GetStatement().GetSeconded()); err == nil {
		c.note(r)
	}
	c.said(f, s)
}

// said notes a statement whose signature holds (P2, P7), and that its author must have the data (P5).
func (c *Checker) said(f *Facts, s statements.Signed) {
	if !c.cfg.Honest(s.Validator) {
		return
	}
	at := slot{s.Validator, f.RelayParent}
	if s.Verdict == signbytes.Seconded {
		if before, twice := c.words.seconded[at]; twice && before.Candidate != s.Candidate {
			c.violate("P2", "honest validator %d has seconded %s and %s on %s", s.Validator,
				before.Candidate.Short(), s.Candidate.Short(), f.RelayParent.Short())
		}
		c.words.seconded[at] = s
	}
	about := subject{s.Validator, s.Candidate}
	before, twice := c.words.said[about]
	if twice && before.Verdict != s.Verdict {
		c.violate("P2", "honest validator %d says both %s and %s of candidate %s", s.Validator, before.Verdict,
			s.Verdict, s.Candidate.Short())
	}
	if twice {
		return
	}
	c.words.said[about] = s
	valid := s.Verdict != signbytes.Invalid
	c.Judged(s.Validator, s.Candidate, valid)
	if fate := c.fate(s.Candidate); valid {
		if fate.validators == 0 {
			fate.validators = len(f.Validators)
		}
		c.owe(Duty{Validator: s.Validator, Candidate: s.Candidate, Data: true, Because: Signed})
	}
}

// Judged takes an honest validator's judgement of a candidate, by whatever way it has become known (P7). That it can't
// tell is no judgement.
func (c *Checker) Judged(validator uint32, id primitives.Hash, valid bool) {
	f := c.fate(id)
	f.said[valid] = int(validator)
	if other, differs := f.said[!valid]; differs {
		c.violate("P7", "honest validators %d and %d judge candidate %s differently", validator, other, id.Short())
	} else if f.included && !valid {
		c.violate("P7", "candidate %s is included, and honest validator %d finds it invalid", id.Short(), validator)
	}
}

// Claimed takes a bitfield that was seen anywhere, at a relay parent whose facts are known: an honest validator has
// what it claims (P4), and signs one bitfield (P2).
func (c *Checker) Claimed(relayParent primitives.Hash, m *primitivesv1.SignedAvailabilityBitfield) {
	f := c.facts[relayParent]
	b, err := parachain.Bitfield(m)
	if f == nil || err != nil || !c.cfg.Honest(b.Validator) ||
		!parachain.VerifyBitfield(f.context(), b, f.key(b.Validator)) {
		return
	}
	c.sameBits(f, b)
	claimed, err := f.claimed(b)
	if err != nil {
		c.violate("P4", "honest validator %d: %v", b.Validator, err)
	}
	for _, id := range claimed {
		c.fate(id).validators = len(f.Validators)
		c.owe(Duty{Validator: b.Validator, Candidate: id, Because: Bitfield})
	}
	for _, core := range f.Cores {
		if r, err := parachain.Descriptor(core.GetOccupied().GetDescriptor_()); err == nil {
			id, _ := primitives.HashFrom(core.GetOccupied().GetCandidate())
			c.duties.root(id, r.Collation.ErasureRoot)
		}
	}
}

// sameBits notes the bits that an honest validator has signed (P2).
func (c *Checker) sameBits(f *Facts, b parachain.SignedBitfield) {
	at := slot{b.Validator, f.RelayParent}
	before, twice := c.words.bits[at]
	if twice && before != string(b.Cores.Bytes) && c.cfg.Honest(b.Validator) {
		c.violate("P2", "honest validator %d has signed two bitfields on %s", b.Validator, f.RelayParent.Short())
	}
	c.words.bits[at] = string(b.Cores.Bytes)
}

// claimed are the candidates whose chunk a bitfield claims.
func (f *Facts) claimed(b parachain.SignedBitfield) (list []primitives.Hash, err error) {
	if int(b.Cores.Length) != len(f.Cores) {
		return nil, fmt.Errorf("%d bits for %d cores", b.Cores.Length, len(f.Cores))
	}
	for _, core := range b.Cores.Ones() {
		id, err := primitives.HashFrom(f.Cores[core].GetOccupied().GetCandidate())
		if err != nil {
			return nil, fmt.Errorf("core %d is claimed, and nothing is on it", core)
		}
		list = append(list, id)
	}
	return list, nil
}

// place is a subsystem's work on a relay parent, on one node.
type place struct {
	node        int
	subsystem   string
	relayParent primitives.Hash
}

// Stopped tells that a subsystem has been told of the end of a relay parent.
func (c *Checker) Stopped(node int, subsystem string, relayParent primitives.Hash, at time.Duration) {
	c.stops[place{node, subsystem, relayParent}] = at
}

// Started tells that it begins to work on a relay parent, perhaps anew.
func (c *Checker) Started(node int, subsystem string, relayParent primitives.Hash) {
	delete(c.stops, place{node, subsystem, relayParent})
}

// Worked tells that it wants something signed on a relay parent (P10).
func (c *Checker) Worked(node int, subsystem string, relayParent primitives.Hash, at time.Duration) {
	stopped, over := c.stops[place{node, subsystem, relayParent}]
	if over && at > stopped+c.cfg.InFlight {
		c.violate("P10", "node %d: %s works on %s %v after its end", node, subsystem, relayParent.Short(), at-stopped)
	}
}
