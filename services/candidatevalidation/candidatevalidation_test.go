package candidatevalidation

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/candidatevalidation/guest"
)

func TestItKnowsItsWholeEnum(t *testing.T) {
	overseertest.Exhaustive(t, Spec(Config{Runs: &fakes{}}))
}

func TestACandidateThatYieldsWhatItsReceiptPromisesIsValid(t *testing.T) {
	n := newNode(t, Config{})
	a := n.ask(n.story())
	job := n.fakes.jobs[0]
	params, err := guest.DecodeParams(job.Params)
	want := guest.Params{
		ParentHead: data.ParentHead, RelayParentNumber: 9,
		RelayParentStorageRoot: data.RelayParentStorageRoot, BlockData: pov,
	}
	if err != nil || !cmp.Equal(params, want) || string(job.Code) != string(code) ||
		job.CodeHash != primitives.HashOf(code) {
		t.Error(err, cmp.Diff(want, params))
	}
	n.ends(returns)
	valid := &candidatevalidationv1.Valid{Outputs: parachain.CommitmentsMessage(outputs), CpuMicros: 3000}
	if got := n.reply(a).GetValid(); !proto.Equal(got, valid) {
		t.Error(cmp.Diff(valid, got, protocmp.Transform()))
	}
	if n.Number("valid") != 1 || n.Number("running") != 0 || n.Number("longest-cpu-micros") != 3000 {
		t.Error(n.Status())
	}
}

// What can be told without a run is told while all workers are busy, and the first rule that is broken is the reason.
func TestWhatNeedsNoRunIsDecidedAtOnceAndInThisOrder(t *testing.T) {
	rules := []struct {
		reason candidatevalidationv1.Invalid_Reason
		breaks func(*story)
	}{
		{povTooLarge, func(s *story) { s.pov.Size = 1001 }},
		{povMismatch, func(s *story) { s.descriptor.Collation.PoVHash[0]++ }},
		{codeMismatch, func(s *story) { s.descriptor.Collation.ValidationCodeHash[0]++ }},
		{dataMismatch, func(s *story) { s.descriptor.Collation.PersistedValidationDataHash[0]++ }},
		{badSignature, func(s *story) { s.sign(); s.descriptor.Signature[0]++ }},
		{codeTooLarge, func(s *story) { s.code.Size = 8<<20 + 1 }},
	}
	n := newNode(t, Config{Workers: 1, Waiting: 1})
	busy, waits := n.ask(n.story()), n.ask(n.story())
	for i := range rules {
		var all []func(*story)
		for j := len(rules) - 1; j >= i; j-- { // the earlier rule is broken last, so that a signature fits
			all = append(all, rules[j].breaks)
		}
		q := n.story(all...)
		if i == 4 {
			q = n.story(rules[5].breaks, rules[4].breaks)
		}
		if got := n.invalid(n.ask(q)); got != rules[i].reason {
			t.Errorf("%v, and it should be %v", got, rules[i].reason)
		}
	}
	if len(n.fakes.jobs) != 1 || busy.Done || waits.Done {
		t.Error("a run was needed")
	}
}

func TestAProofMayBeAsLongAsTheRelayChainAllowsAndNoLonger(t *testing.T) {
	n := newNode(t, Config{})
	exact := func(most uint32) func(*story) {
		return func(s *story) {
			s.data.MaxPoVSize = most
			s.descriptor.Collation.PersistedValidationDataHash, _ = s.data.Hash()
		}
	}
	if a := n.ask(n.story(exact(uint32(len(pov))))); a.Done || len(n.fakes.jobs) != 1 {
		t.Error("it wasn't run")
	}
	if got := n.invalid(n.ask(n.story(exact(uint32(len(pov) - 1))))); got != povTooLarge {
		t.Error(got)
	}
}

func TestWhatACodeDoesIsTheSameJudgementEverywhere(t *testing.T) {
	otherHead, otherMessage := outputs, outputs
	otherHead.HeadData = []byte("head 9")
	otherMessage.UpwardMessages = nil
	for name, story := range map[string]struct {
		end    Outcome
		reason candidatevalidationv1.Invalid_Reason
	}{
		"it judges the candidate invalid":    {Outcome{End: Declined}, executionFailed},
		"it traps":                           {Outcome{End: Trapped}, executionFailed},
		"it uses up its fuel":                {Outcome{End: Exhausted}, timedOut},
		"it returns what isn't there":        {Outcome{End: BadReturn}, badReturn},
		"it is too long when it is unpacked": {Outcome{End: TooLarge}, codeTooLarge},
		"it is no module":                    {Outcome{End: Malformed}, codeMalformed},
		"it returns nonsense":                {Outcome{End: Returned, Outputs: []byte("nonsense")}, badReturn},
		"it returns nothing":                 {Outcome{End: Returned}, badReturn},
		"it returns a byte too many": {Outcome{End: Returned, Outputs: append(encoded(outputs), 0)},
			headMismatch},
		"it returns another head":   {Outcome{End: Returned, Outputs: encoded(otherHead)}, headMismatch},
		"it returns other messages": {Outcome{End: Returned, Outputs: encoded(otherMessage)}, commitmentsMiss},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, Config{})
			a := n.ask(n.story())
			story.end.Detail = "as it says \xff"
			n.ends(story.end)
			if got := n.invalid(a); got != story.reason {
				t.Errorf("%v", n.reply(a))
			}
			if n.Trouble("workers") != "" {
				t.Error("it was taken for trouble of this node's")
			}
		})
	}
}

func TestALostWorkersJobIsDoneOnceMore(t *testing.T) {
	for name, story := range map[string]struct {
		first, second Outcome
		invalid       candidatevalidationv1.Invalid_Reason
		fault         candidatevalidationv1.Fault_Reason
	}{
		"and is done": {Outcome{End: Lost}, returns, 0, 0},
		"and the code is to blame when it crashes two": {Outcome{End: Crashed}, Outcome{End: Crashed},
			executionFailed, 0},
		"and nobody is when it is lost again":            {Outcome{End: Lost}, Outcome{End: Lost}, 0, workerLost},
		"and nobody is when one crashes and one is lost": {Outcome{End: Crashed}, Outcome{End: Lost}, 0, workerLost},
		"and nobody is when one is lost and one crashes": {Outcome{End: Lost}, Outcome{End: Crashed}, 0, workerLost},
		"and none can be started": {Outcome{End: Unstarted}, Outcome{End: Unstarted}, 0,
			workerLost},
		"and the code can't be prepared": {Outcome{End: Unprepared}, Outcome{End: Unprepared}, 0,
			unprepared},
		"and then it judges": {Outcome{End: Crashed}, Outcome{End: Declined},
			executionFailed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, Config{})
			a := n.ask(n.story())
			n.ends(story.first)
			n.Advance(499 * time.Millisecond)
			if a.Done || len(n.fakes.jobs) != 1 {
				t.Fatal("no pause was made")
			}
			n.Advance(time.Millisecond)
			n.ends(story.second)
			if n.invalid(a) != story.invalid || n.fault(a) != story.fault || len(n.fakes.jobs) != 2 {
				t.Errorf("%v", n.reply(a))
			}
			if (n.Trouble("workers") != "") != (story.fault != 0) {
				t.Error(n.Trouble("workers"))
			}
		})
	}
}

func TestABlobThatIsMissingOrDamagedIsThisNodesFault(t *testing.T) {
	n := newNode(t, Config{})
	gone := []byte("gone")
	refOf := func(b []byte) func(s *story) {
		return func(s *story) {
			s.descriptor.Collation.PoVHash = primitives.HashOf(b)
			h := primitives.HashOf(b)
			s.pov.Hash, s.pov.Size = h[:], uint64(len(b))
		}
	}
	if got := n.fault(n.ask(n.story(refOf(gone)))); got != missing {
		t.Error(got)
	}
	longer := func(s *story) { s.code.Size++ }
	if got := n.fault(n.ask(n.story(longer))); got != unreadable {
		t.Error(got)
	}
	if n.Number("fetching") != 0 || len(n.fakes.jobs) != 0 {
		t.Error(n.Status())
	}
}

func TestSoManyCandidatesWaitAndNoMore(t *testing.T) {
	n := newNode(t, Config{Workers: 2, Waiting: 3})
	var answers []*overseertest.Answer
	for range 2 + 3 {
		answers = append(answers, n.ask(n.story()))
	}
	if len(n.fakes.jobs) != 2 || n.Number("running") != 2 || n.Number("waiting") != 3 {
		t.Fatal(n.Status())
	}
	if got := n.fault(n.ask(n.story())); got != overloaded {
		t.Error(got)
	}
	for i, a := range answers {
		if a.Done {
			t.Error("answered without a run")
		}
		n.ends(returns)
		if !a.Done || n.reply(a).GetValid() == nil {
			t.Errorf("the %d. has no answer", i)
		}
	}
	if len(n.fakes.jobs) != 5 || n.Number("waiting") != 0 {
		t.Error(n.Status())
	}
}

func TestWhoNoLongerWaitsGetsNoRun(t *testing.T) {
	n := newNode(t, Config{Workers: 1})
	first, second := n.ask(n.story()), n.ask(n.story())
	second.Cancel()
	n.ends(returns)
	if !first.Done || len(n.fakes.jobs) != 1 || n.Number("abandoned") != 1 || n.Number("running") != 0 {
		t.Error(n.Status())
	}
}

func TestCodeIsMadeReadyAheadOfItsCandidatesOneAtATime(t *testing.T) {
	n := newNode(t, Config{})
	for _, c := range [][]byte{code, pov} {
		n.Send("candidate-backing", &candidatevalidationv1.Prepare{ValidationCode: n.put(c)})
	}
	if len(n.fakes.prepared) != 1 || n.fakes.prepared[0] != primitives.HashOf(code) {
		t.Fatal(n.fakes.prepared)
	}
	n.fakes.ready[0](nil)
	n.Step()
	gone := primitives.HashOf([]byte("gone"))
	n.Send("candidate-backing", &candidatevalidationv1.Prepare{
		ValidationCode: &primitivesv1.BlobRef{Hash: gone[:], Size: 4}})
	n.Send("candidate-backing", &candidatevalidationv1.Prepare{ValidationCode: n.put(pov)})
	if len(n.fakes.prepared) != 2 || n.Number("prepared") != 1 {
		t.Error(n.fakes.prepared, n.Status())
	}
}

func TestAQuestionThatIsNoneIsRefused(t *testing.T) {
	n := newNode(t, Config{})
	q := n.story()
	q.Receipt.GetDescriptor_().PovHash = []byte("short")
	if a := n.ask(q); a.Err == nil {
		t.Error("it was answered")
	}
}

func TestTheWorkersEndWithTheSubsystem(t *testing.T) {
	n := newNode(t, Config{})
	n.Conclude()
	if !n.fakes.closed {
		t.Error("the workers go on")
	}
}

// An overseer ends who answers nothing, and with him what he was preparing.
func TestACandidateIsAnsweredInTimeWhileItsCodeIsPreparedForLonger(t *testing.T) {
	n := newNode(t, Config{Workers: 1})
	first, second := n.ask(n.story()), n.ask(n.story())
	n.Advance(answerTime)
	for i, a := range []*overseertest.Answer{first, second} {
		r := overseertest.Must[*candidatevalidationv1.ValidateResponse](t, a)
		if r.GetFault().GetReason() != overloaded {
			t.Errorf("candidate %d: %v", i+1, r)
		}
	}
	third := n.ask(n.story())
	n.ends(returns) // the first job, for nobody; the second candidate's is never run
	n.ends(returns)
	if r := overseertest.Must[*candidatevalidationv1.ValidateResponse](t, third); r.GetValid() == nil {
		t.Errorf("the next candidate: %v", r)
	}
	if len(n.fakes.jobs) != 2 || n.Number("running") != 0 || n.Number("abandoned") != 2 {
		t.Error(n.Status())
	}
	n.Advance(answerTime) // who has his answer gets no other
}
