package runtimeapi

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reevenet/reeve/overseer/overseertest"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// only has one kind set, which is empty.
func only[M proto.Message](m M, kind protoreflect.FieldDescriptor) M {
	m.ProtoReflect().Set(kind, m.ProtoReflect().NewField(kind))
	return m
}

// Every question passes, its answer is of its own kind, and it is remembered; an answer of another kind is none.
func TestEachKindOfQuestionHasItsAnswer(t *testing.T) {
	questions := kindField(&runtimeapiv1.RuntimeApiRequest{}).Fields()
	answers := kindField(&runtimeapiv1.RuntimeApiAnswer{}).Fields()
	if questions.Len() != answers.Len() {
		t.Fatalf("%d kinds of questions, %d of answers", questions.Len(), answers.Len())
	}
	for i := range questions.Len() {
		o, kind := start(t), answers.ByName(questions.Get(i).Name())
		if kind == nil {
			t.Fatalf("%s has no answer", questions.Get(i).Name())
		}
		q := only(&runtimeapiv1.RuntimeApiRequest{}, questions.Get(i))
		other := answers.ByName(questions.Get((i + 1) % questions.Len()).Name())
		a := ask(o, block, q)
		vm(t, o, block, response(only(&runtimeapiv1.RuntimeApiAnswer{}, other)))
		if got := codeIn(t, a); got != runtimeapiv1.RuntimeApiError_CODE_VM_FAILED {
			t.Errorf("%s is answered by %s: %v", kind.Name(), other.Name(), got)
		}
		a = ask(o, block, q)
		vm(t, o, block, response(only(&runtimeapiv1.RuntimeApiAnswer{}, kind)))
		for _, a := range []*overseertest.Answer{a, ask(o, block, q)} {
			if got := answerOf(t, a); !got.ProtoReflect().Has(kind) {
				t.Errorf("%s: %v", kind.Name(), got)
			}
		}
		o.ExpectNothing()
	}
}

// A block that isn't known may come, and one that is final is asked about as one that isn't: what is true after a block
// doesn't change when it is no leaf any more.
func TestABlockOnItsWayFromUnknownToFinal(t *testing.T) {
	o := start(t)
	o.On("relay")
	a := ask(o, block, session)
	vm(t, o, block, &pluginv1.QueryRuntimeResponse{Error: &pluginv1.Error{Kind: &pluginv1.Error_NotFound{}}})
	if got := codeIn(t, a); got != runtimeapiv1.RuntimeApiError_CODE_UNKNOWN_BLOCK {
		t.Error(got)
	}
	o.StartWork(block[:], nil, 1)
	a = ask(o, block, session)
	vm(t, o, block, sessionIs(3))
	answerOf(t, a)
	o.StopWork(block[:])
	o.Finalized(block[:], 1)
	if n := answerOf(t, ask(o, block, session)).GetSessionIndexForChild().GetSession(); n != 3 {
		t.Errorf("session %d", n)
	}
	o.ExpectNothing()
}

// T13: no question is without an end, and it comes before the asker's own.
func TestAVMThatNeverAnswersHasFailed(t *testing.T) {
	if vmTimeout >= leaf.Timeout {
		t.Errorf("the VM has %v, and who asks waits %v", vmTimeout, leaf.Timeout)
	}
	o := start(t)
	first, second := ask(o, block, session), ask(o, block, session)
	o.Advance(vmTimeout)
	for _, a := range []*overseertest.Answer{first, second} {
		if got := codeIn(t, a); got != runtimeapiv1.RuntimeApiError_CODE_VM_FAILED {
			t.Error(got)
		}
	}
	if n := o.Number("in-flight"); n != 0 {
		t.Errorf("%d questions are with the VM", n)
	}
}

// T16: what isn't known is answered, and so is what comes after it.
func TestAQuestionOfANewKindStopsNothing(t *testing.T) {
	o, unknown := start(t), &runtimeapiv1.RuntimeApiRequest{}
	if err := proto.Unmarshal([]byte{0xc2, 0x3e, 0}, unknown); err != nil { // field 1000, empty
		t.Fatal(err)
	}
	if got := codeIn(t, ask(o, block, unknown)); got != runtimeapiv1.RuntimeApiError_CODE_BAD_REQUEST {
		t.Error(got)
	}
	a := ask(o, block, session)
	vm(t, o, block, sessionIs(1))
	answerOf(t, a)
}

// Who no longer wants the answer takes nobody else's away.
func TestWhoNoLongerWaitsLetsTheOthersWait(t *testing.T) {
	o := start(t)
	first, second := ask(o, block, session), ask(o, block, session)
	first.Cancel()
	vm(t, o, block, sessionIs(4))
	if n := answerOf(t, second).GetSessionIndexForChild().GetSession(); n != 4 {
		t.Errorf("session %d", n)
	}
}

// Code that can't be held is named all the same, and asked for again.
func TestAnAnswerWhoseCodeIsGoneIsNotRemembered(t *testing.T) {
	o := start(t)
	answer := response(&runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_ValidationCodeByHash{
		ValidationCodeByHash: &runtimeapiv1.ValidationCodeByHashAnswer{
			Code: &primitivesv1.BlobRef{Hash: block[:], Size: 9}}}})
	for range 2 {
		a := ask(o, block, byHash)
		vm(t, o, block, answer)
		answerOf(t, a)
	}
}
