package runtimeapi

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

var (
	block   = primitives.HashOf([]byte("block"))
	session = &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_SessionIndexForChild{
		SessionIndexForChild: &runtimeapiv1.SessionIndexForChild{}}}
	byHash = &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_ValidationCodeByHash{
		ValidationCodeByHash: &runtimeapiv1.ValidationCodeByHash{Hash: block[:]}}}
)

func start(t *testing.T) *overseertest.Overseer {
	return overseertest.Start(t, Spec(Config{Chain: "relay"}))
}

func ask(o *overseertest.Overseer, of primitives.Hash, q *runtimeapiv1.RuntimeApiRequest) *overseertest.Answer {
	return o.Ask("candidate-backing", &runtimeapiv1.Request{RelayParent: of[:], Request: q})
}

// vm answers the next question to the VM, which must be about the block.
func vm(t *testing.T, o *overseertest.Overseer, of primitives.Hash, r *pluginv1.QueryRuntimeResponse) {
	t.Helper()
	q, sent := overseertest.Expect[*pluginv1.QueryRuntimeRequest](o)
	if string(q.GetBlockId()) != string(of[:]) || sent.Chain != "relay" {
		t.Fatalf("the VM of %q is asked about %x", sent.Chain, q.GetBlockId())
	}
	sent.Reply(r)
}

func sessionIs(n uint32) *pluginv1.QueryRuntimeResponse {
	return response(&runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
		SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: n}}})
}

func response(a *runtimeapiv1.RuntimeApiAnswer) *pluginv1.QueryRuntimeResponse {
	b, _ := proto.Marshal(a)
	return &pluginv1.QueryRuntimeResponse{Response: b}
}

func answerOf(t *testing.T, a *overseertest.Answer) *runtimeapiv1.RuntimeApiAnswer {
	t.Helper()
	r := overseertest.Must[*runtimeapiv1.RequestResponse](t, a)
	if r.GetError() != nil {
		t.Fatal(r.GetError())
	}
	return r.GetAnswer()
}

func codeIn(t *testing.T, a *overseertest.Answer) runtimeapiv1.RuntimeApiError_Code {
	t.Helper()
	return overseertest.Must[*runtimeapiv1.RequestResponse](t, a).GetError().GetCode()
}

func TestEveryVariantIsHandled(t *testing.T) {
	overseertest.Exhaustive(t, Spec(Config{Chain: "relay"}))
}

func TestOneQuestionToTheVMForAllWhoAskTheSame(t *testing.T) {
	o := start(t)
	first, second := ask(o, block, session), ask(o, block, session)
	vm(t, o, block, sessionIs(7))
	o.ExpectNothing()
	for _, a := range []*overseertest.Answer{first, second, ask(o, block, session)} {
		if n := answerOf(t, a).GetSessionIndexForChild().GetSession(); n != 7 {
			t.Errorf("session %d", n)
		}
	}
	o.ExpectNothing()
	other := primitives.HashOf([]byte("a fork"))
	a := ask(o, other, session)
	vm(t, o, other, sessionIs(8))
	if n := answerOf(t, a).GetSessionIndexForChild().GetSession(); n != 8 {
		t.Errorf("another block's state answers: session %d", n)
	}
}

func TestErrorsSayWhatToDoAndAreNotRemembered(t *testing.T) {
	o := start(t)
	for name, c := range map[string]struct {
		vm   *pluginv1.Error
		want runtimeapiv1.RuntimeApiError_Code
	}{
		"unknown block": {&pluginv1.Error{Kind: &pluginv1.Error_NotFound{NotFound: &pluginv1.NotFound{}}},
			runtimeapiv1.RuntimeApiError_CODE_UNKNOWN_BLOCK},
		"pruned state": {&pluginv1.Error{Kind: &pluginv1.Error_Pruned{Pruned: &pluginv1.Pruned{}}},
			runtimeapiv1.RuntimeApiError_CODE_PRUNED_STATE},
		"no runtime": {&pluginv1.Error{Kind: &pluginv1.Error_Unimplemented{Unimplemented: &pluginv1.Unimplemented{}}},
			runtimeapiv1.RuntimeApiError_CODE_UNSUPPORTED},
		"no VM": {&pluginv1.Error{Kind: &pluginv1.Error_Unavailable{Unavailable: &pluginv1.Unavailable{}}},
			runtimeapiv1.RuntimeApiError_CODE_VM_FAILED},
		"busy": {&pluginv1.Error{Kind: &pluginv1.Error_Busy{Busy: &pluginv1.Busy{}}},
			runtimeapiv1.RuntimeApiError_CODE_VM_FAILED},
	} {
		a := ask(o, block, session)
		vm(t, o, block, &pluginv1.QueryRuntimeResponse{Error: c.vm})
		if got := codeIn(t, a); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	a := ask(o, block, session)
	_, sent := overseertest.Expect[*pluginv1.QueryRuntimeRequest](o)
	sent.Fail(subsystem.TimedOut, "no answer")
	if got := codeIn(t, a); got != runtimeapiv1.RuntimeApiError_CODE_VM_FAILED {
		t.Error(got)
	}
	if o.Trouble("relay-chain") == "" {
		t.Error("it calls itself well")
	}
	a = ask(o, block, session)
	vm(t, o, block, sessionIs(1))
	if answerOf(t, a); o.Trouble("relay-chain") != "" {
		t.Error("what was broken is mended, and it doesn't say so")
	}
}

func TestAVMThatTalksNonsenseHasFailed(t *testing.T) {
	o := start(t)
	for name, r := range map[string]*pluginv1.QueryRuntimeResponse{
		"nothing":          {},
		"bytes":            {Response: []byte{0xff, 0xff}},
		"another question": response(&runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_Ancestors{}}),
	} {
		a := ask(o, block, session)
		vm(t, o, block, r)
		if got := codeIn(t, a); got != runtimeapiv1.RuntimeApiError_CODE_VM_FAILED {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAQuestionThatIsNoneIsABadRequest(t *testing.T) {
	o := start(t)
	for _, q := range []*runtimeapiv1.Request{
		{}, {RelayParent: block[:]}, {RelayParent: []byte{1}, Request: session},
	} {
		if got := codeIn(t, o.Ask("provisioner", q)); got != runtimeapiv1.RuntimeApiError_CODE_BAD_REQUEST {
			t.Error(got)
		}
	}
	o.ExpectNothing()
}

func TestABlocksHeaderHasTheNameUnderWhichItWasAskedFor(t *testing.T) {
	o := start(t)
	a := ask(o, block, &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_BlockHeader{
		BlockHeader: &runtimeapiv1.BlockHeader{}}})
	vm(t, o, block, response(&runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_BlockHeader{
		BlockHeader: &runtimeapiv1.BlockHeaderAnswer{Header: &primitivesv1.BlockHeader{Number: 3, Hash: []byte("vm's")}}}}))
	h := answerOf(t, a).GetBlockHeader().GetHeader()
	if string(h.GetHash()) != string(block[:]) || h.GetNumber() != 3 {
		t.Error(h)
	}
}

// Code is held in the blob store for as long as an answer that names it may come from memory.
func TestCodeStaysAsLongAsAnAnswerNamesIt(t *testing.T) {
	o := start(t)
	code, err := o.Blobs.Put("vm of relay", []byte("code"), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	answer := response(&runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_ValidationCodeByHash{
		ValidationCodeByHash: &runtimeapiv1.ValidationCodeByHashAnswer{Code: code}}})
	a := ask(o, block, byHash)
	vm(t, o, block, answer)
	answerOf(t, a)
	o.Advance(codeKept - time.Second)
	answerOf(t, ask(o, block, byHash))
	o.ExpectNothing()
	if _, err := o.Blobs.Get(code, 0, -1); err != nil {
		t.Errorf("the code is gone: %v", err)
	}
	o.Advance(2 * time.Second)
	a = ask(o, block, byHash)
	vm(t, o, block, answer) // it is asked for again
	answerOf(t, a)
}

func TestAnswersOfManyBlocksStayWithinTheirRoom(t *testing.T) {
	o := start(t)
	for i := range maxBlocks + 10 {
		b := primitives.HashOf([]byte(fmt.Sprint(i)))
		a := ask(o, b, session)
		vm(t, o, b, sessionIs(uint32(i)))
		answerOf(t, a)
	}
	if n := o.Number("blocks"); n != maxBlocks {
		t.Errorf("answers of %d blocks are remembered", n)
	}
	var c cache
	big := &runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_CandidatePendingAvailability{
		CandidatePendingAvailability: &runtimeapiv1.CandidatePendingAvailabilityAnswer{
			Receipt: &primitivesv1.CommittedCandidateReceipt{Commitments: &primitivesv1.CandidateCommitments{
				HeadData: make([]byte, maxCached/3)}}}}}
	for i := range 20 {
		c.put(key{block: primitives.HashOf([]byte(fmt.Sprint(i)))}, big, time.Time{}.Add(never))
		if c.bytes > maxCached {
			t.Fatalf("%d bytes are remembered", c.bytes)
		}
	}
}

func TestAFloodOfQuestionsIsRefusedWhileTheVMIsSlow(t *testing.T) {
	o := start(t)
	for i := range maxFlights {
		ask(o, primitives.HashOf([]byte(fmt.Sprint(i))), session)
	}
	if a := ask(o, block, session); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Errorf("one more: %v", a.Err)
	}
	of := primitives.HashOf([]byte("0"))
	for range maxWaiting - 1 {
		ask(o, of, session)
	}
	if a := ask(o, of, session); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Errorf("one more who waits: %v", a.Err)
	}
}
