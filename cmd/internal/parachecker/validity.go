package parachecker

import (
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/services/candidatevalidation/guest"
)

// revalidate runs an included candidate's code on its data (P7).
func (c *Checker) revalidate(f *fate, raw []byte) {
	data, err := candidate.DecodeAvailableData(raw)
	if err == nil {
		err = data.Check(f.receipt.Descriptor)
	}
	if err != nil {
		c.violate("P7", "candidate %s is included, and its data isn't what it names: %v", f.hash.Short(), err)
		return
	}
	if c.cfg.Validate == nil {
		return
	}
	params := guest.Params{
		ParentHead: data.ValidationData.ParentHead, RelayParentNumber: data.ValidationData.RelayParentNumber,
		RelayParentStorageRoot: data.ValidationData.RelayParentStorageRoot, BlockData: data.PoV,
	}
	outputs, err := c.cfg.Validate(f.receipt.Descriptor.Collation.ValidationCodeHash, params.Encode())
	switch {
	case err != nil:
		c.violate("P7", "candidate %s is included, and its code finds it invalid: %v", f.hash.Short(), err)
	case primitives.HashOf(outputs) != f.receipt.CommitmentsHash:
		c.violate("P7", "candidate %s is included, and its code yields something else than it promises", f.hash.Short())
	}
}

// Concluded takes the end of a dispute about a candidate (P11).
func (c *Checker) Concluded(id primitives.Hash, valid bool) {
	f := c.fate(id)
	if f.concluded != nil && *f.concluded != valid {
		c.violate("P11", "a dispute about candidate %s has ended both ways", id.Short())
	}
	f.concluded = &valid
}

// Ran takes what a node says about the guard of a process in which it runs a para's code (P12).
func (c *Checker) Ran(node int, guard string) {
	if guard == "" {
		c.violate("P12", "node %d runs a para's code in a process that nothing guards", node)
	}
}
