package overseer_test

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// wary is a subsystem that says what troubles it.
type wary struct {
	*part
	trouble string
}

func (w *wary) Status(s *subsystem.Status) {
	s.Check("courage", w.trouble)
	s.Number(subsystem.FieldHeight, 7)
	s.Text("mood", "wary")
}

func (w *wary) spec() subsystem.Spec {
	s := w.part.spec("keystore", subsystem.Single)
	s.New = func(*subsystem.Sub) (subsystem.Handler, error) { return w, nil }
	return s
}

// asked asks everybody and returns where the answer will be.
func asked(b *overseertest.Bus) *overseer.Report {
	r := &overseer.Report{}
	b.Core.Report(b.Runtime.Now(), func(now overseer.Report) { *r = now })
	b.Settle()
	return r
}

func answerOf(t *testing.T, r *overseer.Report, m *overseertest.Member) *statusv1.StatusResponse {
	t.Helper()
	a, known := r.Said[m.Instance().Generation]
	if !known {
		t.Fatalf("nobody asked %s: %v", m.Instance().Name, r.Said)
	}
	return a
}

func TestWhoeverIsAttachedSaysHowItIs(t *testing.T) {
	plain, w := &part{}, &wary{part: &part{}, trouble: "it saw a shadow"}
	b := overseertest.NodeWith(t, overseer.Config{Specs: []subsystem.Spec{plain.bridge(), w.spec()}})
	bridge, standby, keystore := b.Attach(plain.bridge(), "bridge"), b.Attach(plain.bridge(),
		"spare"), b.Attach(w.spec(), "keystore")
	b.Settle()
	r := asked(b)
	for _, m := range []*overseertest.Member{bridge, standby} {
		if a := answerOf(t, r, m); !a.GetReady() || !a.GetSince().AsTime().Equal(b.Runtime.Now()) {
			t.Errorf("%s says %v", m.Instance().Name, a)
		}
	}
	a := answerOf(t, r, keystore)
	if a.GetReady() || a.GetCause() != "courage: it saw a shadow" || len(a.GetFields()) != 2 ||
		a.GetFields()[0].GetNumber() != 7 {
		t.Errorf("%v", a)
	}
	if len(r.Subsystems) != 2 {
		t.Errorf("%v", r.Subsystems)
	}

	// Since is when it became what it is, and not when it was asked.
	began := b.Runtime.Now()
	b.Advance(time.Minute)
	if a := answerOf(t, asked(b), keystore); !a.GetSince().AsTime().Equal(began) ||
		!a.GetChecks()[0].GetSince().AsTime().Equal(began) {
		t.Errorf("since %v", a.GetSince().AsTime())
	}
	w.trouble = ""
	if a := answerOf(t, asked(b), keystore); !a.GetReady() || a.GetCause() != "" ||
		!a.GetSince().AsTime().Equal(b.Runtime.Now()) {
		t.Errorf("%v", a)
	}
}

func TestOneThatDoesntAnswerDelaysTheOthersForASecondAtMost(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.bridge.Busy = true
	first := asked(p.Bus)
	second := asked(p.Bus)
	if first.Said != nil {
		t.Fatal("the answer came before all had spoken")
	}
	p.bridge.Busy = false // it comes to itself when the first question's time is over
	p.Advance(1200 * time.Millisecond)
	if answerOf(t, first, p.sender) == nil {
		t.Error("the sender's answer is lost")
	}
	if second.Said == nil || answerOf(t, second, p.bridge) == nil {
		t.Error("who asked later was told of the first round")
	}

	p.bridge.Busy = true
	hung := asked(p.Bus)
	p.Advance(1200 * time.Millisecond)
	if a := answerOf(t, hung, p.bridge); a != nil || answerOf(t, hung, p.sender) == nil {
		t.Errorf("the hanging one says %v", a)
	}
}

func TestNobodyWaitsForOneThatIsGone(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.bridge.Busy = true
	r := asked(p.Bus)
	generation := p.bridge.Instance().Generation
	p.bridge.Kill()
	p.Settle()
	if a, known := r.Said[generation]; r.Said == nil || a != nil || !known {
		t.Errorf("%v", r.Said)
	}
	if answerOf(t, r, p.sender) == nil {
		t.Error("the sender's answer is lost")
	}
}

// Who asks about a hash is told what everybody did about it, and who asks how everybody is needn't wait for that.
func TestWhatWasDoneAboutAHashIsTold(t *testing.T) {
	p := newPair(t, overseer.Config{})
	red, blue := make([]byte, 32), make([]byte, 32)
	red[0], blue[0] = 1, 2
	for what, hash := range map[string][]byte{"judge": red, "other": blue} {
		p.sender.Do(func(sub *subsystem.Sub) { sub.About(hash, what, func() {}) })
	}
	about := func(hash []byte) *overseer.Report {
		r := &overseer.Report{}
		if !p.Core.About(p.Runtime.Now(), hash, func(now overseer.Report) { *r = now }) {
			t.Fatal("it was refused")
		}
		return r
	}
	begun, one, other, plain, again := asked(p.Bus), about(red), about(blue), asked(p.Bus), about(red)
	p.Settle()
	for r, want := range map[*overseer.Report]string{one: "judge", again: "judge", other: "other", begun: ""} {
		steps := answerOf(t, r, p.sender).GetSteps()
		if want == "" && len(steps) > 0 || want != "" && (len(steps) != 1 || steps[0].GetWhat() != want) {
			t.Errorf("told %v, want %q", steps, want)
		}
	}
	if answerOf(t, plain, p.sender) == nil || len(answerOf(t, one, p.bridge).GetSteps()) != 0 {
		t.Error("somebody wasn't told, or too much")
	}
}

func TestWhileOneHangsFewAskAboutHashes(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.bridge.Busy = true
	refused := 0
	for i := range 100 {
		hash := make([]byte, 32)
		hash[0] = byte(i + 1)
		if !p.Core.About(p.Runtime.Now(), hash, func(overseer.Report) {}) {
			refused++
		}
	}
	if refused != 35 { // one is under way, 64 wait
		t.Errorf("%d were refused", refused)
	}
	plain := asked(p.Bus)
	p.Advance(2 * time.Second)
	if plain.Said == nil {
		t.Error("who asks how everybody is waits for all these")
	}
}
