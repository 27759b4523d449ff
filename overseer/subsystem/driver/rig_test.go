package driver

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// rig is a machine whose parts a test moves by hand: it is the program, the link and the time.
type rig struct {
	*Machine
	clock   *virtual.Scheduler
	sent    []wire.Envelope // since the link came up
	reports []wire.Processed
	batches int
	down    bool
	epoch   uint64

	handled []Message
	signals []*overseerv1.Signal
	on      func(Message)
}

// window is small, so that it is soon full.
var window = wire.Window{Messages: 4, Bytes: 3000}

func newRig(d Declaration) *rig {
	r := &rig{clock: virtual.New()}
	r.Machine = New(&rigged{r, d}, Config{
		Runtime: r.clock.Runtime(rand.New(rand.NewPCG(1, 2)), nil), Log: slog.New(slog.DiscardHandler), Wake: func() {},
	})
	r.attach()
	return r
}

// newAsker is a rig that sends and asks the network bridge.
func newAsker() *rig {
	return newRig(Declaration{
		Name:  "bitfield-signing",
		Sends: []proto.Message{&networkbridgev1.SendMessage{}, &networkbridgev1.SendGossip{}},
		Asks:  []proto.Message{&networkbridgev1.SendRequest{}, &networkbridgev1.Peers{}},
	})
}

// attach brings a new link up.
func (r *rig) attach() {
	r.epoch++
	r.sent, r.down = nil, false
	r.Attached(&rigLink{r}, &overseerv1.Attached{
		Epoch: r.epoch, Generation: r.epoch, Window: &overseerv1.Window{Messages: uint32(window.Messages),
			Bytes: uint32(window.Bytes)},
		MaxMessageBytes: 100_000, Snapshot: &overseerv1.Snapshot{},
	})
	r.Step()
}

// detach loses it.
func (r *rig) detach() {
	r.down = true
	r.Detached(r.writer.link)
	r.Step()
}

// now runs f as the program does.
func (r *rig) now(f func()) {
	r.post(f)
	r.Step()
}

func (r *rig) advance(d time.Duration) {
	until := r.clock.Now().Add(d)
	for r.clock.Next(until.Sub(virtual.Epoch)) {
		r.Step()
	}
	r.Step()
}

// receive brings the frame that add appends.
func (r *rig) receive(add func(*wire.Batch)) {
	var b wire.Batch
	add(&b)
	if err := r.Receive(b.Bytes); err != nil {
		panic(err)
	}
	r.Step()
}

func (r *rig) envelope(e *wire.Envelope) {
	r.receive(func(b *wire.Batch) { b.Envelope(wire.TagToEnvelope, e) })
}

type rigLink struct{ r *rig }

var errDown = errors.New("down")

func (l *rigLink) Write(batch []byte, _ bool) (free []byte, err error) {
	if l.r.down {
		return nil, errDown
	}
	l.r.batches++
	return nil, wire.Frames(batch, func(tag wire.Tag, body []byte) error {
		switch tag {
		case wire.TagFromEnvelope:
			var e wire.Envelope
			err := wire.ParseEnvelope(body, &e, wire.Names{})
			l.r.sent = append(l.r.sent, e)
			return err
		case wire.TagProcessed:
			p, err := wire.ParseProcessed(body)
			l.r.reports = append(l.r.reports, p)
			return err
		}
		return nil
	})
}

// rigged is the program of a rig.
type rigged struct {
	r        *rig
	declared Declaration
}

func (p *rigged) Declaration() Declaration      { return p.declared }
func (p *rigged) Start(*Out) error              { return nil }
func (p *rigged) Signal(sig *overseerv1.Signal) { p.r.signals = append(p.r.signals, sig) }
func (p *rigged) Presence(*overseerv1.Presence) {}
func (p *rigged) Reattached()                   {}
func (p *rigged) Close()                        {}
func (p *rigged) Handle(m Message) {
	p.r.handled = append(p.r.handled, m)
	if p.r.on != nil {
		p.r.on(m)
	}
}
func (p *rigged) Status(id uint64, _ bool, _ time.Time) *statusv1.StatusResponse {
	return &statusv1.StatusResponse{Id: id}
}
