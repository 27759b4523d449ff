// Package overseertest is the kit with which a subsystem is tested: the test plays the overseer. It gives signals and
// messages, and takes what the subsystem sends, asks and answers, in order. There is no goroutine and no real time in
// it, so a story runs the same each time and a timer of a minute costs nothing.
package overseertest

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/overseer/subsystem/driver"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// Overseer is the test's side of one subsystem.
type Overseer struct {
	Runtime *Runtime
	// Blobs is the node's blob store, through which the test hands large things to the subsystem and takes some from
	// it.
	Blobs driver.Blobs

	t        testing.TB
	spec     subsystem.Spec
	chain    string // that what the test sends is about
	machine  *driver.Machine
	handler  subsystem.Handler
	dir      *registry.Directory
	link     *link
	sequence uint64
	ids      uint64
	sent     []Sent
	answers  map[wire.ID]*Answer
	status   *statusv1.StatusResponse // the last one
	epoch    uint64
	gen      uint64
	window   *overseerv1.Window
	stalled  map[string]bool
}

// Sent is one message that the subsystem sent or asked.
type Sent struct {
	Body    proto.Message
	To      string
	Chain   string // that it is about
	Request bool
	Attempt int

	id wire.ID
	o  *Overseer
}

// Answer is what the subsystem answers to one request of the test's.
type Answer struct {
	Items   []proto.Message
	Reply   proto.Message // nil until it came, and when the answer was a stream or a failure
	Err     error         // a *subsystem.Failure
	Done    bool
	variant *registry.Variant
	id      wire.ID
	o       *Overseer
}

// Start attaches a subsystem to the test.
func Start(t testing.TB, spec subsystem.Spec) *Overseer {
	t.Helper()
	o := &Overseer{
		Runtime: NewRuntime(), t: t, spec: spec, dir: registry.Node(), answers: map[wire.ID]*Answer{}, epoch: 1, gen: 1,
		window: &overseerv1.Window{Messages: 1024, Bytes: 8 << 20},
	}
	log := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Blobs = driver.NewBlobs(o.Runtime.Now)
	o.machine = driver.New(handled(spec, &o.handler).Program(),
		driver.Config{Runtime: o.Runtime, Log: log, Wake: func() {}, Blobs: o.Blobs})
	o.attach()
	return o
}

// Restart plays a new start of the overseer: the subsystem is detached, and attached to a new epoch that knows no
// leaves but those given.
func (o *Overseer) Restart(leaves ...*overseerv1.StartWork) {
	o.t.Helper()
	o.machine.Detached(o.link)
	o.machine.Step()
	o.epoch++
	o.gen++
	o.attach(leaves...)
}

func (o *Overseer) attach(leaves ...*overseerv1.StartWork) {
	o.t.Helper()
	o.link = &link{o: o}
	known := &overseerv1.ChainSnapshot{Chain: o.chain, Leaves: leaves}
	o.machine.Attached(o.link, &overseerv1.Attached{
		Protocol: driver.ProtocolMax, Epoch: o.epoch, Generation: o.gen, Window: o.window, MaxMessageBytes: 4 << 20,
		Snapshot: &overseerv1.Snapshot{Sequence: o.sequence, Chains: []*overseerv1.ChainSnapshot{known}},
	})
	o.machine.Step()
	if ended, err := o.machine.Ended(); ended {
		o.t.Fatalf("%s ended at its start: %v", o.spec.Name, err)
	}
}

// On makes what the test sends and signals from now on be about a chain. It is for subsystems that serve all chains.
func (o *Overseer) On(chain string) { o.chain = chain }

// Handler is the subsystem's handler.
func (o *Overseer) Handler() subsystem.Handler { return o.handler }

// handled is a Spec that notes its handler.
func handled(spec subsystem.Spec, at *subsystem.Handler) subsystem.Spec {
	make := spec.New
	spec.New = func(sub *subsystem.Sub) (h subsystem.Handler, err error) {
		h, err = make(sub)
		*at = h
		return h, err
	}
	return spec
}

// Stall plays a receiver that finishes nothing: what it is sent one-way gives no credit back from now on.
func (o *Overseer) Stall(name string) {
	if o.stalled == nil {
		o.stalled = map[string]bool{}
	}
	o.stalled[name] = true
}

// Parked is how many messages and asks of the subsystem wait for credit, and their bytes.
func (o *Overseer) Parked() (messages, bytes int) { return o.machine.Parked() }

// Open is how many asks of the subsystem have no answer yet.
func (o *Overseer) Open() int {
	asks, _, _ := o.machine.Open()
	return asks
}

// Ended tells whether the subsystem has ended, and with what error.
func (o *Overseer) Ended() (bool, error) { return o.machine.Ended() }

// Signal gives one batch of signals.
func (o *Overseer) Signal(signals ...*overseerv1.Signal) {
	o.t.Helper()
	for _, s := range signals {
		o.sequence++
		s.Sequence = o.sequence
		if s.GetConclude() == nil {
			s.Chain = o.chain
		}
	}
	b, err := proto.Marshal(&overseerv1.SignalBatch{Signals: signals})
	if err != nil {
		o.t.Fatal(err)
	}
	var batch wire.Batch
	batch.Frame(wire.TagSignals, b)
	o.deliver(&batch)
}

// StartWork makes a block a leaf.
func (o *Overseer) StartWork(hash, parent []byte, number uint64) {
	o.t.Helper()
	leaf := &overseerv1.StartWork{Hash: hash, Parent: parent, Number: number}
	o.Signal(&overseerv1.Signal{Kind: &overseerv1.Signal_StartWork{StartWork: leaf}})
}

// StopWork ends a leaf.
func (o *Overseer) StopWork(hash []byte) {
	o.t.Helper()
	o.Signal(&overseerv1.Signal{Kind: &overseerv1.Signal_StopWork{StopWork: &overseerv1.StopWork{Hash: hash}}})
}

// Finalized announces finality.
func (o *Overseer) Finalized(hash []byte, number uint64) {
	o.t.Helper()
	block := &overseerv1.BlockFinalized{Hash: hash, Number: number}
	o.Signal(&overseerv1.Signal{Kind: &overseerv1.Signal_BlockFinalized{BlockFinalized: block}})
}

// Conclude stops the subsystem.
func (o *Overseer) Conclude() {
	o.t.Helper()
	o.Signal(&overseerv1.Signal{Kind: &overseerv1.Signal_Conclude{Conclude: &overseerv1.Conclude{}}})
}

// Presence tells that another subsystem came or went.
func (o *Overseer) Presence(name string, present bool) {
	o.t.Helper()
	b, err := proto.Marshal(&overseerv1.Presence{Subsystem: name, Chain: o.chain, Present: present})
	if err != nil {
		o.t.Fatal(err)
	}
	var batch wire.Batch
	batch.Frame(wire.TagPresence, b)
	o.deliver(&batch)
}

// Send gives the subsystem a one-way message from another one.
func (o *Overseer) Send(from string, msg proto.Message) {
	o.t.Helper()
	o.pass(from, msg, wire.OneWay, 0)
}

// Redeliver gives a one-way message as one that was delivered before.
func (o *Overseer) Redeliver(from string, msg proto.Message, attempt int) {
	o.t.Helper()
	o.pass(from, msg, wire.OneWay, attempt)
}

// Ask asks the subsystem a request on behalf of another one. The answer fills in as it comes.
func (o *Overseer) Ask(from string, req proto.Message) *Answer {
	o.t.Helper()
	v := o.dir.Of(req)
	if v == nil || !v.IsRequest() {
		o.t.Fatalf("%T is no request", req)
	}
	o.ids++
	a := &Answer{variant: v, id: wire.NewID(1<<62, o.ids), o: o}
	o.answers[a.id] = a
	o.ids--
	o.pass(from, req, wire.Request, 0)
	return a
}

// Cancel tells the subsystem that the answer is no longer wanted.
func (a *Answer) Cancel() {
	var batch wire.Batch
	batch.Envelope(wire.TagToEnvelope, &wire.Envelope{Kind: wire.Cancel, ID: a.id})
	a.o.deliver(&batch)
}

// Must returns the reply of an answer that has come and is no failure.
func Must[R proto.Message](t testing.TB, a *Answer) R {
	t.Helper()
	if !a.Done || a.Err != nil {
		t.Fatalf("no answer to %s: done %t, %v", a.variant.Short(), a.Done, a.Err)
	}
	return a.Reply.(R)
}

func (o *Overseer) pass(from string, msg proto.Message, kind wire.Kind, attempt int) {
	o.t.Helper()
	v := o.dir.Of(msg)
	if v == nil || v.Subsystem != o.spec.Name {
		o.t.Fatalf("%T is no message to %s", msg, o.spec.Name)
	}
	body, err := proto.Marshal(msg)
	if err != nil {
		o.t.Fatal(err)
	}
	o.ids++
	var batch wire.Batch
	batch.Envelope(wire.TagToEnvelope, &wire.Envelope{
		Kind: kind, ID: wire.NewID(1<<62, o.ids), From: from, To: o.spec.Name, Chain: o.chain,
		Lane: v.Lane, SignalSeq: o.sequence, Attempt: uint32(attempt),
		Message: wire.AppendVariant(nil, v.Enum, v.Field, body), RoutingKey: v.RoutingKey(msg),
	})
	o.deliver(&batch)
}

func (o *Overseer) deliver(b *wire.Batch) {
	o.t.Helper()
	if err := o.machine.Receive(b.Bytes); err != nil {
		o.t.Fatal(err)
	}
	o.machine.Step()
}

// Step runs what was posted to the subsystem from outside, by a transport for example.
func (o *Overseer) Step() { o.machine.Step() }

// Advance lets time pass; timers fire in order.
func (o *Overseer) Advance(d time.Duration) {
	o.t.Helper()
	until := o.Runtime.Now().Add(d)
	for o.Runtime.Next(until) {
		o.machine.Step()
	}
	o.machine.Step()
}

// Sent takes all that the subsystem has sent and asked since the last call.
func (o *Overseer) Sent() []Sent {
	s := o.sent
	o.sent = nil
	return s
}

// Expect takes the next message that the subsystem has sent or asked, which must be an M.
func Expect[M proto.Message](o *Overseer) (M, Sent) {
	o.t.Helper()
	var zero M
	if len(o.sent) == 0 {
		o.t.Fatalf("%s sent nothing, want %T", o.spec.Name, zero)
	}
	s := o.sent[0]
	m, ok := s.Body.(M)
	if !ok {
		o.t.Fatalf("%s sent %T {%v}, want %T", o.spec.Name, s.Body, s.Body, zero)
	}
	o.sent = o.sent[1:]
	return m, s
}

// ExpectNothing fails the test when the subsystem has sent something.
func (o *Overseer) ExpectNothing() {
	o.t.Helper()
	for _, s := range o.sent {
		o.t.Errorf("%s sent %T {%v}, want nothing", o.spec.Name, s.Body, s.Body)
	}
	o.sent = nil
}

// Reply answers an ask of the subsystem's.
func (s Sent) Reply(resp proto.Message) {
	s.o.t.Helper()
	if v := s.o.dir.Of(s.Body); v.ResponseName() != resp.ProtoReflect().Descriptor().FullName() {
		s.o.t.Fatalf("%s is answered with %s, not %T", v.Short(), v.ResponseName(), resp)
	}
	b, err := proto.Marshal(resp)
	if err != nil {
		s.o.t.Fatal(err)
	}
	s.answer(&wire.Envelope{Kind: wire.Reply, ID: s.id, Reply: append([]byte{}, b...)})
}

// Item sends one part of a streamed answer.
func (s Sent) Item(resp proto.Message) {
	s.o.t.Helper()
	b, err := proto.Marshal(resp)
	if err != nil {
		s.o.t.Fatal(err)
	}
	s.answer(&wire.Envelope{Kind: wire.Reply, ID: s.id, More: true, Reply: append([]byte{}, b...)})
}

// End ends a streamed answer.
func (s Sent) End() { s.answer(&wire.Envelope{Kind: wire.Reply, ID: s.id}) }

// Fail ends an ask of the subsystem's with a failure.
func (s Sent) Fail(code subsystem.Code, why string) {
	s.answer(&wire.Envelope{Kind: wire.Fail, ID: s.id, Failure: &wire.Failure{Code: code, Message: why}})
}

func (s Sent) answer(e *wire.Envelope) {
	var batch wire.Batch
	batch.Envelope(wire.TagToEnvelope, e)
	s.o.deliver(&batch)
}

// String shows a message in a failing test.
func (s Sent) String() string { return fmt.Sprintf("%s <- %T {%v}", s.To, s.Body, s.Body) }
