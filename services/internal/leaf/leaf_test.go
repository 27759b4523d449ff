package leaf_test

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

var block = primitives.HashOf([]byte("a leaf"))

// learner is a subsystem that learns all there is about each leaf of the chain "relay".
type learner struct {
	sub    *subsystem.Sub
	jobs   leaf.Jobs[func()]
	facts  []*leaf.Facts
	errors []error
}

const all = leaf.Validators | leaf.Groups | leaf.Cores | leaf.Session | leaf.Own

func (l *learner) Signal(sig *overseerv1.Signal) {
	l.jobs.Signal(sig, func(b leaf.Leaf) func() {
		return leaf.Ask(l.sub, b.Hash, all, func(f *leaf.Facts, err error) {
			l.facts, l.errors = append(l.facts, f), append(l.errors, err)
		})
	}, func(_ primitives.Hash, cancel func()) { cancel() })
}

func (l *learner) Handle(m *subsystem.Message) { m.Unknown() }

func start(t *testing.T) (*overseertest.Overseer, *learner) {
	l := &learner{jobs: leaf.Jobs[func()]{Chain: "relay"}}
	o := overseertest.Start(t, subsystem.Spec{
		Name: "bitfield-signing", Asks: leaf.Asks(all),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { l.sub = sub; return l, nil },
	})
	o.On("relay")
	return o, l
}

// answers gives one answer to each of the four questions, and the key.
func answers(o *overseertest.Overseer, key string) {
	for range 4 {
		q, sent := overseertest.Expect[*runtimeapiv1.Request](o)
		a := &runtimeapiv1.RuntimeApiAnswer{}
		switch q.GetRequest().GetKind().(type) {
		case *runtimeapiv1.RuntimeApiRequest_Validators:
			a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: &runtimeapiv1.ValidatorsAnswer{
				Validators: []*primitivesv1.Validator{{PublicKey: []byte("one")}, {PublicKey: []byte("two")}}}}
		case *runtimeapiv1.RuntimeApiRequest_ValidatorGroups:
			a.Kind = &runtimeapiv1.RuntimeApiAnswer_ValidatorGroups{ValidatorGroups: &runtimeapiv1.ValidatorGroupsAnswer{
				Groups:   []*primitivesv1.ValidatorGroup{{Validators: []uint32{1, 0}}},
				Rotation: &primitivesv1.GroupRotationInfo{SessionStartBlock: 2, GroupRotationFrequency: 3, Now: 9}}}
		case *runtimeapiv1.RuntimeApiRequest_AvailabilityCores:
			a.Kind = &runtimeapiv1.RuntimeApiAnswer_AvailabilityCores{AvailabilityCores: &runtimeapiv1.AvailabilityCoresAnswer{
				Cores: []*primitivesv1.CoreState{{}}}}
		case *runtimeapiv1.RuntimeApiRequest_SessionIndexForChild:
			a.Kind = &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
				SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: 5}}
		}
		sent.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: a}})
	}
	_, sent := overseertest.Expect[*keystorev1.PublicKeys](o)
	sent.Reply(&keystorev1.PublicKeysResponse{Keys: []*keystorev1.PublicKey{{Purpose: "validator", Key: []byte(key)}}})
}

func TestFactsOfALeaf(t *testing.T) {
	for name, own := range map[string]int{"two": 1, "somebody else": -1} {
		o, l := start(t)
		o.StartWork(block[:], nil, 9)
		answers(o, name)
		if len(l.facts) != 1 || l.errors[0] != nil {
			t.Fatalf("%v, %v", l.facts, l.errors)
		}
		f := l.facts[0]
		if f.Own != own || f.Session != 5 || len(f.Groups) != 1 || f.Rotation.Now != 9 || len(f.Cores) != 1 ||
			f.RelayParent != block {
			t.Errorf("%+v", f)
		}
	}
}

// fail answers the four questions with an error, and the key.
func fail(o *overseertest.Overseer, code runtimeapiv1.RuntimeApiError_Code) {
	for range 4 {
		_, sent := overseertest.Expect[*runtimeapiv1.Request](o)
		sent.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
			Error: &runtimeapiv1.RuntimeApiError{Code: code}}})
	}
	_, sent := overseertest.Expect[*keystorev1.PublicKeys](o)
	sent.Reply(&keystorev1.PublicKeysResponse{})
}

func TestWhatMayPassIsAskedAgainAndTheRestIsNot(t *testing.T) {
	o, l := start(t)
	o.StartWork(block[:], nil, 9)
	fail(o, runtimeapiv1.RuntimeApiError_CODE_UNKNOWN_BLOCK)
	if len(l.facts) != 0 {
		t.Fatal("it gave up")
	}
	o.Advance(time.Second)
	answers(o, "one")
	if len(l.facts) != 1 || l.errors[0] != nil || l.facts[0].Own != 0 {
		t.Fatalf("%v, %v", l.facts, l.errors)
	}

	o, l = start(t)
	o.StartWork(block[:], nil, 9)
	fail(o, runtimeapiv1.RuntimeApiError_CODE_PRUNED_STATE)
	if len(l.errors) != 1 || l.errors[0] == nil {
		t.Fatalf("%v, %v", l.facts, l.errors)
	}
}

func TestALeafThatEndsIsAskedAboutNoMore(t *testing.T) {
	o, l := start(t)
	o.StartWork(block[:], nil, 9)
	fail(o, runtimeapiv1.RuntimeApiError_CODE_VM_FAILED)
	o.StopWork(block[:])
	o.Advance(time.Minute)
	o.ExpectNothing()
	if l.jobs.Len() != 0 || len(l.facts) != 0 {
		t.Errorf("%d jobs, %v", l.jobs.Len(), l.facts)
	}
}

func TestOtherChainsMeanNothing(t *testing.T) {
	o, l := start(t)
	o.On("kv")
	o.StartWork(block[:], nil, 9)
	o.ExpectNothing()
	if _, known := l.jobs.Get(block[:]); known {
		t.Error("a job for another chain's leaf")
	}
}
