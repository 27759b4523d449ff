package provisioner

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
)

// How much is kept for one leaf, whoever sends it. Bitfields are one of each validator; of what comes beyond the rest of
// these bounds a block could take nothing.
const (
	maxValidators = 4096
	maxCandidates = 256
	maxReports    = 256
	maxDisputes   = 256
	maxBytes      = 16 << 20
	// maxOffered is how many bytes the VM is given to try: as many as it takes, and as a block of relayvm may have.
	// It refuses all of what is longer.
	maxOffered = 1 << 20
	// maxWatchers may follow one leaf: its author, and tools.
	maxWatchers = 16
)

// job is what has come for one leaf.
type job struct {
	hash       primitives.Hash
	bitfields  map[uint32]*primitivesv1.SignedAvailabilityBitfield // by validator
	candidates []*primitivesv1.BackedCandidate
	reports    []*misbehaviorv1.MisbehaviorReport
	disputes   []*primitivesv1.Dispute

	seen     map[primitives.Hash]bool           // of all but bitfields
	arrived  []*provisionerv1.ProvisionableData // in order
	bytes    int
	watchers []*subsystem.Message

	trial trial
}

func newJob(hash primitives.Hash) *job {
	return &job{
		hash: hash, bitfields: map[uint32]*primitivesv1.SignedAvailabilityBitfield{},
		seen: map[primitives.Hash]bool{},
	}
}

type fate int

const (
	taken fate = iota + 1
	known      // it says nothing new
	full       // there is no room for it
)

// take keeps a piece.
func (j *job) take(d *provisionerv1.ProvisionableData) (f fate) {
	size := proto.Size(d)
	if j.bytes+size > maxBytes {
		return full
	}
	switch k := d.GetKind().(type) {
	case *provisionerv1.ProvisionableData_Bitfield:
		f = j.takeBitfield(k.Bitfield)
	case *provisionerv1.ProvisionableData_BackedCandidate:
		f = keep(j, &j.candidates, maxCandidates, k.BackedCandidate, nameOf(k.BackedCandidate))
	case *provisionerv1.ProvisionableData_MisbehaviorReport:
		f = keep(j, &j.reports, maxReports, k.MisbehaviorReport, hashOf(k.MisbehaviorReport))
	case *provisionerv1.ProvisionableData_Dispute:
		f = keep(j, &j.disputes, maxDisputes, k.Dispute, hashOf(k.Dispute))
	default:
		return known
	}
	if f == taken {
		j.bytes += size
		j.arrived = append(j.arrived, d)
		j.trial.stale()
	}
	return f
}

// takeBitfield keeps of each validator the bitfield with most bits, the first of equals.
func (j *job) takeBitfield(b *primitivesv1.SignedAvailabilityBitfield) fate {
	has, some := j.bitfields[b.GetValidator()]
	switch {
	case some && ones(b) <= ones(has):
		return known
	case !some && len(j.bitfields) >= maxValidators:
		return full
	}
	j.bitfields[b.GetValidator()] = b
	return taken
}

func ones(b *primitivesv1.SignedAvailabilityBitfield) int {
	bits, err := parachain.Bits(b.GetBitfield().GetCores())
	if err != nil {
		return -1
	}
	return bits.Count()
}

func keep[T any](j *job, list *[]T, most int, piece T, name primitives.Hash) fate {
	switch {
	case j.seen[name]:
		return known
	case len(*list) >= most:
		return full
	}
	j.seen[name] = true
	*list = append(*list, piece)
	return taken
}

// nameOf is the candidate's hash: a candidate comes once, with whichever votes.
func nameOf(b *primitivesv1.BackedCandidate) primitives.Hash {
	r, err := parachain.Committed(b.GetReceipt())
	if err != nil {
		return hashOf(b)
	}
	name, err := r.Hash()
	if err != nil {
		return hashOf(b)
	}
	return name
}

func hashOf(m proto.Message) primitives.Hash {
	b, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return primitives.HashOf(b)
}

// offered is what there is, in the order in which an author would have it, as far as it fits: the VM chooses. What
// makes the chain go on comes first, so nobody's reports keep it out.
func (j *job) offered() *provisionerv1.InherentData {
	bitfields, r := make([]*primitivesv1.SignedAvailabilityBitfield, 0, len(j.bitfields)), room(maxOffered)
	for _, v := range slices.Sorted(maps.Keys(j.bitfields)) {
		bitfields = append(bitfields, j.bitfields[v])
	}
	return &provisionerv1.InherentData{
		Bitfields: fit(&r, bitfields), BackedCandidates: fit(&r, inTurns(j.candidates)),
		MisbehaviorReports: fit(&r, j.reports), Disputes: fit(&r, j.disputes),
	}
}

// room is how many bytes more an inherent may have.
type room int

// fit is what of a list there is room for, as fields of a message.
func fit[T proto.Message](r *room, list []T) (fits []T) {
	for _, m := range list {
		if size := room(protowire.SizeTag(1) + protowire.SizeBytes(proto.Size(m))); size <= *r {
			*r -= size
			fits = append(fits, m)
		}
	}
	return fits
}

// inTurns are the first candidates of all paras, then the second: a group that backs many takes nobody's place.
func inTurns(list []*primitivesv1.BackedCandidate) []*primitivesv1.BackedCandidate {
	count, turn := map[uint32]int{}, map[*primitivesv1.BackedCandidate]int{}
	for _, b := range list {
		para := b.GetReceipt().GetDescriptor_().GetPara()
		turn[b] = count[para]
		count[para]++
	}
	return slices.SortedStableFunc(slices.Values(list),
		func(a, b *primitivesv1.BackedCandidate) int { return cmp.Compare(turn[a], turn[b]) })
}

// count is how many pieces there are.
func (j *job) count() int {
	return len(j.bitfields) + len(j.candidates) + len(j.reports) + len(j.disputes)
}

// watch gives what has come, and then what comes.
func (j *job) watch(m *subsystem.Message) {
	j.watchers = append(j.watchers, m)
	m.OnCancel(func() {
		j.watchers = slices.DeleteFunc(j.watchers, func(w *subsystem.Message) bool { return w == m })
	})
	for _, d := range j.arrived {
		m.Item(&provisionerv1.RequestBlockAuthorshipDataResponse{Data: d})
	}
}

func (j *job) tell(d *provisionerv1.ProvisionableData) {
	for _, m := range j.watchers {
		m.Item(&provisionerv1.RequestBlockAuthorshipDataResponse{Data: d})
	}
}

// end ends the streams. Who waits for a selection gets one all the same.
func (j *job) end() {
	for _, m := range j.watchers {
		m.End()
	}
}

func kindOf(d *provisionerv1.ProvisionableData) string {
	if f := d.ProtoReflect().WhichOneof(d.ProtoReflect().Descriptor().Oneofs().ByName("kind")); f != nil {
		return string(f.Name())
	}
	return "none"
}
