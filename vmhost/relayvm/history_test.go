package relayvm

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

var headerQuestion = &request{Kind: &runtimeapiv1.RuntimeApiRequest_BlockHeader{}}

func askCode(para uint32, height uint64, between *uint64) *request {
	q := &runtimeapiv1.ValidationCode{Para: para, Number: height, IntermediateNumber: between}
	return &request{Kind: &runtimeapiv1.RuntimeApiRequest_ValidationCode{ValidationCode: q}}
}

func askData(para uint32, a runtimeapiv1.OccupiedCoreAssumption) *request {
	q := &runtimeapiv1.PersistedValidationData{Para: para, Assumption: a}
	return &request{Kind: &runtimeapiv1.RuntimeApiRequest_PersistedValidationData{PersistedValidationData: q}}
}

func askAncestors(count uint32) *request {
	q := &runtimeapiv1.Ancestors{Count: count}
	return &request{Kind: &runtimeapiv1.RuntimeApiRequest_Ancestors{Ancestors: q}}
}

func askLast(para uint32) *request {
	return &request{Kind: &runtimeapiv1.RuntimeApiRequest_LastIncluded{
		LastIncluded: &runtimeapiv1.LastIncluded{Para: para}}}
}

// questions are one of each kind.
func questions() []*request {
	return []*request{
		{Kind: &runtimeapiv1.RuntimeApiRequest_Validators{}},
		{Kind: &runtimeapiv1.RuntimeApiRequest_SigningContext{}},
		askCode(100, 3, nil),
		{Kind: &runtimeapiv1.RuntimeApiRequest_ValidatorGroups{}},
		{Kind: &runtimeapiv1.RuntimeApiRequest_AvailabilityCores{}},
		askData(101, free),
		{Kind: &runtimeapiv1.RuntimeApiRequest_SessionIndexForChild{}},
		{Kind: &runtimeapiv1.RuntimeApiRequest_CheckValidationOutputs{
			CheckValidationOutputs: &runtimeapiv1.CheckValidationOutputs{Para: 100, Outputs: newOutputs()}}},
		{Kind: &runtimeapiv1.RuntimeApiRequest_CandidatePendingAvailability{
			CandidatePendingAvailability: &runtimeapiv1.CandidatePendingAvailability{Para: 100}}},
		{Kind: &runtimeapiv1.RuntimeApiRequest_CandidateEvents{}},
		{Kind: &runtimeapiv1.RuntimeApiRequest_ValidationCodeByHash{
			ValidationCodeByHash: &runtimeapiv1.ValidationCodeByHash{Hash: make([]byte, 32)}}},
		headerQuestion,
		askAncestors(300),
		askLast(100),
	}
}

// answersAt are the answers to all of them.
func (m *machine) answersAt(b *block) (all []string) {
	m.t.Helper()
	for _, q := range questions() {
		a, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.ask(b, q))
		if err != nil {
			m.t.Fatal(err)
		}
		all = append(all, string(a))
	}
	return all
}

// A restart, after which an undecided block is shown again, changes no answer about any block.
func TestEveryAnswerIsTheSameAfterARestart(t *testing.T) {
	n := startNetwork(t, 4, func(g *Genesis) { g.Configuration.SessionLength = 5 })
	blocks := []*block{n.last}
	step := func(f func()) { f(); blocks = append(blocks, n.last) }
	step(func() { n.next(offers(n.made(100, free, "head 1", nil))) })
	step(func() { n.available(0, 3, n.made(100, included, "head 2", nil)) })
	step(func() { n.available(0, 2) })
	for range 9 {
		step(func() { n.next(nil) })
	}
	var before [][]string
	for _, b := range blocks {
		before = append(before, n.answersAt(b))
	}
	n.launch(n.genesis)
	for i, b := range blocks {
		if diff := cmp.Diff(before[i], n.answersAt(b)); diff != "" {
			t.Errorf("block %d: (-before +after)\n%s", i, diff)
		}
	}
	n.grow(2)
}

func TestAQuestionAboutAnUndecidedBlockIsAnswered(t *testing.T) {
	n := startNetwork(t, 4, nil)
	c := n.in(raw(t, offers(n.made(100, free, "head 1", nil))))
	built, err := n.vm.BuildBlock(ctx, n.last, c)
	if err != nil {
		t.Fatal(err)
	}
	b := built.(*block)
	if _, _, err := n.answered(b, headerQuestion); !errors.Is(err, vmsdk.ErrNotFound) {
		t.Errorf("a block that nobody has verified: %v", err)
	}
	if err := b.Verify(ctx, n.last, c); err != nil {
		t.Fatal(err)
	}
	a := n.ask(b, &request{Kind: &runtimeapiv1.RuntimeApiRequest_CandidateEvents{}})
	events := a.GetCandidateEvents().GetEvents()
	if len(events) != 1 || events[0].GetKind() != runtimeapiv1.CandidateEvent_KIND_BACKED ||
		string(events[0].GetHeadData()) != "head 1" {
		t.Errorf("%v", events)
	}
	header := n.ask(b, headerQuestion).GetBlockHeader().GetHeader()
	if header.GetNumber() != 1 || vmsdk.ID(header.GetHash()) != consensus(b) ||
		vmsdk.ID(header.GetParent()) != consensus(n.last) {
		t.Errorf("%v", header)
	}
	if err := b.Reject(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.answered(b, headerQuestion); !errors.Is(err, vmsdk.ErrNotFound) {
		t.Errorf("a block that lost: %v", err)
	}
}

func TestTheStatesOfTheLastBlocksAreKeptAndOlderOnesAreSaidToBePruned(t *testing.T) {
	n := startNetwork(t, 1, nil)
	genesis := n.last
	n.next(nil)
	first := n.last
	for n.last.Height() < maxKept {
		n.next(nil)
	}
	look := func(when string) {
		var pruned *vmsdk.UnavailableError
		if _, _, err := n.answered(genesis, headerQuestion); !errors.As(err, &pruned) {
			t.Errorf("%s, a state that isn't kept: %v", when, err)
		}
		if _, _, err := n.answered(first, headerQuestion); err != nil {
			t.Errorf("%s, the oldest that is kept: %v", when, err)
		}
		if got := len(n.vm.kept.blocks); got != maxKept {
			t.Errorf("%s, %d are kept", when, got)
		}
	}
	look("before a restart")
	n.launch(n.genesis)
	look("after a restart")
	hashes := n.ask(n.last, askAncestors(4096)).GetAncestors().GetHashes()
	if len(hashes) != maxKept || vmsdk.ID(hashes[len(hashes)-1]) != consensus(genesis) {
		t.Errorf("%d ancestors", len(hashes))
	}
}

func TestWhatIsNoQuestionIsRefused(t *testing.T) {
	n := startNetwork(t, 1, nil)
	for name, q := range map[string]*request{
		"no assumption": askData(100, 0),
		"a short hash":  {Kind: &runtimeapiv1.RuntimeApiRequest_ValidationCodeByHash{}},
		"no outputs":    {Kind: &runtimeapiv1.RuntimeApiRequest_CheckValidationOutputs{}},
		"too many":      askAncestors(4097),
	} {
		var invalid *vmsdk.InvalidError
		if _, _, err := n.answered(n.last, q); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var unimplemented *vmsdk.UnimplementedError
	if _, _, err := n.answered(n.last, &request{}); !errors.As(err, &unimplemented) {
		t.Errorf("a question of the future: %v", err)
	}
	if _, err := n.vm.QueryRuntime(ctx, vmsdk.RuntimeBlock{ID: n.last.ID()}, []byte{0xff}); err == nil {
		t.Error("bytes that are no question")
	}
	for _, q := range []*request{askCode(9, 0, nil), askData(9, free)} {
		if _, _, err := n.answered(n.last, q); err != nil {
			t.Errorf("what doesn't exist is an answer: %v", err)
		}
	}
}

func newOutputs() *primitivesv1.CandidateCommitments {
	return &primitivesv1.CandidateCommitments{HeadData: []byte("head")}
}

func TestTheValidatorsOfFewEarlierSessionsAreKnown(t *testing.T) {
	n := startNetwork(t, 2, func(g *Genesis) { g.Configuration.SessionLength = 1 })
	n.grow(keptSets + 3)
	w := n.last.after.world
	if now := w.session.Index; len(w.sets) != keptSets || w.validators(now-keptSets) == nil ||
		w.validators(now-keptSets-1) != nil || w.validators(now+1) != nil {
		t.Errorf("in session %d there are %d sets", now, len(w.sets))
	}
	for back, want := range map[uint32]int{0: 2, keptSets: 2, keptSets + 1: 0} {
		session := w.session.Index - back
		a := n.ask(n.last, &request{Kind: &runtimeapiv1.RuntimeApiRequest_Validators{
			Validators: &runtimeapiv1.Validators{Session: &session}}})
		if got := len(a.GetValidators().GetValidators()); got != want {
			t.Errorf("of %d sessions ago %d validators are told, not %d", back, got, want)
		}
	}
}

func TestABlockIsBoundedInBytes(t *testing.T) {
	n := startNetwork(t, 1, nil)
	for i, u := range Uploads(make([]byte, 20*MaxPart)) {
		if _, errs := n.vm.Submit(NewTx(chainID, alice, uint64(i), u).Bytes()); errs[0] != nil {
			t.Fatal(errs[0])
		}
	}
	n.next(nil)
	if size := len(n.last.Bytes()); size > maxBlockBytes+1024 || size < maxBlockBytes-MaxPart-1024 {
		t.Errorf("a block of %d bytes", size)
	}
	_, err := parseBlock(append(n.last.Bytes(), make([]byte, maxBlockBytes)...))
	contains(t, "a longer one", err, "a block of")
	n.next(nil)
	if got := n.vm.pool.Len(); got != 0 {
		t.Errorf("%d transactions are left", got)
	}
}
