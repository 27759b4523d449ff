package bitfielddistribution

import (
	"github.com/reevenet/reeve/internal/core/bitfields"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// job is what is under way for a leaf, besides what the core knows of it.
type job struct {
	cancel  func()
	trouble string // why its bitfields can't be judged
}

func (d *distribution) begin(l leaf.Leaf) *job {
	d.core.Begin(l.Hash)
	j := &job{}
	j.cancel = leaf.Ask(d.sub, l.Hash, wants, func(f *leaf.Facts, err error) {
		if err != nil {
			j.trouble = err.Error()
			d.sub.Log.Warn("the leaf's bitfields can't be checked", "parent", l.Hash.Short(), "err", err)
			return
		}
		for _, out := range d.core.Activate(l.Hash, len(f.Validators), verifier(f)) {
			d.follow(out)
		}
	})
	return j
}

func (d *distribution) end(relayParent primitives.Hash, j *job) {
	j.cancel()
	d.core.End(relayParent)
}

// verifier checks signatures of a leaf's validators, in its context.
func verifier(f *leaf.Facts) bitfields.Verify {
	in := signbytes.Context{Session: f.Session, RelayParent: f.RelayParent}
	return func(s bitfields.Signed) bool {
		return parachain.VerifyBitfield(in, parachain.SignedBitfield(s), f.Validators[s.Validator].GetPublicKey())
	}
}
