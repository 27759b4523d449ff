package subsystem_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	misbehaviorarbitrationv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// toy is an availability store that asks the overseer about each candidate before it answers, and counts what it hears.
type toy struct {
	sub     *subsystem.Sub
	signals []string
	ends    []error
}

func (h *toy) Signal(sig *overseerv1.Signal) {
	switch k := sig.Kind.(type) {
	case *overseerv1.Signal_StartWork:
		h.signals = append(h.signals, "start "+string(k.StartWork.Hash[:1]))
	case *overseerv1.Signal_StopWork:
		h.signals = append(h.signals, "stop "+string(k.StopWork.Hash[:1]))
	case *overseerv1.Signal_BlockFinalized:
		h.signals = append(h.signals, "final "+string(k.BlockFinalized.Hash[:1]))
	}
}

func (h *toy) Handle(m *subsystem.Message) {
	switch v := m.Body.(type) {
	case *availabilitystorev1.QueryDataAvailability:
		subsystem.Ask(h.sub, &overseerv1.WaitForActivation{Hash: v.Candidate}, time.Second,
			func(_ *overseerv1.WaitForActivationResponse, err error) {
				h.ends = append(h.ends, err)
				if err != nil {
					m.Fail(err)
					return
				}
				m.Reply(&availabilitystorev1.QueryDataAvailabilityResponse{})
			})
	default:
		m.Unknown()
	}
}

func hash(c byte) []byte {
	h := make([]byte, 32)
	h[0] = c
	return h
}

func start(t *testing.T) (*overseertest.Overseer, *toy) {
	h := &toy{}
	o := overseertest.Start(t, subsystem.Spec{
		Name: "availability-store", Asks: []proto.Message{&overseerv1.WaitForActivation{}},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { h.sub = sub; return h, nil },
	})
	return o, h
}

func TestAnAskWithinARequestIsAnsweredThroughBoth(t *testing.T) {
	o, h := start(t)
	a := o.Ask("bitfield-signing", &availabilitystorev1.QueryDataAvailability{Candidate: hash('c')})
	_, asked := overseertest.Expect[*overseerv1.WaitForActivation](o)
	if a.Done {
		t.Fatal("answered before it was known")
	}
	asked.Reply(&overseerv1.WaitForActivationResponse{})
	overseertest.Must[*availabilitystorev1.QueryDataAvailabilityResponse](t, a)
	asked.Reply(&overseerv1.WaitForActivationResponse{}) // a duplicate
	asked.Fail(subsystem.Unavailable, "late")
	if len(h.ends) != 1 {
		t.Errorf("%d ends of one ask", len(h.ends))
	}
}

func TestAnAskEndsWithItsTimerWhenNobodyAnswers(t *testing.T) {
	o, h := start(t)
	a := o.Ask("bitfield-signing", &availabilitystorev1.QueryDataAvailability{Candidate: hash('c')})
	_, asked := overseertest.Expect[*overseerv1.WaitForActivation](o)
	o.Advance(999 * time.Millisecond)
	if a.Done {
		t.Fatal("too early")
	}
	o.Advance(time.Millisecond)
	asked.Reply(&overseerv1.WaitForActivationResponse{}) // too late
	if !a.Done || subsystem.CodeOf(a.Err) != subsystem.TimedOut || len(h.ends) != 1 {
		t.Errorf("done %t, %v, %d ends", a.Done, a.Err, len(h.ends))
	}
}

func TestARetrySafeAskIsAskedAgainWhenTheOverseerRestarts(t *testing.T) {
	o, h := start(t)
	o.Ask("bitfield-signing", &availabilitystorev1.QueryDataAvailability{Candidate: hash('c')})
	overseertest.Expect[*overseerv1.WaitForActivation](o)
	o.Restart()
	_, again := overseertest.Expect[*overseerv1.WaitForActivation](o)
	if again.Attempt != 1 {
		t.Errorf("attempt %d", again.Attempt)
	}
	again.Reply(&overseerv1.WaitForActivationResponse{})
	if len(h.ends) != 1 || h.ends[0] != nil {
		t.Errorf("ends: %v", h.ends)
	}
}

func TestTheTimelineOfASecondAttachmentIsTheDifference(t *testing.T) {
	o, h := start(t)
	o.StartWork(hash('a'), hash('0'), 1)
	o.StartWork(hash('b'), hash('0'), 1)
	o.Restart(&overseerv1.StartWork{Hash: hash('b')}, &overseerv1.StartWork{Hash: hash('c')})
	want := []string{"start a", "start b", "stop a", "start c"}
	if len(h.signals) != len(want) {
		t.Fatalf("%v, want %v", h.signals, want)
	}
	for i := range want {
		if h.signals[i] != want[i] {
			t.Fatalf("%v, want %v", h.signals, want)
		}
	}
}

func TestUnknownIsAnAnswer(t *testing.T) {
	o, _ := start(t)
	a := o.Ask("x", &availabilitystorev1.QueryPoV{})
	if !a.Done || subsystem.CodeOf(a.Err) != subsystem.Unimplemented {
		t.Errorf("%v", a.Err)
	}
}

func TestWhatIsNotDeclaredIsRefused(t *testing.T) {
	o, h := start(t)
	if err := h.sub.TrySend(&misbehaviorarbitrationv1.MisbehaviorReport{}); subsystem.CodeOf(err) != subsystem.Refused {
		t.Errorf("%v", err)
	}
	var got error
	subsystem.Ask(h.sub, &availabilitystorev1.QueryPoV{}, time.Second,
		func(_ *availabilitystorev1.QueryPoVResponse, err error) { got = err })
	if got != nil {
		t.Error("an ask called back before it returned")
	}
	o.Advance(0)
	if subsystem.CodeOf(got) != subsystem.Refused {
		t.Errorf("%v", got)
	}
	subsystem.Ask(h.sub, &overseerv1.WaitForActivation{}, 0,
		func(_ *overseerv1.WaitForActivationResponse, err error) { got = err })
	o.Advance(0)
	if subsystem.CodeOf(got) != subsystem.Refused {
		t.Errorf("an ask without a deadline: %v", got)
	}
}

func TestConcludeEndsOpenAsksAndTheSubsystem(t *testing.T) {
	o, h := start(t)
	o.Ask("x", &availabilitystorev1.QueryDataAvailability{Candidate: hash('c')})
	o.Conclude()
	if ended, err := o.Ended(); !ended || err != nil {
		t.Errorf("ended %t, %v", ended, err)
	}
	if len(h.ends) != 1 || subsystem.CodeOf(h.ends[0]) != subsystem.Cancelled {
		t.Errorf("%v", h.ends)
	}
}

func TestAFailureSaysWhatToDo(t *testing.T) {
	for err, want := range map[error]struct {
		code      subsystem.Code
		temporary bool
		text      string
	}{
		subsystem.Failf(subsystem.TimedOut, "no answer"): {subsystem.TimedOut, true,
			"timed out: no answer"},
		subsystem.Failf(subsystem.Unavailable, "nobody"): {subsystem.Unavailable, true,
			"unavailable: nobody"},
		fmt.Errorf("x: %w", subsystem.Failf(subsystem.Refused, "no")): {subsystem.Refused, false, "x: refused: no"},
		&subsystem.Failure{Code: subsystem.Responder, Detail: 7, Message: "full"}: {
			subsystem.Responder, false, "failed (7): full"},
		errors.New("another"): {subsystem.Responder, false, "another"},
	} {
		got := subsystem.CodeOf(err)
		if got != want.code || subsystem.Temporary(err) != want.temporary || err.Error() != want.text {
			t.Errorf("%v: %v, temporary %t", err, got, subsystem.Temporary(err))
		}
	}
	if subsystem.CodeOf(nil) != 0 || subsystem.Temporary(nil) {
		t.Error("no failure is one")
	}
}
