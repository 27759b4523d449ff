package parachecker

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain/offence"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
)

// offences are what accepted blocks have recorded.
type offences struct {
	seen    map[primitives.Hash]uint64 // by name: the height
	charged map[charge]uint64          // the height
}

// charge is what is recorded once.
type charge struct {
	validator   uint32
	kind        statements.Kind
	relayParent primitives.Hash
}

// reports checks a block's reports: each proves what it says (P9), blames nobody who is honest, and comes once (P8).
func (c *Checker) reports(b Block, f *Facts, accepted bool) {
	for _, m := range b.Inherent.GetMisbehaviorReports() {
		of, err := offence.Read(m)
		if err != nil {
			c.violate("P9", "block %s has a report that is none: %v", b.ID.Short(), err)
			continue
		}
		id := of.ID()
		if at, seen := c.offences.seen[id]; seen && at < b.Height && c.accepted[b.Parent] {
			c.violate("P9", "block %s reports what is recorded at height %d: %s", b.ID.Short(), at, id.Short())
		}
		if accepted {
			c.offences.seen[id] = b.Height
			c.once(b, of)
		}
		if err := of.Prove(f.key); err != nil { // keys of validators who have left since aren't known: there are none
			c.violate("P9", "block %s has a report that proves nothing: %v", b.ID.Short(), err)
			continue
		}
		c.blames(of)
	}
}

// once checks that a validator is charged once with an offence of a kind on a relay parent (P8).
func (c *Checker) once(b Block, of offence.Finding) {
	if of.Kind == statements.Disagreement {
		return // it blames nobody by itself, and says more with each who joins it
	}
	at := charge{of.Said[0].Validator, of.Kind, of.Context.RelayParent}
	if before, twice := c.offences.charged[at]; twice {
		c.violate("P8", "validator %d is charged twice with a %s on %s, at heights %d and %d", at.validator,
			of.Kind, at.relayParent.Short(), before, b.Height)
	}
	c.offences.charged[at] = b.Height
}

// Reported takes what an honest node reports of others (P8).
func (c *Checker) Reported(m *misbehaviorv1.MisbehaviorReport) {
	of, err := offence.Read(m)
	f := c.facts[of.Context.RelayParent]
	if err == nil && f != nil && of.Prove(f.key) == nil {
		c.blames(of)
	}
}

// blames checks that those who are blamed aren't honest (P8).
func (c *Checker) blames(of offence.Finding) {
	if of.Kind == statements.Disagreement {
		c.outvoted(of)
		return
	}
	f := c.facts[of.Context.RelayParent]
	if of.Kind == statements.Unauthorized && f != nil {
		if group, _ := f.group(of.Para); of.Trespasses(group) != nil {
			c.violate("P8", "validator %d is said to trespass on its own group's para %d", of.Said[0].Validator,
				of.Para)
		}
	}
	if who := of.Said[0].Validator; c.cfg.Honest(who) {
		c.violate("P8", "honest validator %d is blamed for a %s", who, of.Kind)
	}
}

// outvoted checks who a disagreement blames: those of the group whom a quorum of it contradicts. That is a conclusion,
// too (P11).
func (c *Checker) outvoted(of offence.Finding) {
	f := c.facts[of.Context.RelayParent]
	if f == nil {
		return
	}
	group, _ := f.group(of.Para)
	sides := map[bool][]uint32{}
	for _, s := range of.Said {
		if valid := s.Verdict != signbytes.Invalid; slices.Contains(group, s.Validator) &&
			!slices.Contains(sides[valid], s.Validator) {
			sides[valid] = append(sides[valid], s.Validator)
		}
	}
	for _, valid := range []bool{true, false} {
		if len(group) == 0 || len(sides[valid]) < primitives.BackingQuorum(len(group)) {
			continue
		}
		c.Concluded(of.Candidate, valid)
		for _, who := range sides[!valid] {
			if c.cfg.Honest(who) && !slices.Contains(sides[valid], who) {
				c.violate("P8", "honest validator %d is blamed for being outvoted on candidate %s", who,
					of.Candidate.Short())
			}
		}
	}
}
