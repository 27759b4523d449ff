package candidatebacking

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitydistributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	candidatebackingv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// shared are this validator's own statements.
func (w *world) shared() (said []string) {
	for _, s := range sentOf[*statementdistributionv1.Share](w) {
		signed, err := parachain.Statement(s.GetStatement())
		if err != nil {
			w.t.Fatal(err)
		}
		said = append(said, signed.Verdict.String())
	}
	return said
}

func (w *world) wants(what ...string) {
	w.t.Helper()
	if diff := cmp.Diff(what, w.shared()); diff != "" {
		w.t.Errorf("said:\n%s", diff)
	}
}

func (w *world) backed() (list []*primitivesv1.BackedCandidate) {
	for _, d := range sentOf[*provisionerv1.ProvisionableData](w) {
		list = append(list, d.GetBackedCandidate())
	}
	return list
}

func (w *world) rejected() int { return len(sentOf[*candidateselectionv1.Invalid](w)) }

func TestEveryVariantIsHandled(t *testing.T) {
	overseertest.Exhaustive(t, Spec(Config{Chain: "relay"}))
}

// B1: a valid candidate is validated, stored, seconded, shared and served, in this order, and nothing else happens.
func TestBackingSecondWorks(t *testing.T) {
	w := newWorld(t, 0, 2, 0, 3, 5).begin()
	w.second(made("a"))
	w.wants("seconded")
	want := map[string]int{
		"persisted_validation_data": 1, "validation_code": 1, "Validate": 1, "check_validation_outputs": 1,
		"StoreAvailableData": 1, "SignStatement": 1, "QueryAllChunks": 1,
		"validators": 1, "validator_groups": 1, "availability_cores": 1, "session_index_for_child": 1, "PublicKeys": 1,
	}
	if diff := cmp.Diff(want, w.asked); diff != "" {
		t.Error(diff)
	}
	if n := len(sentOf[*povdistributionv1.DistributePoV](w)); n != 1 || len(w.sent) != 4 {
		t.Errorf("the proof is served %d times; %v", n, w.sent)
	}
	var chunks []uint32
	for _, c := range sentOf[*availabilitydistributionv1.DistributeChunk](w) {
		chunks = append(chunks, c.GetChunk().GetIndex())
	}
	if diff := cmp.Diff([]uint32{1, 2}, chunks); diff != "" { // its own it has
		t.Error(diff)
	}
	s := sentOf[*statementdistributionv1.Share](w)[0].GetStatement()
	if r := s.GetStatement().GetSeconded(); string(r.GetCommitments().GetHeadData()) != "a" {
		t.Errorf("shared: %v", s)
	}
}

// B2 and T4: votes come in the order of the group's bits, whoever spoke first.
func TestBackingWorks(t *testing.T) {
	w, r := newWorld(t, 0, 2, 0, 3, 5).begin(), made("a")
	w.hears(2, signbytes.Seconded, r)
	w.wants("valid")
	w.hears(5, signbytes.Valid, r)
	b := w.backed()
	if len(b) != 1 || len(b[0].GetVotes()) != 3 {
		t.Fatalf("backed: %v", b)
	}
	bits, err := parachain.Bits(b[0].GetGroupMembers())
	if diff := cmp.Diff([]uint32{0, 1, 3}, bits.Ones()); diff != "" || err != nil {
		t.Error(diff, err)
	}
	five := w.said(5, signbytes.Valid, hashOf(r))
	if b[0].GetVotes()[0].GetImplicit() == nil || string(b[0].GetVotes()[2].GetExplicit()) != string(five.Signature[:]) {
		t.Errorf("votes: %v", b[0].GetVotes())
	}
	w.hears(3, signbytes.Valid, r)
	if len(w.backed()) != 1 {
		t.Error("one more vote, and the provisioner is told again")
	}
}

// B4 and T7: while a candidate is validated, statements about it are counted, and it isn't validated twice.
func TestBackingWorksWhileValidationOngoing(t *testing.T) {
	w, r := newWorld(t, 0, 2, 0, 3, 5).begin(), made("a")
	var held overseertest.Sent
	w.answers["Validate"] = func(s overseertest.Sent) { held = s }
	w.hears(2, signbytes.Seconded, r)
	w.hears(2, signbytes.Seconded, r)
	w.hears(3, signbytes.Valid, r)
	w.hears(5, signbytes.Valid, r)
	if w.asked["Validate"] != 1 || len(w.backed()) != 1 {
		t.Errorf("%d validations, %d backed", w.asked["Validate"], len(w.backed()))
	}
	held.Reply(w.answer(held.Body))
	w.settle()
	w.wants("valid")
}

// B6: an invalid one is told to candidate-selection, nothing is said, and another is seconded.
func TestBackingDontSecondInvalid(t *testing.T) {
	w := newWorld(t, 0, 2, 0, 3, 5).begin()
	w.answers["Validate"] = invalidated
	w.second(made("a"))
	if w.wants(); w.rejected() != 1 || w.asked["StoreAvailableData"] != 0 {
		t.Errorf("%d rejected, %v", w.rejected(), w.asked)
	}
	delete(w.answers, "Validate")
	w.second(made("b"))
	w.wants("seconded")
}

func invalidated(s overseertest.Sent) {
	s.Reply(&candidatevalidationv1.ValidateResponse{Outcome: &candidatevalidationv1.ValidateResponse_Invalid{
		Invalid: &candidatevalidationv1.Invalid{Reason: candidatevalidationv1.Invalid_REASON_COMMITMENTS_MISMATCH}}})
}

// B7: whatever fails in this node signs nothing, blames nobody, and leaves the way free for another candidate.
func TestBackingWorksAfterFailedValidation(t *testing.T) {
	fails := func(s overseertest.Sent) { s.Fail(subsystem.Unavailable, "away") }
	for name, fault := range map[string]struct {
		question string
		answer   func(overseertest.Sent)
	}{
		"the worker is lost": {"Validate", func(s overseertest.Sent) {
			s.Reply(&candidatevalidationv1.ValidateResponse{Outcome: &candidatevalidationv1.ValidateResponse_Fault{
				Fault: &candidatevalidationv1.Fault{}}})
		}},
		"no verdict":         {"Validate", func(s overseertest.Sent) { s.Reply(&candidatevalidationv1.ValidateResponse{}) }},
		"validation is away": {"Validate", fails},
		"the disk is full": {"StoreAvailableData", func(s overseertest.Sent) {
			s.Reply(&availabilitystorev1.StoreAvailableDataResponse{
				Outcome: availabilitystorev1.StoreAvailableDataResponse_OUTCOME_NO_SPACE})
		}},
		"the store is away":    {"StoreAvailableData", fails},
		"the keystore is away": {"SignStatement", fails},
		"the keystore refuses": {"SignStatement", func(s overseertest.Sent) {
			s.Reply(&keystorev1.SignStatementResponse{Outcome: &keystorev1.SignStatementResponse_Refusal{
				Refusal: &keystorev1.Refusal{Reason: keystorev1.Refusal_REASON_DISK}}})
		}},
		"no state": {"persisted_validation_data", func(s overseertest.Sent) {
			s.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
				Error: &runtimeapiv1.RuntimeApiError{Code: runtimeapiv1.RuntimeApiError_CODE_VM_FAILED}}})
		}},
	} {
		w := newWorld(t, 0, 2, 0, 3, 5).begin()
		w.answers[fault.question] = fault.answer
		w.second(made("a"))
		if w.wants(); w.rejected() != 0 || w.Number("abstained") != 1 {
			t.Errorf("%s: %d blamed, %d abstentions", name, w.rejected(), w.Number("abstained"))
		}
		delete(w.answers, fault.question)
		w.second(made("b"))
		w.wants("seconded")
	}
}

// B8: what the relay chain and the store find of a collation is the collator's fault.
func TestACollationThatPromisesWhatItDoesntHoldIsInvalid(t *testing.T) {
	for name, c := range map[string]struct {
		question string
		answer   func(overseertest.Sent)
	}{
		"another erasure root": {"StoreAvailableData", func(s overseertest.Sent) {
			s.Reply(&availabilitystorev1.StoreAvailableDataResponse{Outcome: invalidRoot})
		}},
		"outputs that the chain won't take": {"check_validation_outputs", func(s overseertest.Sent) {
			s.Reply(answerOf(&runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_CheckValidationOutputs{
				CheckValidationOutputs: &runtimeapiv1.CheckValidationOutputsAnswer{
					Verdict: runtimeapiv1.CheckValidationOutputsAnswer_VERDICT_HEAD_DATA_TOO_LARGE}}}))
		}},
		"other code": {"validation_code", func(s overseertest.Sent) {
			s.Reply(answerOf(&runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_ValidationCode{
				ValidationCode: &runtimeapiv1.ValidationCodeAnswer{Code: &primitivesv1.BlobRef{Hash: pov[:]}}}}))
		}},
		"another parent head": {"persisted_validation_data", func(s overseertest.Sent) {
			s.Reply(answerOf(&runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_PersistedValidationData{
				PersistedValidationData: &runtimeapiv1.PersistedValidationDataAnswer{}}}))
		}},
	} {
		w := newWorld(t, 0, 2, 0, 3, 5).begin()
		w.answers[c.question] = c.answer
		w.second(made("a"))
		if w.wants(); w.rejected() != 1 || w.Number("abstained") != 0 {
			t.Errorf("%s: %d rejected, %d abstentions", name, w.rejected(), w.Number("abstained"))
		}
		w = newWorld(t, 0, 2, 0, 3, 5).begin()
		w.answers[c.question] = c.answer
		w.hears(2, signbytes.Seconded, made("a"))
		w.wants("invalid")
	}
}

func answerOf(a *runtimeapiv1.RuntimeApiAnswer) *runtimeapiv1.RequestResponse {
	return &runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: a}}
}

// B9: of two candidates on one relay parent the first is seconded.
func TestCannotSecondMultipleCandidatesPerParent(t *testing.T) {
	w := newWorld(t, 0, 2, 0, 3, 5).begin()
	w.second(made("a"))
	w.second(made("b"))
	w.second(made("a"))
	w.wants("seconded")
	// Both under validation at once: one is seconded all the same.
	w = newWorld(t, 0, 2, 0, 3, 5).begin()
	var held []overseertest.Sent
	w.answers["Validate"] = func(s overseertest.Sent) { held = append(held, s) }
	w.second(made("a"))
	w.second(made("b"))
	for _, s := range held {
		s.Reply(w.answer(s.Body))
	}
	w.settle()
	w.wants("seconded")
}

// B10: on a core that is claimed for a collator another one's candidate is his fault.
func TestBackingDoesntSecondWrongCollator(t *testing.T) {
	w := newWorld(t, 0, 2, 0, 3, 5)
	w.core.GetScheduled().Collator = pov[:]
	w.begin()
	w.second(made("a"))
	if w.wants(); w.rejected() != 1 || w.asked["Validate"] != 0 {
		t.Errorf("%d rejected, %v", w.rejected(), w.asked)
	}
	w.hears(2, signbytes.Seconded, made("b"))
	if w.wants(); w.asked["Validate"] != 0 {
		t.Error("another validator's candidate is judged for nothing")
	}
}

// B12: a new leaf leaves the old one's table as it is, until that ends.
func TestNewLeafViewDoesntClobberOld(t *testing.T) {
	w, r := newWorld(t, 0, 2, 0, 3, 5).begin(), made("a")
	w.hears(2, signbytes.Seconded, r)
	other := primitives.HashOf([]byte("a fork"))
	w.StartWork(other[:], nil, 9)
	w.settle()
	w.hears(5, signbytes.Valid, r)
	if len(w.backed()) != 1 {
		t.Error("the old leaf's votes are lost")
	}
	w.StopWork(parent[:])
	before := len(w.sent)
	w.hears(3, signbytes.Seconded, made("b"))
	if len(w.sent) != before || w.Number("strays") != 1 {
		t.Error("a leaf that ended is worked on")
	}
}

// B13: the seconder is asked first, then those who have vouched.
func TestThePoVIsFetchedFromTheSeconderFirst(t *testing.T) {
	w, r := newWorld(t, 0, 2, 0, 3, 5), made("a")
	var asked *povdistributionv1.FetchPoV
	w.answers["FetchPoV"] = func(s overseertest.Sent) {
		asked = s.Body.(*povdistributionv1.FetchPoV)
		s.Reply(&povdistributionv1.FetchPoVResponse{Outcome: &povdistributionv1.FetchPoVResponse_Missing_{
			Missing: povdistributionv1.FetchPoVResponse_MISSING_NOBODY_SENT_IT}})
	}
	w.begin()
	w.hears(5, signbytes.Seconded, r)
	if diff := cmp.Diff([]uint32{5}, asked.GetBackers()); diff != "" {
		t.Error(diff)
	}
	if w.wants(); w.Number("abstained") != 1 {
		t.Error("what nobody sends is judged")
	}
}

// B14: who is no validator, or in another group, counts statements and says nothing.
func TestObservesBackingEvenIfNotValidator(t *testing.T) {
	for _, own := range []int{-1, 1} {
		w, r := newWorld(t, own, 2, 0, 3, 5).begin(), made("a")
		w.hears(2, signbytes.Seconded, r)
		w.hears(5, signbytes.Valid, r)
		w.hears(0, signbytes.Valid, r)
		if w.wants(); len(w.backed()) != 1 || w.asked["Validate"] != 0 {
			t.Errorf("validator %d: %d backed, %v", own, len(w.backed()), w.asked)
		}
		w.second(made("b"))
		w.wants()
	}
}

// kindsOf are the reports, by kind.
func (w *world) kindsOf() (list []string) {
	for _, r := range sentOf[*misbehaviorv1.MisbehaviorReport](w) {
		k := r.ProtoReflect()
		list = append(list, string(k.WhichOneof(k.Descriptor().Oneofs().ByName("kind")).Name()))
	}
	return list
}

// B15 and B16 and T3: every contradiction is reported, once, and invalid votes are none for validity.
func TestContradictionsAreReported(t *testing.T) {
	a, b := made("a"), made("b")
	other := func(w *world, v uint32) { // the same statement, signed with another nonce: forged here by its own key
		s := w.said(v, signbytes.Valid, hashOf(a))
		w.hearsSigned(s, a)
	}
	for name, c := range map[string]struct {
		story func(*world)
		want  []string
	}{
		"two candidates": {func(w *world) {
			w.hears(2, signbytes.Seconded, a)
			w.hears(2, signbytes.Seconded, b)
			w.hears(2, signbytes.Seconded, b)
		}, []string{"double_vote"}},
		"valid and invalid": {func(w *world) {
			w.hears(2, signbytes.Seconded, a)
			w.hears(3, signbytes.Valid, a)
			w.hears(3, signbytes.Invalid, a)
		}, []string{"self_contradiction"}},
		"of another group": {func(w *world) {
			w.hears(1, signbytes.Seconded, a)
			w.hears(1, signbytes.Seconded, a)
		}, []string{"unauthorized_statement"}},
		"disagreement": {func(w *world) {
			w.hears(2, signbytes.Seconded, a)
			w.hears(3, signbytes.Invalid, a)
			w.hears(5, signbytes.Invalid, a)
			w.hears(0, signbytes.Invalid, a)
		}, []string{"candidate_validity_disagreement", "candidate_validity_disagreement"}},
		"an unknown candidate": {func(w *world) { w.hears(3, signbytes.Valid, a); w.hears(3, signbytes.Invalid, b) }, nil},
		"the same twice":       {func(w *world) { w.hears(2, signbytes.Seconded, a); other(w, 3); other(w, 3) }, nil},
	} {
		w := newWorld(t, 4, 2, 0, 3, 5).begin() // this node only watches
		c.story(w)
		if diff := cmp.Diff(c.want, w.kindsOf()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		for _, r := range sentOf[*misbehaviorv1.MisbehaviorReport](w) {
			if r.GetContext().GetSession() != 3 || string(r.GetContext().GetParent()) != string(parent[:]) {
				t.Errorf("%s: in context %v", name, r.GetContext())
			}
		}
		if len(w.backed()) != 0 {
			t.Errorf("%s: backed %v", name, w.backed())
		}
	}
}

// Our own check that differs from others' is a disagreement, too.
func TestOurOwnCheckThatDiffersIsADisagreement(t *testing.T) {
	w := newWorld(t, 0, 2, 0, 3, 5).begin()
	w.answers["Validate"] = invalidated
	w.hears(2, signbytes.Seconded, made("a"))
	w.wants("invalid")
	if diff := cmp.Diff([]string{"candidate_validity_disagreement"}, w.kindsOf()); diff != "" {
		t.Error(diff)
	}
}

// B17: a quorum is more than half of the group.
func TestGroupQuorum(t *testing.T) {
	for _, c := range []struct {
		group []uint32
		votes int
	}{{[]uint32{1}, 1}, {[]uint32{1, 2}, 2}, {[]uint32{1, 2, 3}, 2}, {[]uint32{1, 2, 3, 4}, 3}, {[]uint32{1, 2, 3, 4, 5}, 3}} {
		w, r := newWorld(t, -1, c.group...).begin(), made("a")
		for i, v := range c.group {
			verdict := signbytes.Valid
			if i == 0 {
				verdict = signbytes.Seconded
			}
			w.hears(v, verdict, r)
			if got := len(w.backed()) == 1; got != (i+1 >= c.votes) {
				t.Errorf("a group of %d with %d votes: backed %t", len(c.group), i+1, got)
			}
		}
	}
}

// A core whose candidate will have become available in the next block waits for the next one already.
func TestTheNextCandidateIsBackedWhileTheCoreIsTaken(t *testing.T) {
	w := newWorld(t, 0, 0)
	w.core = &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Occupied{Occupied: &primitivesv1.OccupiedCore{
		NextUpOnAvailable: &primitivesv1.ScheduledCore{Para: para}, OccupiedSince: 9}}}
	var asked *runtimeapiv1.Request
	w.answers["persisted_validation_data"] = func(s overseertest.Sent) {
		asked = s.Body.(*runtimeapiv1.Request)
		s.Reply(w.answer(s.Body))
	}
	w.begin()
	w.second(made("a"))
	w.wants("seconded")
	if got := asked.GetRequest().GetPersistedValidationData().GetAssumption(); got != included {
		t.Errorf("the assumption is %v", got)
	}
	if len(w.backed()) != 1 {
		t.Error("a group of one backs what it seconds")
	}
}

func TestWatchersHearOfEachBackableCandidateOnce(t *testing.T) {
	w, r := newWorld(t, -1, 1, 2, 3).begin(), made("a")
	watch := func() *overseertest.Answer {
		return w.Ask("candidate-selection", &candidatebackingv1.RegisterBackingWatcher{RelayParent: parent[:]})
	}
	early := watch()
	w.hears(1, signbytes.Seconded, r)
	w.hears(2, signbytes.Valid, r)
	late := watch()
	w.hears(3, signbytes.Valid, r)
	if len(early.Items) != 1 || len(late.Items) != 1 {
		t.Errorf("%d and %d candidates", len(early.Items), len(late.Items))
	}
	for range maxWatchers {
		watch()
	}
	if a := watch(); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Errorf("one watcher more: %v", a.Err)
	}
	w.StopWork(parent[:])
	if !early.Done || early.Err != nil {
		t.Errorf("the leaf ended, and the stream: %t, %v", early.Done, early.Err)
	}
	a := watch()
	if got := a.Items[0].(*candidatebackingv1.RegisterBackingWatcherResponse).GetRefusal(); got != refusalInactive {
		t.Errorf("no leaf: %v", got)
	}
}

func TestALeafWhoseStateIsGoneIsNotWorkedOn(t *testing.T) {
	w := newWorld(t, 0, 0)
	w.answers["validators"] = func(s overseertest.Sent) {
		s.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
			Error: &runtimeapiv1.RuntimeApiError{Code: runtimeapiv1.RuntimeApiError_CODE_PRUNED_STATE}}})
	}
	w.begin()
	w.second(made("a"))
	w.wants()
	a := w.Ask("candidate-selection", &candidatebackingv1.RegisterBackingWatcher{RelayParent: parent[:]})
	if got := a.Items[0].(*candidatebackingv1.RegisterBackingWatcherResponse).GetRefusal(); got != refusalRuntime {
		t.Errorf("refused with %v", got)
	}
}

// What comes while the facts are asked for waits for them, in a bounded line.
func TestWhatComesBeforeTheFactsWaits(t *testing.T) {
	w := newWorld(t, -1, 1)
	w.StartWork(parent[:], nil, 9)
	for range maxEarly + 5 {
		m := parachain.StatementMessage(w.said(1, signbytes.Seconded, hashOf(made("a"))))
		m.Statement.Kind = &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(made("a"))}
		w.Send("statement-distribution", &candidatebackingv1.Statement{RelayParent: parent[:], Statement: m})
	}
	j, _ := w.Handler().(*backing).jobs.Get(parent[:])
	if len(j.early) != maxEarly {
		t.Errorf("%d wait", len(j.early))
	}
	w.settle()
	if len(w.backed()) != 1 {
		t.Error("what waited is lost")
	}
}

// T7: bytes that are no statement are dropped, and the job goes on.
func TestAStatementWhoseSignatureDoesntHoldIsDropped(t *testing.T) {
	w, r := newWorld(t, -1, 1).begin(), made("a")
	forged := w.said(1, signbytes.Seconded, hashOf(r))
	forged.Validator = 2
	w.hearsSigned(forged, r)
	forged.Validator = 99
	w.hearsSigned(forged, r)
	w.Send("statement-distribution", &candidatebackingv1.Statement{RelayParent: parent[:]})
	w.settle()
	if len(w.backed()) != 0 || w.Number("bad-signatures") != 3 {
		t.Errorf("%d backed, %d bad", len(w.backed()), w.Number("bad-signatures"))
	}
	w.hears(1, signbytes.Seconded, r)
	if len(w.backed()) != 1 {
		t.Error("the job doesn't go on")
	}
}

// A fault of this node is shown, and a keystore with another key than the session's is one.
func TestAKeystoreWithAnotherKeySignsForNobody(t *testing.T) {
	w := newWorld(t, 0, 0)
	w.answers["SignStatement"] = func(s overseertest.Sent) {
		s.Reply(&keystorev1.SignStatementResponse{Outcome: &keystorev1.SignStatementResponse_Signature{
			Signature: &keystorev1.Signature{Signature: make([]byte, 64)}}})
	}
	w.begin()
	w.second(made("a"))
	w.wants()
	for _, f := range w.Status().GetFields() {
		if f.GetName() == "last-fault" && !strings.Contains(f.GetText(), "another key") {
			t.Errorf("the fault is %q", f.GetText())
		}
	}
	w.Advance(time.Minute)
}

// Statement-distribution tells it again what this validator itself has said.
func TestAfterARestartOurOwnStatementCountsAndNoOtherCandidateIsSeconded(t *testing.T) {
	w := newWorld(t, 0, 2, 0, 3).begin()
	a, b := made("a"), made("b")
	w.hears(0, signbytes.Seconded, a)
	w.hears(2, signbytes.Valid, a)
	if got := w.backed(); len(got) != 1 || len(got[0].GetVotes()) != 2 {
		t.Errorf("backed %v", got)
	}
	w.second(b)
	w.hears(0, signbytes.Seconded, a)
	for _, q := range sentOf[*keystorev1.SignStatement](w) {
		t.Errorf("it wants to sign %v", q)
	}
	for _, r := range sentOf[*misbehaviorv1.MisbehaviorReport](w) {
		t.Errorf("it reports %v", r)
	}
}
