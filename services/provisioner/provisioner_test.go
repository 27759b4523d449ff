package provisioner

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

var parent = primitives.HashOf([]byte("parent"))

func start(t *testing.T) *overseertest.Overseer {
	o := overseertest.Start(t, Spec(Config{Chain: "relay"}))
	o.On("relay")
	o.StartWork(parent[:], nil, 4)
	return o
}

func bitfield(validator uint32, set ...uint32) *provisionerv1.ProvisionableData {
	b := parachain.SignedBitfield{Validator: validator, Cores: primitives.NewBits(8, set...)}
	return &provisionerv1.ProvisionableData{RelayParent: parent[:],
		Kind: &provisionerv1.ProvisionableData_Bitfield{Bitfield: parachain.BitfieldMessage(b)}}
}

func backed(head string) *provisionerv1.ProvisionableData {
	b := &primitivesv1.BackedCandidate{Receipt: &primitivesv1.CommittedCandidateReceipt{
		Commitments: &primitivesv1.CandidateCommitments{HeadData: []byte(head)}}}
	return &provisionerv1.ProvisionableData{RelayParent: parent[:],
		Kind: &provisionerv1.ProvisionableData_BackedCandidate{BackedCandidate: b}}
}

func report(session uint32) *provisionerv1.ProvisionableData {
	r := &misbehaviorv1.MisbehaviorReport{Context: &primitivesv1.SigningContext{Session: session, Parent: parent[:]}}
	return &provisionerv1.ProvisionableData{RelayParent: parent[:],
		Kind: &provisionerv1.ProvisionableData_MisbehaviorReport{MisbehaviorReport: r}}
}

func dispute(validator uint32) *provisionerv1.ProvisionableData {
	return &provisionerv1.ProvisionableData{RelayParent: parent[:],
		Kind: &provisionerv1.ProvisionableData_Dispute{Dispute: &primitivesv1.Dispute{Validator: validator}}}
}

func give(o *overseertest.Overseer, pieces ...*provisionerv1.ProvisionableData) {
	for _, d := range pieces {
		o.Send("bitfield-distribution", d)
	}
}

func ask(o *overseertest.Overseer) *overseertest.Answer {
	return o.Ask("engine", &provisionerv1.RequestInherentData{RelayParent: parent[:]})
}

// trying is the next dry run: what the VM is offered, and the way to answer.
func trying(t *testing.T, o *overseertest.Overseer) (*provisionerv1.InherentData, overseertest.Sent) {
	t.Helper()
	q, sent := overseertest.Expect[*pluginv1.CheckInherentRequest](o)
	data := &provisionerv1.InherentData{}
	if err := proto.Unmarshal(q.GetInherent(), data); err != nil || sent.Chain != "relay" {
		t.Fatal(err, sent.Chain)
	}
	return data, sent
}

func usable(d *provisionerv1.InherentData) *pluginv1.CheckInherentResponse {
	b, _ := proto.Marshal(d)
	return &pluginv1.CheckInherentResponse{Usable: b}
}

func inherentIn(t *testing.T, a *overseertest.Answer) *provisionerv1.RequestInherentDataResponse {
	t.Helper()
	return overseertest.Must[*provisionerv1.RequestInherentDataResponse](t, a)
}

func TestEveryVariantIsHandled(t *testing.T) {
	overseertest.Exhaustive(t, Spec(Config{Chain: "relay"}))
}

func TestTheAuthorGetsWhatTheVMHasTried(t *testing.T) {
	o := start(t)
	give(o, bitfield(2, 1), bitfield(0, 1), backed("a"), backed("b"), report(1), dispute(3))
	a := ask(o)
	offered, run := trying(t, o)
	if parts(offered) != 6 || offered.GetBitfields()[0].GetValidator() != 0 {
		t.Errorf("offered: %v", offered)
	}
	offered.BackedCandidates = offered.GetBackedCandidates()[:1] // the VM has no room for the other
	run.Reply(usable(offered))
	r := inherentIn(t, a)
	if diff := cmp.Diff(offered, r.GetInherent(), protocmp.Transform()); diff != "" ||
		r.GetShortfall() != provisionerv1.RequestInherentDataResponse_SHORTFALL_PARTS_REFUSED {
		t.Error(r.GetShortfall(), diff)
	}
	if r := inherentIn(t, ask(o)); parts(r.GetInherent()) != 5 { // nothing has come since: the outcome holds
		t.Error(r)
	}
	o.ExpectNothing()
	give(o, bitfield(1, 1))
	ask(o)
	if offered, _ := trying(t, o); parts(offered) != 7 {
		t.Errorf("offered: %v", offered)
	}
}

// One bitfield per validator: the one with most bits, the first of equals.
func TestOneBitfieldPerValidatorTheOneThatSaysMost(t *testing.T) {
	o := start(t)
	give(o, bitfield(0, 1), bitfield(0, 1, 2), bitfield(0, 3, 4), bitfield(0))
	ask(o)
	offered, _ := trying(t, o)
	if len(offered.GetBitfields()) != 1 {
		t.Fatalf("offered: %v", offered)
	}
	if b, _ := parachain.Bitfield(offered.GetBitfields()[0]); !b.Cores.Has(1) || !b.Cores.Has(2) {
		t.Errorf("chosen: %v", b.Cores.Ones())
	}
}

func TestTheSamePieceTwiceIsOnePiece(t *testing.T) {
	o := start(t)
	give(o, backed("a"), backed("a"), report(1), report(1), dispute(1), dispute(1))
	ask(o)
	if offered, _ := trying(t, o); parts(offered) != 3 {
		t.Errorf("offered: %v", offered)
	}
}

// An empty inherent is always valid, and it is what there is when there is nothing, or nobody who could try it.
func TestEmptyWhenItMust(t *testing.T) {
	o := start(t)
	if r := inherentIn(t, ask(o)); parts(r.GetInherent()) != 0 ||
		r.GetShortfall() != provisionerv1.RequestInherentDataResponse_SHORTFALL_UNSPECIFIED {
		t.Errorf("nothing has come: %v", r)
	}
	give(o, backed("a"))
	for name, c := range map[string]struct {
		vm   func(overseertest.Sent)
		want provisionerv1.RequestInherentDataResponse_Shortfall
		well bool
	}{
		"the VM is away": {func(s overseertest.Sent) { s.Fail(subsystem.Unavailable, "away") },
			provisionerv1.RequestInherentDataResponse_SHORTFALL_RUNTIME_UNAVAILABLE, false},
		"the VM is slow": {func(overseertest.Sent) { o.Advance(trialTimeout) },
			provisionerv1.RequestInherentDataResponse_SHORTFALL_OUT_OF_TIME, false},
		"the VM fails": {func(s overseertest.Sent) {
			s.Reply(&pluginv1.CheckInherentResponse{Error: &pluginv1.Error{Kind: &pluginv1.Error_Busy{}}})
		}, provisionerv1.RequestInherentDataResponse_SHORTFALL_RUNTIME_UNAVAILABLE, false},
		"the VM refuses all": {func(s overseertest.Sent) {
			s.Reply(&pluginv1.CheckInherentResponse{Error: &pluginv1.Error{Kind: &pluginv1.Error_InvalidBlock{
				InvalidBlock: &pluginv1.InvalidBlock{Reason: "no"}}}})
		}, provisionerv1.RequestInherentDataResponse_SHORTFALL_PARTS_REFUSED, true},
		"the VM adds something": {func(s overseertest.Sent) {
			s.Reply(usable(&provisionerv1.InherentData{Disputes: make([]*primitivesv1.Dispute, 99)}))
		}, provisionerv1.RequestInherentDataResponse_SHORTFALL_RUNTIME_UNAVAILABLE, false},
	} {
		give(o, dispute(uint32(len(name))), dispute(uint32(1000+len(name)))) // something new, so that it is tried again
		a := ask(o)
		_, run := trying(t, o)
		c.vm(run)
		if r := inherentIn(t, a); parts(r.GetInherent()) != 0 || r.GetShortfall() != c.want {
			t.Errorf("%s: %v", name, r)
		}
		if (o.Trouble("dry-run") == "") != c.well {
			t.Errorf("%s: %q", name, o.Trouble("dry-run"))
		}
	}
	o.StopWork(parent[:])
	if r := inherentIn(t, ask(o)); parts(r.GetInherent()) != 0 ||
		r.GetShortfall() != provisionerv1.RequestInherentDataResponse_SHORTFALL_RELAY_PARENT_INACTIVE {
		t.Errorf("no leaf: %v", r)
	}
}

// Those who may build hear of each piece once: what has come first, and then what comes, until the leaf ends.
func TestAuthorsHearOfEachPieceOnce(t *testing.T) {
	o := start(t)
	give(o, bitfield(0, 1), backed("a"))
	a := o.Ask("engine", &provisionerv1.RequestBlockAuthorshipData{RelayParent: parent[:]})
	give(o, backed("a"), backed("b"))
	if len(a.Items) != 3 || a.Done {
		t.Errorf("%d pieces, ended: %t", len(a.Items), a.Done)
	}
	o.StopWork(parent[:])
	if !a.Done || a.Err != nil {
		t.Errorf("the leaf ended, and the stream: %t, %v", a.Done, a.Err)
	}
	if b := o.Ask("engine", &provisionerv1.RequestBlockAuthorshipData{RelayParent: parent[:]}); !b.Done || b.Err != nil {
		t.Errorf("for a block that is no leaf: %t, %v", b.Done, b.Err)
	}
}

func TestDataForABlockThatIsNoLeafIsDropped(t *testing.T) {
	o := start(t)
	stray := backed("a")
	stray.RelayParent = make([]byte, 32)
	give(o, stray)
	if o.Number("strays") != 1 {
		t.Error("it isn't counted")
	}
	if r := inherentIn(t, ask(o)); parts(r.GetInherent()) != 0 {
		t.Errorf("it is offered: %v", r)
	}
}

func TestALeafKeepsSoMuchAndNoMore(t *testing.T) {
	for name, c := range map[string]struct {
		most int
		make func(i int) *provisionerv1.ProvisionableData
	}{
		"candidates": {maxCandidates, func(i int) *provisionerv1.ProvisionableData { return backed(fmt.Sprint(i)) }},
		"reports":    {maxReports, func(i int) *provisionerv1.ProvisionableData { return report(uint32(i)) }},
		"disputes":   {maxDisputes, func(i int) *provisionerv1.ProvisionableData { return dispute(uint32(i)) }},
		"bitfields":  {maxValidators, func(i int) *provisionerv1.ProvisionableData { return bitfield(uint32(i), 1) }},
	} {
		j, n := newJob(parent), 0
		for i := range c.most + 10 {
			if j.take(c.make(i)) == taken {
				n++
			}
		}
		if n != c.most {
			t.Errorf("%s: %d are kept", name, n)
		}
	}
	j, big := newJob(parent), string(make([]byte, maxBytes/4))
	for i := range 10 {
		j.take(backed(fmt.Sprint(i) + big))
	}
	if j.bytes > maxBytes {
		t.Errorf("%d bytes", j.bytes)
	}
}

func TestManyWatchersAndAuthorsAreRefused(t *testing.T) {
	o := start(t)
	give(o, backed("a"))
	for range maxWatchers {
		o.Ask("engine", &provisionerv1.RequestBlockAuthorshipData{RelayParent: parent[:]})
	}
	a := o.Ask("engine", &provisionerv1.RequestBlockAuthorshipData{RelayParent: parent[:]})
	if subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Errorf("one watcher more: %v", a.Err)
	}
	a.Cancel()
	for range maxAuthors {
		ask(o)
	}
	if a := ask(o); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Errorf("one author more: %v", a.Err)
	}
	o.Advance(time.Minute)
}
