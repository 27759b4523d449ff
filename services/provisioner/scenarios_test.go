package provisioner

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/inherent"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// chain stands in for the relay chain's VM: it chooses by the rules of every block. It has six validators, and eight
// cores in groups of one. On the cores 0 to 3, of the paras 100 to 103, lie candidates; 4 to 6 are scheduled for 104 to
// 106; 7 is free.
type chain struct{ inherent.Context }

var validationData = primitives.HashOf([]byte("validation data"))

func newChain() *chain {
	c := &chain{inherent.Context{
		Height: 5, Validators: 6, RelayParents: []primitives.Hash{parent},
		ValidationData: func(uint32, inherent.Assumption, primitives.Hash) (primitives.Hash, bool) {
			return validationData, true
		},
		Limits: inherent.Limits{Bitfields: 10, Candidates: 10, Bytes: maxOffered},
	}}
	c.Signatures = c
	for core := range uint32(8) {
		next := &scheduler.Assignment{Para: 100 + core}
		state := scheduler.CoreState{Group: core % 6}
		switch {
		case core < 4:
			state.Occupied = &scheduler.Occupied{
				Para: next.Para, TimeOutAt: 99, Votes: primitives.NewBits(6), OnAvailable: next, OnTimeOut: next,
			}
		case core < 7:
			state.Scheduled = next
		}
		c.Cores = append(c.Cores, state)
	}
	c.Groups = [][]uint32{{0}, {1}, {2}, {3}, {4}, {5}}
	return c
}

func (c *chain) Bitfield(int) bool            { return true }
func (c *chain) Candidate(int, []uint32) bool { return true }

// tries answers the next dry run, and gives what was offered in it.
func (c *chain) tries(t *testing.T, o *overseertest.Overseer) *provisionerv1.InherentData {
	t.Helper()
	offered, run := trying(t, o)
	left := &provisionerv1.InherentData{
		MisbehaviorReports: offered.GetMisbehaviorReports(), Disputes: offered.GetDisputes(),
	}
	chosen := inherent.Select(&c.Context, read(t, offered))
	for _, i := range chosen.Bitfields {
		left.Bitfields = append(left.Bitfields, offered.GetBitfields()[i])
	}
	for _, i := range chosen.Candidates {
		left.BackedCandidates = append(left.BackedCandidates, offered.GetBackedCandidates()[i])
	}
	run.Reply(usable(left))
	return offered
}

func read(t *testing.T, d *provisionerv1.InherentData) (in inherent.Inherent) {
	t.Helper()
	for _, m := range d.GetBitfields() {
		b, err := parachain.Bitfield(m)
		if err != nil {
			t.Fatal(err)
		}
		in.Bitfields = append(in.Bitfields, inherent.Bitfield{Validator: b.Validator, Cores: b.Cores, Size: 100})
	}
	for _, m := range d.GetBackedCandidates() {
		voters, err := parachain.Bits(m.GetGroupMembers())
		if err != nil {
			t.Fatal(err)
		}
		in.Candidates = append(in.Candidates, inherent.Candidate{
			Para: m.GetReceipt().GetDescriptor_().GetPara(), RelayParent: parent, ValidationData: validationData,
			Upgrade: m.GetReceipt().GetCommitments().GetNewValidationCode() != nil,
			Voters:  voters, Votes: len(m.GetVotes()), Size: proto.Size(m),
		})
	}
	return in
}

// of makes a backed candidate of a para; change may do something to it.
func of(para uint32, change ...func(*primitivesv1.BackedCandidate)) *provisionerv1.ProvisionableData {
	head := primitives.HashOf([]byte{byte(para)})
	b := &primitivesv1.BackedCandidate{
		Receipt: &primitivesv1.CommittedCandidateReceipt{
			Descriptor_: &primitivesv1.CandidateDescriptor{Para: para, ParaHead: head[:]},
			Commitments: &primitivesv1.CandidateCommitments{},
		},
		Votes:        []*primitivesv1.ValidityAttestation{{}},
		GroupMembers: parachain.BitsMessage(primitives.NewBits(1, 0)),
	}
	for _, f := range change {
		f(b)
	}
	return &provisionerv1.ProvisionableData{
		RelayParent: parent[:], Kind: &provisionerv1.ProvisionableData_BackedCandidate{BackedCandidate: b},
	}
}

func upgrade(b *primitivesv1.BackedCandidate) {
	b.Receipt.Commitments.NewValidationCode = &primitivesv1.BlobRef{Hash: make([]byte, 32), Size: 9}
}

func voteless(b *primitivesv1.BackedCandidate) { b.Votes, b.GroupMembers.Bits = nil, []byte{0} }

func long(name byte, bytes int) func(*primitivesv1.BackedCandidate) {
	return func(b *primitivesv1.BackedCandidate) {
		b.Receipt.Commitments.HeadData = append([]byte{name}, make([]byte, bytes)...)
	}
}

// outcome is what an author would be given of the pieces: the validators of its bitfields, and the paras of its
// candidates.
func outcome(t *testing.T, pieces ...*provisionerv1.ProvisionableData) (validators, paras []uint32) {
	t.Helper()
	o := start(t)
	give(o, pieces...)
	a := ask(o)
	newChain().tries(t, o)
	return chosen(inherentOf(t, a))
}

func inherentOf(t *testing.T, a *overseertest.Answer) *provisionerv1.InherentData {
	t.Helper()
	return inherentIn(t, a).GetInherent()
}

func chosen(d *provisionerv1.InherentData) (validators, paras []uint32) {
	for _, b := range d.GetBitfields() {
		validators = append(validators, b.GetValidator())
	}
	for _, b := range d.GetBackedCandidates() {
		paras = append(paras, b.GetReceipt().GetDescriptor_().GetPara())
	}
	return validators, paras
}

// have are the bitfields of validators that hold their chunk of the candidate on core 0.
func have(validators ...uint32) (pieces []*provisionerv1.ProvisionableData) {
	for _, v := range validators {
		pieces = append(pieces, bitfield(v, 0))
	}
	return pieces
}

// V1, V3, T5 and T9: what an author is given, by the rules of the chain and in its order.
func TestWhatIsChosen(t *testing.T) {
	short := bitfield(2, 1)
	short.GetBitfield().Bitfield.Cores = parachain.BitsMessage(primitives.NewBits(7, 1))
	type pieces = []*provisionerv1.ProvisionableData
	for name, c := range map[string]struct {
		given             pieces
		validators, paras []uint32
	}{
		"V1: sorted":                {pieces{bitfield(4, 1), bitfield(0, 1), bitfield(3, 2)}, []uint32{0, 3, 4}, nil},
		"V1: one of each validator": {pieces{bitfield(1, 1), bitfield(1, 1, 2)}, []uint32{1}, nil},
		"V1: of a core without one": {pieces{bitfield(1, 1, 5), bitfield(2, 1)}, []uint32{2}, nil},
		"V1: of a wrong length":     {pieces{short, bitfield(3, 1)}, []uint32{3}, nil},
		"V3: one code upgrade":      {pieces{of(105, upgrade), of(104, upgrade), of(106)}, nil, []uint32{104, 106}},
		"one of each core, in order": {pieces{of(106), of(104, long('a', 9)), of(104, long('b', 9)), of(105)},
			nil, []uint32{104, 105, 106}},
		"T5: two thirds aren't enough": {append(have(0, 1, 2, 3), of(100)), []uint32{0, 1, 2, 3}, nil},
		"T5: a supermajority is": {
			append(have(0, 1, 2, 3, 4), of(100)), []uint32{0, 1, 2, 3, 4}, []uint32{100},
		},
		"T9: a bad one costs itself": {pieces{of(104, voteless), of(105), of(999), bitfield(9, 1), bitfield(1, 1)},
			[]uint32{1}, []uint32{105}},
	} {
		validators, paras := outcome(t, c.given...)
		if diff := cmp.Diff([][]uint32{c.validators, c.paras}, [][]uint32{validators, paras}); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// V4 and T13: whatever the VM does, whoever asks has an answer within two seconds, and it is an inherent.
func TestAnAnswerWithinTwoSeconds(t *testing.T) {
	o := start(t)
	give(o, of(104))
	first := ask(o)
	_, run := trying(t, o)
	o.Advance(time.Second)
	second := ask(o) // waits for the same dry run
	o.ExpectNothing()
	o.Advance(999 * time.Millisecond)
	for _, a := range []*overseertest.Answer{first, second} {
		if r := inherentIn(t, a); r.GetInherent() == nil || parts(r.GetInherent()) != 0 ||
			r.GetShortfall() != provisionerv1.RequestInherentDataResponse_SHORTFALL_OUT_OF_TIME {
			t.Errorf("answered: %v", r)
		}
	}
	run.Reply(&pluginv1.CheckInherentResponse{}) // too late
	third := ask(o)
	newChain().tries(t, o)
	if r := inherentIn(t, third); parts(r.GetInherent()) != 1 {
		t.Errorf("the next time: %v", r)
	}
}

// A leaf that ends while its inherent is tried owes its author an answer all the same.
func TestALeafThatEndsMeanwhile(t *testing.T) {
	o := start(t)
	give(o, of(104))
	a := ask(o)
	o.StopWork(parent[:])
	newChain().tries(t, o)
	if parts(inherentOf(t, a)) != 1 {
		t.Error("it gets nothing")
	}
}

// What a block hasn't room for costs nobody else his place: T9 of bytes. The VM refuses all of what is too long.
func TestMoreThanABlockHolds(t *testing.T) {
	o := start(t)
	for i := range byte(30) {
		give(o, of(104, long(i, 60<<10)))
	}
	give(o, of(105, long(0, 60<<10)), of(106, long(0, 2*maxOffered)), bitfield(1, 1))
	for i := range uint32(100) {
		give(o, report(i), dispute(i))
	}
	a := ask(o)
	offered := newChain().tries(t, o)
	if n := proto.Size(offered); n > maxOffered || n < maxOffered/2 {
		t.Errorf("%d bytes are offered", n)
	}
	r := inherentIn(t, a)
	validators, paras := chosen(r.GetInherent())
	if diff := cmp.Diff([][]uint32{{1}, {104, 105}}, [][]uint32{validators, paras}); diff != "" {
		t.Error(diff)
	}
	if r.GetShortfall() != provisionerv1.RequestInherentDataResponse_SHORTFALL_PARTS_REFUSED {
		t.Errorf("it is said to be all: %v", r.GetShortfall())
	}
	if first := offered.GetMisbehaviorReports()[0]; !proto.Equal(first, report(0).GetMisbehaviorReport()) {
		t.Error("not the oldest first:", first)
	}
}
