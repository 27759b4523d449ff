package relayvm

import (
	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/inherent"
	"github.com/reevenet/reeve/internal/core/scheduler"
	"github.com/reevenet/reeve/internal/parachain"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// budget is what reading an inherent may cost: part of what makes a block valid, so it never changes on a chain. A
// bitfield, of which there are most, has seven elements in 80 bytes.
var budget = decode.Budget{Bytes: 1 << 20, Elements: 1 << 17, Depth: 16}

// Limits of an inherent, beside its budget.
const (
	maxReports  = 16
	maxDisputes = 64
)

// offer is an inherent, read. What can't be read isn't in it.
type offer struct {
	bitfields  []parachain.SignedBitfield
	candidates []*backed
	data       *provisionerv1.InherentData // without what can't be read
}

// include does what the block's inherent says, all of which must be right.
func (r *run) include(raw []byte) error {
	data, err := readInherent(raw)
	if err != nil {
		return err
	}
	o, err := r.read(data, true)
	if err != nil {
		return err
	}
	chosen, err := inherent.Check(r.context(o), o.items())
	if err != nil {
		return vmsdk.Invalidf("%v", err)
	}
	if err := r.use(o, chosen); err != nil {
		return err
	}
	_, err = r.sift(data, true)
	return err
}

// use has the chosen bitfields and candidates take effect.
func (r *run) use(o *offer, chosen inherent.Selection) error {
	votes := make([]scheduler.Vote, len(chosen.Bitfields))
	for i, at := range chosen.Bitfields {
		votes[i] = scheduler.Vote{Validator: o.bitfields[at].Validator, Cores: o.bitfields[at].Cores}
	}
	r.enact(votes)
	if err := r.noteIncluded(); err != nil {
		return err
	}
	list := make([]*backed, len(chosen.Candidates))
	for i, at := range chosen.Candidates {
		list[i] = o.candidates[at]
	}
	if err := r.occupy(list, chosen.Cores); err != nil {
		return vmsdk.Invalidf("the inherent: %v", err)
	}
	return nil
}

func readInherent(raw []byte) (*provisionerv1.InherentData, error) {
	data := &provisionerv1.InherentData{}
	if err := decode.Unmarshal(raw, data, budget); err != nil {
		return nil, vmsdk.Invalidf("the inherent can't be read: %v", err)
	}
	return data, nil
}

// read reads bitfields and candidates. When it is strict, the first that can't be in a block is an error; otherwise it
// is left out.
func (r *run) read(data *provisionerv1.InherentData, strict bool) (*offer, error) {
	o := &offer{data: &provisionerv1.InherentData{}}
	for i, m := range data.GetBitfields() {
		b, err := parachain.Bitfield(m)
		if err != nil {
			if strict {
				return nil, vmsdk.Invalidf("bitfield %d of the inherent: %v", i, err)
			}
			continue
		}
		o.bitfields = append(o.bitfields, b)
		o.data.Bitfields = append(o.data.Bitfields, m)
	}
	for i, m := range data.GetBackedCandidates() {
		b, err := readBacked(m)
		if err == nil {
			err = r.acceptable(b)
		}
		if err != nil && isVerdict(err) && !strict {
			continue
		}
		if err != nil {
			return nil, wrapped(err, "candidate %d of the inherent", i)
		}
		o.candidates = append(o.candidates, b)
		o.data.BackedCandidates = append(o.data.BackedCandidates, m)
	}
	return o, nil
}
