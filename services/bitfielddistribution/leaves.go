package bitfielddistribution

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/bitfields"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// job is what is under way for a leaf, besides what the core knows of it.
type job struct {
	cancel  func()
	trouble string      // why its bitfields can't be judged
	facts   *leaf.Facts // nil until they are here
	// verified is what came of verifying the bitfields that are judged now, in the order in which they are.
	verified []verdict
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
		j.facts = f
		d.activate(l.Hash, j)
	})
	return j
}

// activate begins to judge a leaf's bitfields, those first that are here already.
func (d *distribution) activate(relayParent primitives.Hash, j *job) {
	early := slices.DeleteFunc(d.core.Early(relayParent), func(s bitfields.Signed) bool {
		return int64(s.Validator) >= int64(len(j.facts.Validators))
	})
	early = early[min(len(j.verified), len(early)):]
	subsystem.Offload(d.sub, func() ([]bool, error) {
		var claims []parachain.Claim
		for _, s := range early {
			claims = append(claims, j.claim(s))
		}
		return d.verifier.Verify(claims), nil
	}, func(good []bool, _ error) {
		for i, s := range early {
			j.verified = append(j.verified, verdict{s, good[i]})
		}
		if len(early) > 0 { // more may have come meanwhile
			d.activate(relayParent, j)
			return
		}
		for _, out := range d.core.Activate(relayParent, len(j.facts.Validators), j.holds) {
			d.follow(out)
		}
		j.verified = nil
	})
}

func (d *distribution) end(relayParent primitives.Hash, j *job) {
	j.cancel()
	d.core.End(relayParent)
}

// verdict is what came of verifying a bitfield.
type verdict struct {
	of    bitfields.Signed
	holds bool
}

// holds tells whether a bitfield's signature is that of its validator.
func (j *job) holds(s bitfields.Signed) bool {
	for len(j.verified) > 0 {
		v := j.verified[0]
		j.verified = j.verified[1:]
		if v.of.Equal(s) {
			return v.holds
		}
	}
	return j.claim(s).Holds()
}

// claim is that it is. The validator is one of the session. It may be called off the loop.
func (j *job) claim(s bitfields.Signed) parachain.Claim {
	in := signbytes.Context{Session: j.facts.Session, RelayParent: j.facts.RelayParent}
	return parachain.BitfieldClaim(in, parachain.SignedBitfield(s), j.facts.Validators[s.Validator].GetPublicKey())
}
