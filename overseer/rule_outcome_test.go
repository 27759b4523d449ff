package overseer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

func TestRule2EveryAskEndsOnceWhateverEndsIt(t *testing.T) {
	p := newPair(t, overseer.Config{})
	var open []*subsystem.Message
	p.b.on = func(m *subsystem.Message) { open = append(open, m) }

	answered, failed, late := p.request(time.Minute), p.request(time.Minute), p.request(time.Second)
	p.Settle()
	open[0].Reply(&networkbridgev1.SendRequestResponse{})
	open[0].Reply(&networkbridgev1.SendRequestResponse{}) // a duplicate
	open[0].Fail(fmt.Errorf("and a change of mind"))
	open[1].Fail(&subsystem.Failure{Code: subsystem.Responder, Detail: 7, Message: "no"})
	p.bridge.Do(func(*subsystem.Sub) {})
	p.Advance(time.Second)
	open[2].Reply(&networkbridgev1.SendRequestResponse{}) // too late
	p.bridge.Do(func(*subsystem.Sub) {})
	p.Advance(time.Hour)
	answered.code(t, 0)
	failed.code(t, subsystem.Responder)
	late.code(t, subsystem.TimedOut)
	if asks, _, _ := p.sender.Machine().Open(); asks != 0 {
		t.Errorf("%d asks are still open", asks)
	}
	if st := p.Core.Broker.Status(); st.Open != 0 {
		t.Errorf("the overseer still holds %d requests", st.Open)
	}
}

// A second reply on the wire, and one for a question that nobody asked, are dropped and counted at the overseer.
func TestRule2LateAndDuplicateRepliesAreCounted(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.b.on = answerAll
	o := p.request(time.Minute)
	p.Settle()
	o.code(t, 0)
	var b wire.Batch
	for n := range uint64(3) {
		b.Envelope(wire.TagFromEnvelope, &wire.Envelope{Kind: wire.Reply, ID: wire.NewID(n, 1), Reply: []byte{}})
	}
	if err := p.Inject(p.bridge, b.Bytes); err != nil {
		t.Fatal(err)
	}
	if got := p.Core.Broker.Count.Late; got != 3 {
		t.Errorf("%d late replies counted, want 3", got)
	}
}

func TestRule2AnAskWithoutADeadlineIsRefusedByBothSides(t *testing.T) {
	p := newPair(t, overseer.Config{})
	o := p.request(0)
	p.Settle()
	p.Advance(0)
	o.code(t, subsystem.Refused)
	var b wire.Batch
	b.Envelope(wire.TagFromEnvelope, &wire.Envelope{Kind: wire.Request, ID: wire.NewID(9, 1),
		Message: encoded(&networkbridgev1.SendRequest{})})
	before := p.Core.Broker.Count.Refused
	if err := p.Inject(p.sender, b.Bytes); err != nil || p.Core.Broker.Count.Refused != before+1 {
		t.Errorf("%v, %d refused", err, p.Core.Broker.Count.Refused)
	}
	p.Settle()
	p.b.hears(t)
}

func TestRule2TheEndOfTheResponderEndsTheAsk(t *testing.T) {
	p := newPair(t, overseer.Config{})
	o := p.request(time.Minute)
	p.Settle()
	p.bridge.Kill()
	p.Settle()
	o.code(t, subsystem.Unavailable)
}

func TestRule2AnAskOfSomebodyWhoNeverComesEnds(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.bridge.Kill()
	held, short := p.request(time.Minute), p.request(time.Second)
	p.Advance(6 * time.Second)
	held.code(t, subsystem.Unavailable)
	short.code(t, subsystem.TimedOut)
	for range 100 { // and nothing of it stays in the mailbox
		p.request(time.Second)
		p.Advance(2 * time.Second)
	}
	if n := p.Status("network-bridge").Waiting; n > 2 {
		t.Errorf("%d requests that have ended are kept", n)
	}
}

// stream asks a streamed request.
func (p *pair) stream(silence time.Duration) (o *outcome, items *int, cancel func()) {
	o, items = &outcome{}, new(int)
	p.sender.Do(func(sub *subsystem.Sub) {
		cancel = subsystem.Watch(sub, &networkbridgev1.ConnectToValidators{}, silence,
			func(r *networkbridgev1.ConnectToValidatorsResponse) {
				if int(r.Peer[0]) != *items%256 {
					o.err = fmt.Errorf("part %d came as the %d.", r.Peer[0], *items)
				}
				*items++
			}, func(err error) { o.ends++; o.err = err })
	})
	return o, items, cancel
}

func TestRule2AStreamHasItsPartsInOrderAndOneEnd(t *testing.T) {
	p := newPair(t, overseer.Config{})
	var open *subsystem.Message
	p.b.on = func(m *subsystem.Message) { open = m }
	o, items, _ := p.stream(time.Minute)
	p.bridge.Do(func(*subsystem.Sub) {
		for n := range 300 {
			open.Item(&networkbridgev1.ConnectToValidatorsResponse{Peer: []byte{byte(n)}})
		}
		open.End()
		open.End()
		open.Item(&networkbridgev1.ConnectToValidatorsResponse{Peer: []byte{0}})
	})
	o.code(t, 0)
	if *items != 300 {
		t.Errorf("%d parts", *items)
	}
}

func TestRule2CancellingAStreamReachesItsResponder(t *testing.T) {
	p := newPair(t, overseer.Config{})
	cancelled := 0
	p.b.on = func(m *subsystem.Message) { m.OnCancel(func() { cancelled++ }) }
	o, _, cancel := p.stream(time.Minute)
	p.sender.Do(func(*subsystem.Sub) { cancel(); cancel() })
	o.code(t, subsystem.Cancelled)
	if cancelled != 1 {
		t.Errorf("the responder heard of it %d times", cancelled)
	}
	silent, _, _ := p.stream(time.Second)
	p.Advance(time.Second)
	silent.code(t, subsystem.TimedOut)
	if cancelled != 2 {
		t.Error("the responder of a stream whose asker gave up goes on")
	}
	gone, _, _ := p.stream(time.Minute)
	p.sender.Kill()
	p.Settle()
	if cancelled != 3 || gone.ends != 0 {
		t.Error("the responder of a dead asker goes on")
	}
}

// A stream is asked once: whoever goes away with it, the responder or the overseer, ends it for the asker, who has kept
// the parts that came.
func TestRule2AStreamThatIsCutEndsAndIsNotAskedAgain(t *testing.T) {
	for name, cut := range map[string]func(*pair){
		"responder": func(p *pair) { p.bridge.Kill(); p.bridge.Start() },
		"overseer":  func(p *pair) { p.RestartOverseer() },
	} {
		p := newPair(t, overseer.Config{})
		asked := 0
		p.b.on = func(m *subsystem.Message) {
			asked++
			m.Item(&networkbridgev1.ConnectToValidatorsResponse{Peer: []byte{0}})
		}
		o, items, _ := p.stream(time.Minute)
		cut(p)
		p.Advance(10 * time.Second)
		o.code(t, subsystem.Unavailable)
		if *items != 1 || asked != 1 {
			t.Errorf("%s: %d parts, asked %d times", name, *items, asked)
		}
	}
}

// The time is for each silence, not for the whole.
func TestRule2AStreamMayLastAsLongAsItIsNotSilent(t *testing.T) {
	p := newPair(t, overseer.Config{})
	var open *subsystem.Message
	p.b.on = func(m *subsystem.Message) { open = m }
	o, items, _ := p.stream(time.Second)
	for n := range 10 {
		p.Advance(900 * time.Millisecond)
		p.bridge.Do(func(*subsystem.Sub) {
			open.Item(&networkbridgev1.ConnectToValidatorsResponse{Peer: []byte{byte(n)}})
		})
	}
	if o.ends != 0 || *items != 10 {
		t.Fatalf("after nine seconds: %d ends, %d parts", o.ends, *items)
	}
	p.Advance(time.Second)
	o.code(t, subsystem.TimedOut)
	if open.Open() {
		t.Error("the responder of a stream that has ended goes on")
	}
}

// An asker that doesn't read costs the overseer a bounded amount of memory: the stream ends for it, and its responder
// is told.
func TestRule2ASlowAskerEndsItsStreamAndNobodyElses(t *testing.T) {
	p := newPair(t, overseer.Config{})
	var open *subsystem.Message
	cancelled := false
	p.b.on = func(m *subsystem.Message) { open = m; m.OnCancel(func() { cancelled = true }) }
	o, _, _ := p.stream(time.Hour)
	p.sender.Deaf = true
	for n := range 64 {
		p.bridge.Do(func(*subsystem.Sub) {
			open.Item(&networkbridgev1.ConnectToValidatorsResponse{Peer: append([]byte{byte(n)},
				make([]byte, 1<<20)...)})
		})
	}
	if !cancelled {
		t.Error("the responder sent 64 MiB to somebody who doesn't read")
	}
	p.sender.Deaf = false
	p.Settle()
	o.code(t, subsystem.Overloaded)
}
