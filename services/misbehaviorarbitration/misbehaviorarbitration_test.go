package misbehaviorarbitration

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

func TestEveryVariantIsHandled(t *testing.T) {
	overseertest.Exhaustive(t, Spec(Config{Chain: "relay", Disk: simdisk.New(1).Process(), Dir: dir}))
}

// B15 and B16, the other end: what candidate-backing reports becomes evidence, of all five kinds.
func TestEachContradictionBecomesEvidenceAndIsOffered(t *testing.T) {
	for name, r := range kinds() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.begins(leaf1)
			told := w.reports(r)
			if len(told) != 1 || string(told[0].GetRelayParent()) != string(leaf1[:]) ||
				!proto.Equal(told[0].GetMisbehaviorReport(), r) {
				t.Fatalf("the provisioner is told %v", told)
			}
			filed := w.filed()
			for _, f := range filed {
				if f.Kind.String() != name {
					t.Errorf("a file of a %s", f.Kind)
				}
			}
			all := w.evidence(&misbehaviorv1.QueryEvidence{})
			if len(filed) != 1 || len(all) != 1 || !proto.Equal(all[0].GetReport(), r) {
				t.Errorf("%d files, %v", len(filed), all)
			}
			if w.Number("kept") != 1 || w.Number("judging") != 0 {
				t.Error(w.Status())
			}
		})
	}
}

func TestADisagreementBlamesNobody(t *testing.T) {
	w := newWorld(t)
	w.reports(disagreement())
	for _, s := range w.evidence(&misbehaviorv1.QueryEvidence{})[0].GetSignatories() {
		if s.GetOffender() {
			t.Errorf("validator %d is blamed", s.GetIndex())
		}
	}
}

// What the relay chain's state doesn't bear out is dropped: nothing is written, and nobody is told.
func TestAReportThatIsNotProvedIsDropped(t *testing.T) {
	forged := contradiction(2)
	forged.GetSelfContradiction().Second.Signature[9] ^= 1
	session := contradiction(2)
	session.Context.Session++
	elsewhere := made("a", 8)
	nobodys := reportOf(&misbehaviorv1.UnauthorizedStatement{})
	nobodys.GetUnauthorizedStatement().Receipt = parachain.ReceiptMessage(elsewhere)
	nobodys.GetUnauthorizedStatement().Statement = signed(5, valid, elsewhere, ed25519.Sign)
	for name, r := range map[string]*misbehaviorv1.MisbehaviorReport{
		"nothing":                             {},
		"no contradiction":                    doubleSign(says(2, valid, "a"), says(2, valid, "a")),
		"a forged signature":                  forged,
		"another session":                     session,
		"by one who is no validator":          contradiction(77),
		"unauthorized, by one of group":       intrusion(4),
		"unauthorized, a para without a core": nobodys,
	} {
		w := newWorld(t)
		w.begins(leaf1)
		if told := w.reports(r); len(told) != 0 || len(w.filed()) != 0 || w.Number("unproved") != 1 {
			t.Errorf("%s: %d told, %d filed, %v", name, len(told), len(w.filed()), w.Status())
		}
	}
}

func TestAReportIsKeptOnce(t *testing.T) {
	w := newWorld(t)
	w.begins(leaf1)
	w.Send("candidate-backing", disagreement())
	other := disagreement()
	s := other.GetCandidateValidityDisagreement().Statements
	s[0], s[2] = s[2], s[0]
	if told := w.reports(other); len(told) != 1 {
		t.Errorf("while the first is checked: %d told", len(told))
	}
	asked := w.asked
	if told := w.reports(other); len(told) != 0 || w.asked != asked {
		t.Errorf("when it is kept: %d told, %d questions", len(told), w.asked-asked)
	}
	w.disk.Crash()
	w = restarted(t, w.disk)
	if told := w.reports(disagreement()); len(told) != 0 || w.asked != 0 || len(w.filed()) != 1 {
		t.Errorf("after a restart: %d told, %d questions", len(told), w.asked)
	}
}

// Each report of a disagreement says more than the one before, and is offered to the chain; what is kept is the last.
func TestOfADisagreementTheLatestReportIsKept(t *testing.T) {
	w := newWorld(t)
	w.begins(leaf1)
	said := disagreement().GetCandidateValidityDisagreement().GetStatements()
	first := reportOf(&misbehaviorv1.CandidateValidityDisagreement{Statements: said[1:]})
	for _, r := range []*misbehaviorv1.MisbehaviorReport{first, disagreement()} {
		if told := w.reports(r); len(told) != 1 {
			t.Errorf("%d told", len(told))
		}
	}
	kept := func() {
		t.Helper()
		all, filed := w.evidence(&misbehaviorv1.QueryEvidence{}), w.filed()
		if len(all) != 1 || len(filed) != 1 || !proto.Equal(all[0].GetReport(), disagreement()) {
			t.Errorf("%d files, %v", len(filed), all)
		}
	}
	kept()
	w.reports(contradiction(2)) // something else about the same candidate
	if n := len(w.filed()); n != 2 {
		t.Errorf("%d files", n)
	}
	w.disk.Crash()
	w = restarted(t, w.disk)
	if n := len(w.filed()); n != 2 {
		t.Errorf("%d files after a restart", n)
	}
}

// What is told survives the machine's death at any moment, and what a death leaves half written is removed.
func TestWhatTheProvisionerIsToldSurvivesAPowerCut(t *testing.T) {
	for stop := 1; ; stop++ {
		d := simdisk.New(uint64(stop))
		w := restarted(t, d)
		w.begins(leaf1)
		begun := d.Ops()
		d.SetFault(func(op simdisk.Op) error {
			if op.N == begun+stop {
				return simdisk.ErrOff
			}
			return nil
		})
		told := w.reports(contradiction(2))
		cut := d.Ops() >= begun+stop
		d.Crash()
		d.SetFault(nil)
		w = restarted(t, d)
		if kept := len(w.evidence(&misbehaviorv1.QueryEvidence{})); kept < len(told) || kept != len(w.filed()) {
			t.Fatalf("stopped at operation %d: %d told, %d kept", stop, len(told), kept)
		}
		if !cut {
			return
		}
	}
}

// What is new after a restart is offered again: the process may have ended before the provisioner was told.
func TestAfterARestartTheNewestIsOfferedAgain(t *testing.T) {
	w := newWorld(t)
	w.reports(contradiction(2))
	w.disk.Crash()
	w = restarted(t, w.disk)
	if told := w.begins(leaf1); len(told) != 1 {
		t.Errorf("%d told", len(told))
	}
}

func TestADiskThatFailsIsTriedAgainAndNothingIsToldBefore(t *testing.T) {
	w := newWorld(t)
	w.begins(leaf1)
	w.disk.SetFault(func(op simdisk.Op) error {
		if op.Kind == simdisk.Sync {
			return syscall.ENOSPC
		}
		return nil
	})
	if told := w.reports(contradiction(2)); len(told) != 0 || !strings.Contains(w.Trouble("evidence"), "no space") {
		t.Fatalf("%d told, %q", len(told), w.Trouble("evidence"))
	}
	w.disk.SetFault(nil)
	w.Advance(retry)
	if told := w.settle(); len(told) != 1 || w.Trouble("evidence") != "" {
		t.Errorf("%d told, %q", len(told), w.Trouble("evidence"))
	}
}

func TestADiskThatCannotBeReadIsTriedAgain(t *testing.T) {
	d := simdisk.New(1)
	d.SetFault(func(simdisk.Op) error { return syscall.EIO })
	w := restarted(t, d)
	early := w.Ask("tools", &misbehaviorv1.QueryEvidence{})
	if w.Trouble("evidence") == "" || early.Done {
		t.Errorf("%v %v", w.Status(), early)
	}
	d.SetFault(nil)
	w.Advance(retry)
	if w.Trouble("evidence") != "" || !early.Done || early.Err != nil {
		t.Errorf("%v %v", w.Status(), early)
	}
}

// A person's file, or a damaged one, stays where it is and stops nothing.
func TestAFileThatProvesNothingStaysWhereItIs(t *testing.T) {
	w := newWorld(t)
	w.reports(contradiction(2))
	p := w.disk.Process()
	stray := dir + "/" + primitives.Hash{0xff}.String() + ".offence"
	f, err := p.Create(stray, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("something"), 0); err != nil {
		t.Fatal(err)
	}
	w = restarted(t, w.disk)
	if all := w.evidence(&misbehaviorv1.QueryEvidence{}); len(all) != 1 || w.Trouble("evidence") != "" {
		t.Errorf("%v", all)
	}
	if _, err := p.Stat(stray); err != nil {
		t.Error(err)
	}
}

// The author of the first leaf's child may be away, or the offender: the next ones are offered a report as well.
func TestAReportIsOfferedOnSomeLeavesThatCome(t *testing.T) {
	w := newWorld(t)
	if told := w.reports(contradiction(2)); len(told) != 0 {
		t.Errorf("there is no leaf: %d told", len(told))
	}
	for i := range toldLeaves + 3 {
		if told := w.begins(primitives.Hash{byte(i + 1)}); (len(told) == 1) != (i < toldLeaves) {
			t.Errorf("leaf %d: %d told", i, len(told))
		}
	}
}

func TestSoManyReportsAreOfferedAtATime(t *testing.T) {
	w := newWorld(t)
	a := w.Handler().(*arbitration)
	for i := range maxPending + 5 {
		a.pend(&misbehaviorv1.MisbehaviorReport{Context: &primitivesv1.SigningContext{Session: uint32(i)}})
	}
	told := w.begins(leaf1)
	if len(told) != maxPending || told[0].GetMisbehaviorReport().GetContext().GetSession() != 5 {
		t.Errorf("%d told", len(told))
	}
}

// T13: while the state can't be asked for a report waits; when it is gone the report goes.
func TestAReportWaitsForTheRuntime(t *testing.T) {
	fails := func(code runtimeapiv1.RuntimeApiError_Code) func(overseertest.Sent) {
		return func(s overseertest.Sent) {
			s.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
				Error: &runtimeapiv1.RuntimeApiError{Code: code}}})
		}
	}
	w := newWorld(t)
	w.begins(leaf1)
	w.answer = fails(runtimeapiv1.RuntimeApiError_CODE_VM_FAILED)
	if told := w.reports(contradiction(2)); len(told) != 0 || w.Number("judging") != 1 {
		t.Errorf("%d told, %v", len(told), w.Status())
	}
	w.answer = nil
	w.Advance(retry)
	if told := w.settle(); len(told) != 1 {
		t.Errorf("%d told", len(told))
	}
	w.answer = fails(runtimeapiv1.RuntimeApiError_CODE_PRUNED_STATE)
	if told := w.reports(doubleVote(2, "b")); len(told) != 0 || w.Number("dropped") != 1 || w.Number("judging") != 0 {
		t.Errorf("%d told, %v", len(told), w.Status())
	}
}

func TestSoManyReportsAreCheckedAtATime(t *testing.T) {
	w := newWorld(t)
	for i := range maxJudging + 3 {
		w.Send("candidate-backing", doubleVote(2, fmt.Sprint(i)))
	}
	if w.Number("judging") != maxJudging || w.Number("dropped") != 3 {
		t.Error(w.Status())
	}
	w.settle()
	if w.Number("judging") != 0 || w.Number("kept") != maxJudging {
		t.Error(w.Status())
	}
}

func TestEvidenceIsAskedForByRelayParentAndOffender(t *testing.T) {
	w := newWorld(t)
	w.reports(contradiction(2))
	w.reports(contradiction(4))
	w.reports(disagreement())
	for name, c := range map[string]struct {
		q    *misbehaviorv1.QueryEvidence
		want int
	}{
		"all":                     {&misbehaviorv1.QueryEvidence{}, 3},
		"of the relay parent":     {&misbehaviorv1.QueryEvidence{RelayParent: parent[:]}, 3},
		"of another":              {&misbehaviorv1.QueryEvidence{RelayParent: leaf1[:]}, 0},
		"against 2":               {&misbehaviorv1.QueryEvidence{Offender: public(2)}, 1},
		"against one who is none": {&misbehaviorv1.QueryEvidence{Offender: public(1)}, 0},
	} {
		if got := w.evidence(c.q); len(got) != c.want {
			t.Errorf("%s: %d", name, len(got))
		}
	}
}

func TestWhoFollowsIsToldOfWhatIsFoundFromThenOn(t *testing.T) {
	w := newWorld(t)
	w.reports(contradiction(2))
	all := w.Ask("tools", &misbehaviorv1.QueryEvidence{Follow: true})
	against := w.Ask("tools", &misbehaviorv1.QueryEvidence{Follow: true, Offender: public(4)})
	w.reports(contradiction(4))
	w.reports(contradiction(1))
	if len(items(all)) != 3 || len(items(against)) != 1 || all.Done {
		t.Errorf("%d and %d", len(items(all)), len(items(against)))
	}
	all.Cancel()
	w.reports(disagreement())
	if len(items(all)) != 3 {
		t.Error("who has gone is told")
	}
	for range maxFollowers - 1 {
		w.Ask("tools", &misbehaviorv1.QueryEvidence{Follow: true})
	}
	if a := w.Ask("tools", &misbehaviorv1.QueryEvidence{}); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Errorf("one more: %v", a.Err)
	}
}
