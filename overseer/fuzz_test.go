package overseer_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// quick are constants that let a fuzz target run through timeouts at once.
var quick = overseer.Limits{Messages: 8, Bytes: 4096, MaxMessage: 1024}

// frames makes a batch of seeds.
func frames(build func(b *wire.Batch)) []byte {
	var b wire.Batch
	build(&b)
	return b.Bytes
}

// Whatever an instance sends, the overseer doesn't panic, holds no more than the window, and the others' questions are
// answered.
func FuzzFramesOfAnInstance(f *testing.F) {
	id := wire.NewID(7, 9)
	f.Add(frames(func(b *wire.Batch) {
		b.Envelope(wire.TagFromEnvelope, &wire.Envelope{Kind: wire.Request, ID: id, TimeoutMicros: 1e6,
			Message: encoded(&networkbridgev1.SendRequest{})})
		b.Envelope(wire.TagFromEnvelope, &wire.Envelope{ID: id, SignalSeq: 1 << 60, Generation: 3,
			Message: encoded(message("m"))})
		b.Envelope(wire.TagFromEnvelope, &wire.Envelope{Kind: wire.Cancel, ID: id})
	}))
	f.Add(frames(func(b *wire.Batch) {
		b.Envelope(wire.TagFromEnvelope, &wire.Envelope{Kind: wire.Reply, ID: id, Reply: []byte{1}, More: true})
		b.Envelope(wire.TagFromEnvelope, &wire.Envelope{Kind: wire.Fail, ID: id, Failure: &wire.Failure{Code: 99}})
		p := wire.Processed{SignalSeq: 1 << 63, Requests: 1 << 63}
		p.Lanes[wire.LaneBacking] = 1 << 63
		b.Frame(wire.TagProcessed, p.Append(nil))
		b.Frame(wire.TagHeartbeat, []byte{0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
		b.Frame(wire.TagHello, nil)
		b.Frame(wire.TagGoodbye, nil)
	}))
	f.Add(frames(func(b *wire.Batch) {
		b.Envelope(wire.TagFromEnvelope, &wire.Envelope{ID: id, Message: encoded(imported("A", "0", 1))})
		b.Envelope(wire.TagFromEnvelope, &wire.Envelope{ID: id,
			Message: encoded(&overseerv1.BlockAccepted{Hash: []byte("short")})})
		b.Envelope(wire.TagFromEnvelope, &wire.Envelope{Kind: wire.Request, ID: id, TimeoutMicros: 1 << 63,
			Message: encoded(&overseerv1.WaitForActivation{})})
	}))
	f.Add([]byte{0x0a, 0x00, 0x12, 0x34, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &pair{a: &part{}, b: &part{on: answerAll}}
		p.Bus = overseertest.NodeWith(t, overseer.Config{Limits: quick})
		p.sender, p.bridge = p.Attach(p.a.sender(), "sender"), p.Attach(p.b.bridge(), "bridge")
		hostile := p.Attach((&part{}).spec("collator", subsystem.Pool, p.a.declared()...), "hostile")
		p.Settle()
		for range 3 {
			err := p.Inject(hostile, data)
			if err != nil && !errors.Is(err, overseer.ErrGoodbye) {
				hostile.Unplug() // as the server does
				hostile.Replug()
			}
		}
		for _, i := range p.Status("network-bridge").Instances {
			if i.Queued+i.InFlight > 7*quick.Messages {
				t.Fatalf("%d messages in a mailbox", i.Queued+i.InFlight)
			}
		}
		p.Advance(200 * time.Millisecond)
		o := p.peers(time.Second)
		p.Advance(2 * time.Second)
		if o.ends != 1 || o.err != nil {
			t.Fatalf("the bus does not go on: %d ends, %v", o.ends, o.err)
		}
	})
}

// declared are the messages of the sender's Spec.
func (p *part) declared() []proto.Message {
	s := p.sender()
	return append(s.Sends, s.Asks...)
}

// Whatever a hello says, it is admitted or refused with a sentence, and what was admitted can leave.
func FuzzHello(f *testing.F) {
	for _, h := range []*overseerv1.Hello{hello(), {},
		{Subsystem: "x", ProtocolMax: 1, Declaration: &overseerv1.Declaration{Class: 77,
			Asks: []string{"reeve.overseer.v1.WaitForActivation", ""}}}} {
		b, err := proto.Marshal(h)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	core, err := overseer.New(overseer.Config{Specs: []subsystem.Spec{{Name: "keystore"}},
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h := &overseerv1.Hello{}
		if proto.Unmarshal(data, h) != nil {
			return
		}
		i, _, err := core.Attach(time.Unix(1, 0), h)
		var refused *overseer.AttachError
		switch {
		case err == nil:
			core.Detach(time.Unix(2, 0), i, true, "")
		case !errors.As(err, &refused) || refused.Text == "":
			t.Fatalf("%v", err)
		}
	})
}

// The SDK reads what its overseer says, who is no stranger; bytes that make no sense end the link with an error, not
// the process.
func FuzzFramesOfTheOverseer(f *testing.F) {
	f.Add(frames(func(b *wire.Batch) {
		b.Envelope(wire.TagToEnvelope, &wire.Envelope{Kind: wire.Request, ID: wire.NewID(1, 1),
			Message: encoded(&networkbridgev1.Peers{}), SignalSeq: 9})
		b.Envelope(wire.TagToEnvelope, &wire.Envelope{ID: wire.NewID(1, 2), Lane: wire.LaneBulk,
			Message: encoded(bulk("x")), Attempt: 3})
		b.Envelope(wire.TagToEnvelope, &wire.Envelope{Kind: wire.Cancel, ID: wire.NewID(1, 1)})
		b.Frame(wire.TagCredit, wire.AppendCredit(nil,
			[]wire.EdgeCredit{{To: "vm", Lane: wire.LaneBulk, Messages: 1 << 31, Finished: []uint64{1, 2, 3}}}))
	}))
	f.Add(frames(func(b *wire.Batch) {
		b.Frame(wire.TagSignals, []byte{0x0a, 0x02, 0x08, 0x07})
		b.Frame(wire.TagPresence, []byte{0x0a, 0x01, 'x'})
		b.Envelope(wire.TagToEnvelope, &wire.Envelope{Kind: wire.Fail, ID: wire.NewID(1, 3)})
	}))
	f.Add(frames(func(b *wire.Batch) { // work on a block without a name
		b.Frame(wire.TagSignals, []byte{0x0a, 0x02, 0x22, 0x00})
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &part{on: answerAll}
		bus := overseertest.NodeWith(t, overseer.Config{Limits: quick})
		m := bus.Attach(p.bridge(), "bridge")
		bus.Settle()
		_ = m.Machine().Receive(data)
		bus.Settle()
	})
}
