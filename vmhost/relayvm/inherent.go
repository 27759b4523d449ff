package relayvm

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/inherent"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Limits of an inherent, beside those of a block. All of it has 1 MiB at most.
const (
	maxInherent = 1 << 20
	maxReports  = 16
	maxDisputes = 64
)

// offer is an inherent, read. What can't be read isn't in it.
type offer struct {
	bitfields  []parachain.SignedBitfield
	candidates []*backed
	data       *provisionerv1.InherentData // without what can't be read
}

// backed is a candidate with the votes of its group.
type backed struct {
	receipt   candidate.CommittedReceipt
	canonical []byte
	hash      primitives.Hash
	voters    primitives.Bits
	votes     []*primitivesv1.ValidityAttestation
	size      int
}

func (b *backed) para() uint32 { return b.receipt.Descriptor.Collation.ParaID }

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
	if len(raw) > maxInherent {
		return nil, vmsdk.Invalidf("an inherent of %d bytes", len(raw))
	}
	if err := proto.Unmarshal(raw, data); err != nil {
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

// readBacked reads a candidate, whatever the message is.
func readBacked(m *primitivesv1.BackedCandidate) (*backed, error) {
	b := &backed{votes: m.GetVotes(), size: proto.Size(m)}
	var err error
	if b.receipt, err = parachain.Committed(m.GetReceipt()); err != nil {
		return nil, verdictf("%v", err)
	}
	if b.canonical, err = b.receipt.Encode(); err != nil {
		return nil, verdictf("%v", err)
	}
	if b.hash, err = b.receipt.Hash(); err != nil {
		return nil, verdictf("%v", err)
	}
	if b.voters, err = parachain.Bits(m.GetGroupMembers()); err != nil {
		return nil, verdictf("its voters: %v", err)
	}
	if err := b.receipt.CheckHead(); err != nil {
		return nil, verdictf("%v", err)
	}
	return b, nil
}

// verdict is what is wrong with a part of an inherent. Other errors say that the state can't be read.
type verdict string

func (v verdict) Error() string { return string(v) }

func verdictf(format string, args ...any) error { return verdict(fmt.Sprintf(format, args...)) }

func isVerdict(err error) bool {
	_, is := err.(verdict)
	return is
}

// wrapped makes a verdict an invalid block, and leaves other errors as they are.
func wrapped(err error, format string, args ...any) error {
	if isVerdict(err) {
		return vmsdk.Invalidf("%s: %v", fmt.Sprintf(format, args...), err)
	}
	return err
}
