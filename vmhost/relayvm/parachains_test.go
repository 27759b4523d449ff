package relayvm

import (
	"crypto/ed25519"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// answered asks one about the state after a block.
func (m *machine) answered(at *block, q *request) (*answer, vmsdk.RuntimeAnswer, error) {
	b, err := proto.Marshal(q)
	if err != nil {
		m.t.Fatal(err)
	}
	a, err := m.vm.QueryRuntime(ctx, vmsdk.RuntimeBlock{ID: at.ID(), Consensus: consensus(at)}, b)
	if err != nil {
		return nil, a, err
	}
	out := &answer{}
	if err := proto.Unmarshal(a.Response, out); err != nil {
		m.t.Fatal(err)
	}
	return out, a, nil
}

func (m *machine) ask(at *block, q *request) *answer {
	m.t.Helper()
	a, _, err := m.answered(at, q)
	if err != nil {
		m.t.Fatal(err)
	}
	return a
}

func (m *machine) askCores() []*primitivesv1.CoreState {
	q := &request{Kind: &runtimeapiv1.RuntimeApiRequest_AvailabilityCores{}}
	return m.ask(m.last, q).GetAvailabilityCores().GetCores()
}

// data is the validation data of a para's next candidate.
func (m *machine) data(para uint32, a runtimeapiv1.OccupiedCoreAssumption) *primitivesv1.PersistedValidationData {
	return m.ask(m.last, askData(para, a)).GetPersistedValidationData().GetData()
}

const (
	free     = runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_FREE
	included = runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_INCLUDED
	timedOut = runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_TIMED_OUT
)

// draft is a candidate that is being made, and who will vote for it.
type draft struct {
	candidate.CommittedReceipt
	data   *primitivesv1.PersistedValidationData
	voters int // of the group, from its first member; -1: all
	signer ed25519.PrivateKey
}

// made is a candidate of a para on the last block, backed by its group, but for what is changed.
func (n *network) made(
	para uint32, a runtimeapiv1.OccupiedCoreAssumption, head string, change func(*draft),
) *primitivesv1.BackedCandidate {
	n.t.Helper()
	d := &draft{data: n.data(para, a), voters: -1, signer: collate}
	d.Commitments.HeadData = []byte(head)
	d.Descriptor.Collation = signbytes.Collation{
		ParaID: para, RelayParent: consensus(n.last), Collator: public(collate),
		ValidationCodeHash: primitives.HashOf(oldCode), ParaHead: primitives.HashOf([]byte(head)),
	}
	if d.data != nil {
		v, err := parachain.ValidationData(d.data)
		if err != nil {
			n.t.Fatal(err)
		}
		d.Descriptor.Collation.PersistedValidationDataHash, _ = v.Hash()
	}
	if change != nil {
		change(d)
	}
	payload, _ := d.Descriptor.Collation.Encode()
	copy(d.Descriptor.Signature[:], ed25519.Sign(d.signer, payload))
	return n.backs(d, n.groupOf(para))
}

// groupOf is the group that backs a para's candidates in the next block.
func (n *network) groupOf(para uint32) []uint32 {
	w, height := n.last.after.world, n.last.Height()+1
	for _, c := range w.cores.CoreStates(height) {
		if serves(c, para) {
			return w.cores.Groups[c.Group]
		}
	}
	return w.cores.Groups[0]
}

func (n *network) backs(d *draft, group []uint32) *primitivesv1.BackedCandidate {
	n.t.Helper()
	hash, err := d.Hash()
	if err != nil {
		n.t.Fatal(err)
	}
	voters := d.voters
	if voters < 0 {
		voters = len(group)
	}
	bits := primitives.NewBits(uint32(len(group)))
	b := &primitivesv1.BackedCandidate{Receipt: parachain.CommittedMessage(d.CommittedReceipt)}
	for i, v := range group[:voters] {
		bits.Set(uint32(i))
		verdict := signbytes.Valid
		if i == 0 {
			verdict = signbytes.Seconded
		}
		s := n.says(v, verdict, hash)
		vote := &primitivesv1.ValidityAttestation{}
		vote.Kind = &primitivesv1.ValidityAttestation_Explicit{Explicit: s.Signature[:]}
		if i == 0 {
			vote.Kind = &primitivesv1.ValidityAttestation_Implicit{Implicit: s.Signature[:]}
		}
		b.Votes = append(b.Votes, vote)
	}
	b.GroupMembers = parachain.BitsMessage(bits)
	return b
}

// signing is the context of what is signed on the last block.
func (n *network) signing() signbytes.Context {
	q := &request{Kind: &runtimeapiv1.RuntimeApiRequest_SigningContext{}}
	c, err := parachain.Context(n.ask(n.last, q).GetSigningContext().GetContext())
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

func (n *network) says(v uint32, verdict signbytes.Verdict, c primitives.Hash) statements.Signed {
	s := statements.Signed{Verdict: verdict, Candidate: c, Validator: v}
	payload, _ := s.Payload(n.signing()).Encode()
	copy(s.Signature[:], ed25519.Sign(key(byte(v+1)), payload))
	return s
}

// bits is a validator's bitfield for the next block.
func (n *network) bits(v uint32, cores ...uint32) *primitivesv1.SignedAvailabilityBitfield {
	all := uint32(len(n.last.after.world.cores.Cores))
	b := parachain.SignedBitfield{Validator: v, Cores: primitives.NewBits(all, cores...)}
	payload, _ := b.Payload(n.signing()).Encode()
	copy(b.Signature[:], ed25519.Sign(key(byte(v+1)), payload))
	return parachain.BitfieldMessage(b)
}

func offers(candidates ...*primitivesv1.BackedCandidate) *provisionerv1.InherentData {
	return &provisionerv1.InherentData{BackedCandidates: candidates}
}

// happened are the events of a block, in words.
func (n *network) happened() (list []string) {
	for _, h := range happenedIn(n.last.after.world.events, 0) {
		list = append(list, h.Event)
	}
	return list
}

func (n *network) head(para uint32) string { return string(n.last.after.world.paras[para].Head) }

// available has so many validators hold the chunks of what is on a core, in the next block.
func (n *network) available(core uint32, voters int, candidates ...*primitivesv1.BackedCandidate) {
	n.t.Helper()
	data := offers(candidates...)
	for v := range voters {
		data.Bitfields = append(data.Bitfields, n.bits(uint32(v), core))
	}
	n.next(data)
}

func TestACandidateIsBackedBecomesAvailableAndIsIncluded(t *testing.T) {
	n := startNetwork(t, 4, nil)
	n.next(offers(n.made(100, free, "head 1", nil)))
	if got := n.happened(); !slices.Equal(got, []string{"backed"}) || n.head(100) != "head 0" {
		t.Fatalf("%v, the head is %q", got, n.head(100))
	}
	occupied := n.askCores()[0].GetOccupied()
	if occupied == nil || occupied.GetNextUpOnAvailable().GetPara() != 100 || occupied.GetDescriptor_() == nil {
		t.Fatalf("%v", n.askCores()[0])
	}
	if d := n.data(100, included); string(d.GetParentHead()) != "head 1" {
		t.Errorf("if it is included the next one is made on %q", d.GetParentHead())
	}
	if d := n.data(100, timedOut); string(d.GetParentHead()) != "head 0" || n.data(100, free) != nil {
		t.Errorf("if it isn't, on %v", d)
	}
	if a := n.ask(n.last, askLast(100)).GetLastIncluded(); a.GetReceipt() != nil {
		t.Errorf("nothing is included, and the last that was is %v", a)
	}
	n.available(0, 2)
	if got := n.happened(); got != nil {
		t.Fatalf("two of four aren't enough: %v", got)
	}
	// The third vote frees the core, and the next candidate takes it in the same block.
	data := offers(n.made(100, included, "head 2", nil))
	data.Bitfields = append(data.Bitfields, n.bits(3, 0))
	n.next(data)
	if got := n.happened(); !slices.Equal(got, []string{"included", "backed"}) || n.head(100) != "head 1" {
		t.Errorf("%v, the head is %q", got, n.head(100))
	}
	last := n.ask(n.last, askLast(100)).GetLastIncluded()
	if head := primitives.HashOf([]byte("head 1")); last.GetNumber() != 3 ||
		primitives.Hash(last.GetReceipt().GetDescriptor_().GetParaHead()) != head {
		t.Errorf("the head was made by %v", last)
	}
}

func TestASingleValidatorIsAGroupOfOne(t *testing.T) {
	n := startNetwork(t, 1, func(g *Genesis) { g.Paras = g.Paras[:1] })
	n.next(offers(n.made(100, free, "head 1", nil)))
	n.available(0, 1, n.made(100, included, "head 2", nil))
	if n.head(100) != "head 1" {
		t.Errorf("the head is %q", n.head(100))
	}
}
