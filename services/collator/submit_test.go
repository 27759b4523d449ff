package collator

import (
	"slices"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

func outcomeOf(s *primitivesv1.CollationStatus) *candidateselectionv1.CollationOutcomeResponse {
	return &candidateselectionv1.CollationOutcomeResponse{Status: s}
}

// What isn't taken is refused with its reason, and may be handed in again, mended.
func TestEachSubmissionThatIsNotTakenHasItsReason(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*collatorv1.SubmitCollation)
		want   primitivesv1.CollationRefusal
	}{
		"no leaf":            {func(s *collatorv1.SubmitCollation) { s.RelayParent = child[:] }, unknownRelayParent},
		"no relay parent":    {func(s *collatorv1.SubmitCollation) { s.RelayParent = nil }, unknownRelayParent},
		"another para":       {func(s *collatorv1.SubmitCollation) { s.Para = 8 }, notAssigned},
		"a head as no other": {func(s *collatorv1.SubmitCollation) { s.Commitments.HeadData = make([]byte, 1<<20) }, malformed},
		"a long proof":       {func(s *collatorv1.SubmitCollation) { s.Pov.BlockData.Size = 3<<20 + 1 }, povTooLarge},
		"an empty proof":     {func(s *collatorv1.SubmitCollation) { s.Pov.BlockData.Size = 0 }, povMissing},
		"no proof":           {func(s *collatorv1.SubmitCollation) { s.Pov = nil }, povMissing},
		"a proof that isn't in the store": {
			func(s *collatorv1.SubmitCollation) { s.Pov.BlockData.Hash = child[:] }, povMissing},
		"a proof of another length": {func(s *collatorv1.SubmitCollation) { s.Pov.BlockData.Size = 2 }, povMissing},
		"a proof without a name":    {func(s *collatorv1.SubmitCollation) { s.Pov.BlockData.Hash = nil }, povMissing},
	} {
		w := start(t)
		s := w.submission(parent, "pov")
		c.change(s)
		if why := w.refused(w.hands(s)); why != c.want {
			t.Errorf("%s: %v", name, why)
		}
		w.submit("pov")
	}
}

// The keystore signs one collation for a relay parent and para, ever: after a restart of the collator, too.
func TestAConflictAtTheKeystoreIsASecondCollation(t *testing.T) {
	w := start(t)
	w.answers["SignCollation"] = func(s overseertest.Sent) {
		s.Reply(refusedToSign(keystorev1.Refusal_REASON_CONFLICT))
	}
	if why := w.refused(w.hands(w.submission(parent, "pov"))); why != alreadySeconded {
		t.Error(why)
	}
	w.answers["SignCollation"] = func(s overseertest.Sent) { s.Reply(refusedToSign(keystorev1.Refusal_REASON_DISK)) }
	if why := w.refused(w.hands(w.submission(parent, "pov"))); why != nodeFault {
		t.Error(why)
	}
	w.answers["SignCollation"] = func(s overseertest.Sent) { s.Fail(subsystem.Unavailable, "it is away") }
	if why := w.refused(w.hands(w.submission(parent, "pov"))); why != nodeFault {
		t.Error(why)
	}
	w.answers["SignCollation"] = func(s overseertest.Sent) {
		forged := w.signature(s.Body.(*keystorev1.SignCollation))
		forged.Signature[0]++
		s.Reply(&keystorev1.SignCollationResponse{
			Outcome: &keystorev1.SignCollationResponse_Signature{Signature: forged}})
	}
	if why := w.refused(w.hands(w.submission(parent, "pov"))); why != nodeFault {
		t.Error(why)
	}
	delete(w.answers, "SignCollation")
	w.submit("pov")
}

func refusedToSign(why keystorev1.Refusal_Reason) *keystorev1.SignCollationResponse {
	return &keystorev1.SignCollationResponse{Outcome: &keystorev1.SignCollationResponse_Refusal{
		Refusal: &keystorev1.Refusal{Reason: why}}}
}

// A leaf that ends while its collation is signed leaves nobody who could take it up.
func TestALeafThatEndsWhileItsCollationIsSigned(t *testing.T) {
	w := start(t)
	w.hold("SignCollation")
	a := w.hands(w.submission(parent, "pov"))
	w.stop(parent)
	s := w.asked[0]
	s.Reply(&keystorev1.SignCollationResponse{Outcome: &keystorev1.SignCollationResponse_Signature{
		Signature: w.signature(s.Body.(*keystorev1.SignCollation))}})
	w.settle()
	if why := w.refused(a); why != unknownRelayParent {
		t.Error(why)
	}
	w.expect()
}

// The same submission twice is one collation, also while the first one waits for its signature, and also when a
// producer that was started anew submits it.
func TestTheSameSubmissionIsOneCollation(t *testing.T) {
	w := bare(t)
	first := w.collate(para)
	w.leaf(parent, primitives.Hash{}, 9)
	w.hold("SignCollation")
	one := w.hands(w.submission(parent, "pov"))
	first.Cancel()
	w.collate(para)
	two := w.hands(w.submission(parent, "pov"))
	other := w.hands(w.submission(parent, "another"))
	if why := w.refused(other); why != alreadySeconded || len(w.asked) != 1 {
		t.Errorf("%v, and %d were to be signed", why, len(w.asked))
	}
	w.asked[0].Reply(refusedToSign(keystorev1.Refusal_REASON_DISK))
	w.settle()
	if w.refused(one) != nodeFault || w.refused(two) != nodeFault {
		t.Error(one, two)
	}
	delete(w.answers, "SignCollation")
	w.submit("another") // nothing was made of the first one
}

// Whoever begins to watch is told the last step of what is under way, and of nothing that has ended.
func TestAWatcherIsToldTheLastStepFirst(t *testing.T) {
	w := start(t)
	r := w.submit("pov")
	w.expectSteps(w.watch(para))
	w.outcome(0, r, secondedBy(0))
	w.outcome(0, r, backedWith(2))
	late := w.watch(para)
	w.expectSteps(late, "backed with 2")
	w.expectSteps(w.watch(8))
	w.does(child, runtimeapiv1.CandidateEvent_KIND_INCLUDED, r)
	w.leaf(child, parent, 10)
	w.expectSteps(late, "backed with 2", "included in 10")
	w.outcome(1, r, backedWith(2))
	w.expectSteps(w.watch(para))
	late.Cancel()
	if n := len(w.Handler().(*collator).watchers); n != 3 {
		t.Errorf("%d watch", n)
	}
}

// Why it wasn't included: each end of a life has its reason.
func TestTheEndHasItsReason(t *testing.T) {
	backed, timedOut := runtimeapiv1.CandidateEvent_KIND_BACKED, runtimeapiv1.CandidateEvent_KIND_TIMED_OUT
	included := runtimeapiv1.CandidateEvent_KIND_INCLUDED
	for name, c := range map[string]struct {
		word        []primitivesv1.CollationRefusal // of validators 0 and 1
		quorum      bool
		child, last []runtimeapiv1.CandidateEvent_Kind
		want        string
	}{
		"nobody took it":          {want: "NOT_BACKED_IN_TIME"},
		"one said why":            {word: []primitivesv1.CollationRefusal{povTooLarge}, want: "POV_TOO_LARGE"},
		"one had no leaf":         {word: []primitivesv1.CollationRefusal{unknownRelayParent}, want: "NOT_BACKED_IN_TIME"},
		"all refuse it":           {word: []primitivesv1.CollationRefusal{nodeFault, povMissing}, want: "POV_MISSING"},
		"not taken up":            {quorum: true, want: "NOT_INCLUDED_IN_TIME"},
		"not available":           {quorum: true, child: events(backed), last: events(timedOut), want: "AVAILABILITY_TIMED_OUT"},
		"on a core, and no end":   {quorum: true, child: events(backed), want: "backed with 2"},
		"taken up without a word": {child: events(backed), last: events(included), want: "included in 11"},
	} {
		w := start(t)
		watched := w.watch(para)
		r := w.submit("pov")
		for v, why := range c.word {
			w.outcome(byte(v), r, refusedStatus(why, "said so"))
		}
		if c.quorum {
			w.outcome(0, r, backedWith(2))
		}
		for _, k := range c.child {
			w.does(child, k, r)
		}
		for _, k := range c.last {
			w.does(grandchild, k, r)
		}
		w.stop(parent)
		w.leaf(child, parent, 10)
		w.leaf(grandchild, child, 11)
		if s := steps(watched); len(s) == 0 || s[len(s)-1] != c.want {
			t.Errorf("%s: %q", name, s)
		}
	}
}

func events(k ...runtimeapiv1.CandidateEvent_Kind) []runtimeapiv1.CandidateEvent_Kind { return k }

// A candidate on a core of which no block says what became of it is given up in the end.
func TestACollationIsNotWaitedForForEver(t *testing.T) {
	w := start(t)
	watched := w.watch(para)
	r := w.submit("pov")
	w.does(child, runtimeapiv1.CandidateEvent_KIND_BACKED, r)
	w.stop(parent)
	w.leaf(child, parent, 10)
	w.leaf(grandchild, child, 9+onCoreWithin)
	w.expectSteps(watched)
	w.leaf(primitives.Hash{'h'}, grandchild, 10+onCoreWithin)
	w.expectSteps(watched, "AVAILABILITY_TIMED_OUT")
}

// What the validator beside the collator says is a validator's word like the others'.
func TestTheValidatorOnTheSameNodeMayRefuse(t *testing.T) {
	for name, answer := range map[string]func(overseertest.Sent){
		"refused": func(s overseertest.Sent) {
			s.Reply(&candidateselectionv1.CollationResponse{Outcome: &candidateselectionv1.CollationResponse_Refused{
				Refused: &primitivesv1.CollationRefused{Reason: nodeFault}}})
		},
		"away": func(s overseertest.Sent) { s.Fail(subsystem.Unavailable, "it is away") },
	} {
		w := bare(t)
		w.own, w.answers["Collation"] = 1, answer
		w.collate(para)
		w.leaf(parent, primitives.Hash{}, 9)
		w.connect(0, parent)
		watched := w.watch(para)
		r := w.submit("pov")
		w.outcome(0, r, refusedStatus(povMissing, ""))
		if got := steps(watched); !slices.Equal(got, []string{"POV_MISSING"}) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
