// Package overseer is the broker of a validator. Every subsystem attaches to it, and every message, answer and signal goes
// through it: it routes by the message's variant without decoding the message, keeps one timeline of signals, bounds every edge
// by credit, redelivers what a dead instance had not finished, and watches that nothing hangs. It owns mailboxes, the table of open
// requests and the leaves; it keeps nothing on disk but its epoch and the quarantine. It never decides anything about blocks or
// candidates, and the end of any subsystem is not its end.
//
// Core is all of that without connections; Server puts it behind gRPC.
package overseer

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/internal/core/leaves"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Config says what an overseer is to broker for.
type Config struct {
	// Specs are the subsystems that the node knows. A known subsystem may declare no edge that its Spec doesn't have. One that
	// isn't known may attach when it has a token, and declares its edges itself.
	Specs []subsystem.Spec
	// Epoch rises with every start.
	Epoch uint64
	// Token returns the secret of a role; nil: there are no tokens, and who reaches the socket is trusted.
	Token func(role string) ([]byte, error)
	// Broker are the constants of the bus; the zero value has usable ones.
	Broker broker.Config
	// Log is where the overseer logs; nil: slog's default.
	Log *slog.Logger
}

// Core is the overseer without connections, clock and goroutines. One goroutine at a time may use it.
type Core struct {
	Broker *broker.Broker

	cfg      Config
	dir      *registry.Directory
	graph    *Graph
	leaves   *leaves.Set
	sequence uint64
	waiting  map[primitives.Hash][]wire.ID // of WaitForActivation
	statuses statuses
	log      *slog.Logger
}

// New checks the declared graph and makes a core.
func New(cfg Config) (*Core, error) {
	dir := registry.Node()
	graph, err := NewGraph(dir, cfg.Specs)
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cfg.Broker.Epoch = cfg.Epoch
	cfg.Broker.Lookup = func(enum, field protowire.Number) (broker.Variant, bool) {
		v := dir.At(enum, field)
		if v == nil {
			return broker.Variant{}, false
		}
		return broker.Variant{Name: string(v.Name), Subsystem: v.Subsystem, Lane: v.Lane, Request: v.IsRequest(), Stream: v.Stream, RetrySafe: v.RetrySafe}, true
	}
	cfg.Broker = cfg.Broker.Defaults()
	return &Core{
		Broker: broker.New(cfg.Broker), cfg: cfg, dir: dir, graph: graph, leaves: leaves.New(), waiting: map[primitives.Hash][]wire.ID{}, log: cfg.Log,
	}, nil
}

// Attach admits an instance or says why not, with an *AttachError.
func (c *Core) Attach(now time.Time, h *overseerv1.Hello) (*broker.Instance, *overseerv1.Attached, error) {
	a, err := c.admit(h)
	if err != nil {
		return nil, nil, err
	}
	i, f := c.Broker.Attach(now, a)
	if f != nil {
		return nil, nil, refuse(Forbidden, "%s", f.Message)
	}
	c.statuses.attached(i, h)
	c.log.Info("attached", "subsystem", i.Subsystem, "instance", i.Name, "generation", i.Generation, "standby", i.Standby, "pid", i.Pid)
	return i, &overseerv1.Attached{
		Protocol: Protocol, Epoch: c.cfg.Epoch, Generation: i.Generation, Standby: i.Standby, Snapshot: c.snapshot(),
		Window:          &overseerv1.Window{Messages: uint32(c.cfg.Broker.Window.Messages), Bytes: uint32(c.cfg.Broker.Window.Bytes)},
		MaxMessageBytes: uint32(c.cfg.Broker.MaxMessage),
	}, nil
}

// Detach removes an instance.
func (c *Core) Detach(now time.Time, i *broker.Instance, clean bool, cause string) {
	c.Broker.Detach(now, i, clean, cause)
	c.forgetStatus(now, i)
	c.log.Info("detached", "subsystem", i.Subsystem, "instance", i.Name, "generation", i.Generation, "clean", clean, "cause", cause)
}

// ErrGoodbye ends a stream whose subsystem has finished.
var ErrGoodbye = errors.New("the subsystem said goodbye")

// Frames takes a batch of an instance's frames. The bytes are the core's from then on.
func (c *Core) Frames(now time.Time, i *broker.Instance, batch []byte, names wire.Names) error {
	err := wire.Frames(batch, func(tag wire.Tag, body []byte) error { return c.frame(now, i, tag, body, names) })
	c.ownMessages(now)
	return err
}

func (c *Core) frame(now time.Time, i *broker.Instance, tag wire.Tag, body []byte, names wire.Names) error {
	switch tag {
	case wire.TagFromEnvelope:
		plain, err := i.Parser.Parse(body, names)
		if err != nil {
			return err
		}
		if !plain {
			body = nil
		}
		c.Broker.Receive(now, i, &i.Parser.Envelope, body)
	case wire.TagProcessed:
		p, err := wire.ParseProcessed(body)
		if err != nil {
			return err
		}
		c.Broker.Processed(now, i, p)
	case wire.TagHeartbeat:
		var h overseerv1.Heartbeat
		if err := proto.Unmarshal(body, &h); err != nil {
			return err
		}
		c.Broker.Heartbeat(now, i, time.Duration(h.HandlingMillis)*time.Millisecond, h.RssBytes)
	case wire.TagStatusAnswer:
		return c.onStatus(now, i, body)
	case wire.TagGoodbye:
		return ErrGoodbye
	case wire.TagHello:
		return errors.New("a second hello on one stream")
	}
	return nil
}

// ownMessages handles what was sent to the overseer itself.
func (c *Core) ownMessages(now time.Time) {
	for _, o := range c.Broker.Own() {
		var all overseerv1.AllMessages
		if err := proto.Unmarshal(o.Env.Message, &all); err != nil {
			c.Broker.Answer(now, o.Env.ID, nil, &wire.Failure{Code: uint32(subsystem.Refused), Message: "the message doesn't decode: " + err.Error()})
			continue
		}
		c.handle(now, o.Env.ID, all.GetOverseer())
	}
}

func (c *Core) handle(now time.Time, id wire.ID, m *overseerv1.OverseerMessage) {
	switch k := m.GetKind().(type) {
	case *overseerv1.OverseerMessage_BlockImported:
		c.onBlockImported(now, k.BlockImported)
	case *overseerv1.OverseerMessage_BlockAccepted:
		c.onBlockAccepted(k.BlockAccepted)
	case *overseerv1.OverseerMessage_WaitForActivation:
		c.onWaitForActivation(now, id, k.WaitForActivation)
	}
}

func (c *Core) onBlockImported(now time.Time, m *overseerv1.BlockImported) {
	hash, err := primitives.HashFrom(m.Hash)
	parent, err2 := primitives.HashFrom(m.Parent)
	if err = errors.Join(err, err2); err != nil {
		c.log.Warn("a block import was not understood", "why", err)
		return
	}
	c.tell(c.leaves.Import(leaves.Block{Hash: hash, Parent: parent, Number: m.Number}))
	for _, id := range c.waiting[hash] {
		c.activated(now, id)
	}
	delete(c.waiting, hash)
}

func (c *Core) onBlockAccepted(m *overseerv1.BlockAccepted) {
	hash, err := primitives.HashFrom(m.Hash)
	if err != nil {
		c.log.Warn("a block's finality was not understood", "why", err)
		return
	}
	c.tell(c.leaves.Finalize(hash, m.Number))
}

// maxWaiting bounds how many blocks may be waited for; the askers' deadlines end the waiting.
const maxWaiting = 1024

func (c *Core) onWaitForActivation(now time.Time, id wire.ID, m *overseerv1.WaitForActivation) {
	hash, err := primitives.HashFrom(m.Hash)
	switch {
	case err != nil:
		c.Broker.Answer(now, id, nil, &wire.Failure{Code: uint32(subsystem.Refused), Message: err.Error()})
	case c.leaves.IsActive(hash):
		c.activated(now, id)
	default:
		if len(c.waiting) >= maxWaiting {
			clear(c.waiting) // their askers time out, and ask again
		}
		c.waiting[hash] = append(c.stillOpen(c.waiting[hash]), id)
	}
}

// stillOpen leaves out the requests that have ended.
func (c *Core) stillOpen(ids []wire.ID) []wire.ID {
	return slices.DeleteFunc(ids, func(id wire.ID) bool { return !c.Broker.IsOpen(id) })
}

func (c *Core) activated(now time.Time, id wire.ID) {
	b, err := proto.Marshal(&overseerv1.WaitForActivationResponse{SignalSequence: c.sequence})
	if err == nil {
		c.Broker.Answer(now, id, b, nil)
	}
}

// tell makes a change of the leaves one batch of signals, enqueued to everyone in one step.
func (c *Core) tell(ch leaves.Change) {
	if ch.Empty() {
		return
	}
	var signals []*overseerv1.Signal
	if f := ch.Finalized; f != nil {
		signals = append(signals, &overseerv1.Signal{Kind: &overseerv1.Signal_BlockFinalized{BlockFinalized: &overseerv1.BlockFinalized{Hash: f.Hash[:], Number: f.Number}}})
	}
	for _, h := range ch.Stopped {
		signals = append(signals, &overseerv1.Signal{Kind: &overseerv1.Signal_StopWork{StopWork: &overseerv1.StopWork{Hash: h[:]}}})
	}
	for _, l := range ch.Started {
		signals = append(signals, &overseerv1.Signal{Kind: &overseerv1.Signal_StartWork{StartWork: startWork(l)}})
	}
	c.signal(signals)
}

func (c *Core) signal(signals []*overseerv1.Signal) {
	for _, s := range signals {
		c.sequence++
		s.Sequence = c.sequence
	}
	b, err := proto.Marshal(&overseerv1.SignalBatch{Signals: signals})
	if err != nil {
		c.log.Error("signals can't be encoded", "why", err)
		return
	}
	c.Broker.Signals(b, c.sequence)
}

// Conclude tells every subsystem that the node is stopping.
func (c *Core) Conclude() {
	c.signal([]*overseerv1.Signal{{Kind: &overseerv1.Signal_Conclude{Conclude: &overseerv1.Conclude{}}}})
}

func startWork(l leaves.Block) *overseerv1.StartWork {
	return &overseerv1.StartWork{Hash: l.Hash[:], Parent: l.Parent[:], Number: l.Number}
}

func (c *Core) snapshot() *overseerv1.Snapshot {
	s := &overseerv1.Snapshot{Sequence: c.sequence}
	for _, l := range c.leaves.Active() {
		s.Leaves = append(s.Leaves, startWork(l))
	}
	if f, ok := c.leaves.Finalized(); ok {
		s.Finalized = &overseerv1.BlockFinalized{Hash: f.Hash[:], Number: f.Number}
	}
	return s
}

// AttachError is why an instance was not admitted.
type AttachError struct {
	Reason Reason
	Text   string
}

// Reason is the kind of refusal.
type Reason int

// The reasons.
const (
	Unauthenticated Reason = iota + 1 // a wrong token
	Forbidden                         // an edge, a class or a cycle that isn't allowed
	Incompatible                      // no common protocol version
	Malformed                         // the hello makes no sense
)

// Error is the sentence.
func (e *AttachError) Error() string { return e.Text }

func refuse(r Reason, format string, args ...any) *AttachError {
	return &AttachError{Reason: r, Text: fmt.Sprintf(format, args...)}
}
