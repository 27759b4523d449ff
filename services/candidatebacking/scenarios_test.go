package candidatebacking

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// missing is pov-distribution's word that nobody has sent the proof.
func missing(s overseertest.Sent) {
	s.Reply(&povdistributionv1.FetchPoVResponse{Outcome: &povdistributionv1.FetchPoVResponse_Missing_{
		Missing: povdistributionv1.FetchPoVResponse_MISSING_NOBODY_SENT_IT}})
}

// B13: when the seconder doesn't send the proof, the next one who vouches for the candidate is asked.
func TestRetryWorks(t *testing.T) {
	w, r := newWorld(t, 0, 2, 0, 3, 5), made("a")
	var asked [][]uint32
	w.answers["FetchPoV"] = func(s overseertest.Sent) {
		asked = append(asked, s.Body.(*povdistributionv1.FetchPoV).GetBackers())
		if len(asked) < 3 {
			missing(s)
			return
		}
		s.Reply(w.answer(s.Body))
	}
	w.begin()
	w.hears(2, signbytes.Seconded, r)
	w.hears(5, signbytes.Invalid, r) // who says so hasn't got to have it
	w.hears(3, signbytes.Valid, r)
	w.wants()
	w.hears(3, signbytes.Valid, r) // nothing new
	if diff := cmp.Diff([][]uint32{{2}, {3, 2}}, asked); diff != "" {
		t.Error(diff)
	}
	w = newWorld(t, 0, 2, 0, 3, 5)
	w.answers["FetchPoV"] = func(s overseertest.Sent) {
		if w.asked["FetchPoV"] == 1 {
			missing(s)
			return
		}
		s.Reply(w.answer(s.Body))
	}
	w.begin()
	w.hears(2, signbytes.Seconded, r)
	w.hears(3, signbytes.Valid, r)
	if w.wants("valid"); w.asked["FetchPoV"] != 2 || len(w.backed()) != 1 {
		t.Errorf("asked %d times, %d backed", w.asked["FetchPoV"], len(w.backed()))
	}
}

// Who vouches while the seconder is being asked is asked at once when that fails.
func TestWhoVouchesMeanwhileIsAskedNext(t *testing.T) {
	w, r := newWorld(t, 0, 2, 0, 3, 5), made("a")
	var held []overseertest.Sent
	w.answers["FetchPoV"] = func(s overseertest.Sent) { held = append(held, s) }
	w.begin()
	w.hears(2, signbytes.Seconded, r)
	w.hears(3, signbytes.Valid, r)
	missing(held[0])
	w.settle()
	if diff := cmp.Diff([]uint32{3, 2}, held[len(held)-1].Body.(*povdistributionv1.FetchPoV).GetBackers()); diff != "" {
		t.Error(diff)
	}
	if w.Number("abstained") != 0 {
		t.Error("it has given up")
	}
}

// T13: what is never answered ends by itself, signs nothing, and doesn't hold up what comes after it.
func TestWhatIsNeverAnsweredEndsByItself(t *testing.T) {
	for _, question := range []string{
		"FetchPoV", "persisted_validation_data", "validation_code", "Validate", "check_validation_outputs",
		"StoreAvailableData", "SignStatement",
	} {
		w, r := newWorld(t, 0, 2, 0, 3, 5).begin(), made("a")
		w.answers[question] = func(overseertest.Sent) {}
		w.hears(2, signbytes.Seconded, r)
		w.Advance(fetchTimeout + validateTimeout + storeTimeout)
		w.settle()
		if w.wants(); w.Number("abstained") != 1 {
			t.Errorf("%s: %v", question, w.Status())
		}
		delete(w.answers, question)
		w.second(made("b"))
		w.wants("seconded")
	}
}

// Compiling code takes longer than a candidate may wait.
func TestTheCodeOfTheGroupsParaIsMadeReadyOnceAndAhead(t *testing.T) {
	w := newWorld(t, 0, 2, 0, 3, 5).begin()
	w.StopWork(parent[:])
	if w.begin(); w.prepared != 1 {
		t.Errorf("it is told %d times", w.prepared)
	}
	if w := newWorld(t, 1, 2, 0, 3, 5).begin(); w.prepared != 0 {
		t.Error("a validator of no group makes code ready")
	}
	w = newWorld(t, 0, 2, 0, 3, 5)
	w.answers["validation_code"] = func(s overseertest.Sent) { s.Fail(subsystem.Unavailable, "later") }
	w.begin()
	w.StopWork(parent[:])
	delete(w.answers, "validation_code")
	if w.begin(); w.prepared != 1 {
		t.Error("what couldn't be found out is forgotten")
	}
}

// T18: nothing is said, stored or sent for a leaf that ended, wherever the judgement was.
func TestALeafThatEndsTakesItsJudgementsWithIt(t *testing.T) {
	for _, question := range []string{
		"FetchPoV", "persisted_validation_data", "validation_code", "Validate", "check_validation_outputs",
		"StoreAvailableData", "SignStatement",
	} {
		w, r := newWorld(t, 0, 2, 0, 3, 5).begin(), made("a")
		var held overseertest.Sent
		w.answers[question] = func(s overseertest.Sent) { held = s }
		w.hears(2, signbytes.Seconded, r)
		w.StopWork(parent[:])
		asked := maps.Clone(w.asked)
		held.Reply(w.answer(held.Body))
		w.settle()
		w.wants()
		if diff := cmp.Diff(asked, w.asked); diff != "" || len(w.sent) != 0 || w.Number("abstained") != 0 {
			t.Errorf("%s: after the end %s, sent %v", question, diff, w.sent)
		}
	}
}

// keystore is one that several instances share, as a node's do: it signs one Seconded for each leaf, and the same one
// again.
type keystore struct{ seconded []byte }

func (k *keystore) serve(w *world) {
	w.answers["SignStatement"] = func(s overseertest.Sent) {
		q := s.Body.(*keystorev1.SignStatement)
		if q.GetKind() == keystorev1.StatementKind_STATEMENT_KIND_SECONDED {
			if k.seconded != nil && string(k.seconded) != string(q.GetCandidateHash()) {
				s.Reply(&keystorev1.SignStatementResponse{Outcome: &keystorev1.SignStatementResponse_Refusal{
					Refusal: &keystorev1.Refusal{Reason: keystorev1.Refusal_REASON_CONFLICT}}})
				return
			}
			k.seconded = q.GetCandidateHash()
		}
		s.Reply(w.sign(q))
	}
}

// Two instances, of which each has been given another candidate on one leaf, as when the work is divided anew: one is
// seconded. The other one's is refused by the keystore, which is no fault of the node's and nobody's: no collator pays
// for it, and no further candidate is tried.
func TestOfTwoInstancesOneSeconds(t *testing.T) {
	var k keystore
	one, two := newWorld(t, 0, 2, 0, 3, 5).begin(), newWorld(t, 0, 2, 0, 3, 5).begin()
	k.serve(one)
	k.serve(two)
	one.second(made("a"))
	two.second(made("b"))
	one.wants("seconded")
	if two.wants(); two.rejected() != 0 || two.Number("conflicts") != 1 || two.Number("abstained") != 0 {
		t.Errorf("%d rejected, %v", two.rejected(), two.Status())
	}
	two.second(made("c"))
	if two.wants(); two.asked["SignStatement"] != 1 {
		t.Errorf("%d times asked to sign", two.asked["SignStatement"])
	}
	two.hears(2, signbytes.Seconded, made("d")) // others' candidates are judged all the same
	two.wants("valid")
}

// In the middle of a leaf the process ends, and begins again with nothing but the leaf: it seconds the same candidate
// with the same signature, or none.
func TestAfterARestartInTheMiddleOfALeafOneCandidateIsSeconded(t *testing.T) {
	var k keystore
	before := newWorld(t, 0, 2, 0, 3, 5).begin()
	k.serve(before)
	before.second(made("a"))
	before.wants("seconded")
	for head, want := range map[string][]string{"a": {"seconded"}, "b": nil} {
		w := newWorld(t, 0, 2, 0, 3, 5).begin()
		k.serve(w)
		w.second(made(head))
		w.wants(want...)
		for _, s := range sentOf[*statementdistributionv1.Share](w) {
			first := sentOf[*statementdistributionv1.Share](before)[0]
			if string(s.GetStatement().GetSignature()) != string(first.GetStatement().GetSignature()) {
				t.Error("another signature than before")
			}
		}
	}
}

// An instance that has a leaf from its middle on is told what was said before, by this validator, too: it comes to the
// same quorum, says nothing else, and proposes nothing else.
func TestAnInstanceThatTakesALeafOverGoesOnWhereTheOneBeforeWas(t *testing.T) {
	w := newWorld(t, 0, 2, 0, 3, 5).begin()
	w.hears(0, signbytes.Seconded, made("a"))
	w.hears(2, signbytes.Valid, made("a"))
	w.hears(3, signbytes.Valid, made("a"))
	if n := len(w.backed()); n != 1 {
		t.Errorf("%d candidates are backed", n)
	}
	w.second(made("b"))
	w.wants()
	w.Presence("provisioner", false)
	w.settle()
	if n := len(w.backed()); n != 1 {
		t.Errorf("the provisioner was told %d times", n)
	}
	w.Presence("provisioner", true) // another one: it is told again
	w.settle()
	if n := len(w.backed()); n != 2 {
		t.Errorf("the provisioner was told %d times", n)
	}
	w.hears(5, signbytes.Seconded, made("c")) // others' candidates are judged all the same
	w.wants("valid")
}

// The same before anything is signed: what was being judged is forgotten, and what is proposed now is seconded.
func TestARestartDuringAJudgementLeavesTheWayFree(t *testing.T) {
	var k keystore
	before := newWorld(t, 0, 2, 0, 3, 5).begin()
	k.serve(before)
	before.answers["Validate"] = func(overseertest.Sent) {}
	before.second(made("a"))
	after := newWorld(t, 0, 2, 0, 3, 5).begin()
	k.serve(after)
	after.second(made("b"))
	after.wants("seconded")
}

// The overseer's own restart ends the work on leaves that aren't any more, and begins it anew for those that are.
func TestWhoWasSecondedForIsForgottenWithTheLeaf(t *testing.T) {
	w := newWorld(t, 0, 2, 0, 3, 5).begin()
	w.second(made("a"))
	w.StopWork(parent[:])
	next := primitives.HashOf([]byte("the next leaf"))
	w.StartWork(next[:], parent[:], 10)
	w.settle()
	if w.Number("leaves") != 1 || w.Number("seconded") != 1 {
		t.Error(w.Status())
	}
	j, _ := w.Handler().(*backing).jobs.Get(next[:])
	if j.seconded || len(j.receipts) != 0 {
		t.Error("what was said on another leaf counts on this one")
	}
}
