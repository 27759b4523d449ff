package statementdistribution

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// relayParent is a leaf of the relay chain, with what statements about its candidates are judged by.
type relayParent struct {
	hash    primitives.Hash
	cancel  func()        // the question for its facts
	trouble error         // why they can't be had
	early   []*sdv1.Share // until they are here
	// joined: it was a leaf before the bridge told of peers, for the first time or anew. So peers may have told an
	// earlier instance of this subsystem of candidates, or the bridge, which has lost it. What depends on those costs
	// nothing, and orphans is how much of it was passed on.
	joined  bool
	orphans int

	// active: its facts are here.
	active  bool
	context signbytes.Context
	keys    []ed25519.PublicKey // of the session's validators
	// verified are the statements whose signatures have been verified and that are kept, receipts those of the
	// candidates that they second. Knowledge bounds both: see MostKept.
	verified map[statements.Signed]struct{}
	receipts map[primitives.Hash]*primitivesv1.CommittedCandidateReceipt
}

// claim is that a statement's signature is that of its validator; there may be no such one. It may be called off the
// loop.
func (r *relayParent) claim(s statements.Signed) parachain.Claim {
	var key ed25519.PublicKey
	if int64(s.Validator) < int64(len(r.keys)) {
		key = r.keys[s.Validator]
	}
	return parachain.StatementClaim(r.context, s, key)
}

// keep keeps a statement that is fresh. The receipt is nil unless it seconds.
func (r *relayParent) keep(one spoken) {
	r.verified[one.signed] = struct{}{}
	if receipt := one.message.GetStatement().GetSeconded(); receipt != nil {
		r.receipts[one.signed.Candidate] = receipt
	}
}

func (d *distribution) begin(l leaf.Leaf) *relayParent {
	r := &relayParent{
		hash: l.Hash, joined: !d.introduced, verified: map[statements.Signed]struct{}{},
		receipts: map[primitives.Hash]*primitivesv1.CommittedCandidateReceipt{},
	}
	r.cancel = leaf.Ask(d.sub, l.Hash, wanted, func(f *leaf.Facts, err error) { d.learned(r, f, err) })
	return r
}

// learned begins to take statements of a relay parent, those first that have come before.
func (d *distribution) learned(r *relayParent, f *leaf.Facts, err error) {
	if err != nil {
		r.trouble = err
		d.sub.Log.Warn("statements of a relay parent can't be judged", "relay_parent", r.hash.String(), "why", err)
		return
	}
	r.active, r.context = true, signbytes.Context{Session: f.Session, RelayParent: r.hash}
	for _, v := range f.Validators {
		r.keys = append(r.keys, v.GetPublicKey())
	}
	d.known.Activate(r.hash, len(r.keys))
	early := r.early
	r.early = nil
	for _, s := range early {
		d.onShare(s)
	}
	d.hearEarly(r.hash)
}

func (d *distribution) end(hash primitives.Hash, r *relayParent) {
	r.cancel()
	d.known.Deactivate(hash)
	d.leave(hash)
}
