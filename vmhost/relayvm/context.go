package relayvm

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/inherent"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// context is the state of the chain, as package inherent wants it.
func (r *run) context(o *offer) *inherent.Context {
	w := r.world
	return &inherent.Context{
		Height: r.above.height, Validators: w.cores.Validators,
		Cores: w.cores.CoreStates(r.above.height), Groups: w.cores.Groups,
		RelayParents:   []primitives.Hash{r.relayParent()},
		ValidationData: r.dataHash, Signatures: &signatures{run: r, offer: o},
		Limits: inherent.Limits{Bitfields: maxValidators, Candidates: len(w.cores.Cores), Bytes: budget.Bytes},
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

// validationData is what a para's next candidate is validated against, on this block, if what is on its core is
// included or dropped; false: there is no such para, or that can't happen. The world is that of the block, or one that
// began with it.
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
