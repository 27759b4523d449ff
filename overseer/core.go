// Package overseer is the broker of a validator. Every subsystem attaches to it, and every message, answer and signal
// goes through it: it routes by the message's variant without decoding the message, keeps one timeline of signals,
// bounds every edge by credit, redelivers what a dead instance had not finished, and watches that nothing hangs. It
// owns mailboxes, the table of open requests and the leaves; it keeps nothing on disk but its epoch and the quarantine.
// It never decides anything about blocks or candidates, and the end of any subsystem is not its end.
//
// Core is all of that without connections; Server puts it behind gRPC.
package overseer

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Config says what an overseer is to broker for.
type Config struct {
	// Specs are the subsystems that the node knows. A known subsystem may declare no edge that its Spec doesn't have.
	// One that isn't known may attach when it has a token, and declares its edges itself.
	Specs []subsystem.Spec
	// Chains are the names of the node's chains. Empty: it has one, which has no name.
	Chains []string
	// Epoch rises with every start.
	Epoch uint64
	// Token returns the secret of a role; nil: there are no tokens, and who reaches the socket is trusted.
	Token func(role string) ([]byte, error)
	// Limits are the constants of the bus; what is zero has a usable default.
	Limits Limits
	// Log is where the overseer logs; nil: slog's default.
	Log *slog.Logger
}

// Core is the overseer without connections, clock and goroutines. One goroutine at a time may use it.
type Core struct {
	Broker *broker.Broker

	cfg      Config
	limits   broker.Config
	dir      *registry.Directory
	graph    *Graph
	chains   []*chain
	sequence uint64
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
	limits := cfg.broker(dir, graph)
	c := &Core{Broker: broker.New(limits), cfg: cfg, limits: limits, dir: dir, graph: graph, log: cfg.Log}
	for _, name := range limits.Chains {
		c.chains = append(c.chains, newChain(name))
	}
	return c, nil
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
	c.log.Info("attached", "subsystem", i.Subsystem, "chain", i.Chain, "instance", i.Name, "generation", i.Generation,
		"standby", i.Standby, "pid", i.Pid)
	return i, &overseerv1.Attached{
		Protocol: Protocol, Epoch: c.cfg.Epoch, Generation: i.Generation, Standby: i.Standby, Snapshot: c.snapshot(i),
		Window: &overseerv1.Window{Messages: uint32(c.limits.Window.Messages),
			Bytes: uint32(c.limits.Window.Bytes)},
		MaxMessageBytes: uint32(c.limits.MaxMessage),
	}, nil
}

// Detach removes an instance.
func (c *Core) Detach(now time.Time, i *broker.Instance, clean bool, cause string) {
	c.Broker.Detach(now, i, clean, cause)
	c.forgetStatus(now, i)
	c.log.Info("detached", "subsystem", i.Subsystem, "chain", i.Chain, "instance", i.Name, "generation", i.Generation,
		"clean", clean, "err", cause)
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
			c.Broker.Answer(now, o.Env.ID, nil,
				&wire.Failure{Code: subsystem.Refused, Message: "the message doesn't decode: " + err.Error()})
			continue
		}
		c.handle(now, c.chain(o.Chain), o.Env.ID, all.GetOverseer())
	}
}

// number gives signals their place on the timeline, and encodes them.
func (c *Core) number(signals ...*overseerv1.Signal) []byte {
	for _, s := range signals {
		c.sequence++
		s.Sequence = c.sequence
	}
	b, err := (&overseerv1.SignalBatch{Signals: signals}).MarshalVTStrict()
	if err != nil { // a chain's name that is no text: New has refused it
		c.log.Error("signals can't be encoded", "err", err)
	}
	return b
}

// Conclude tells every subsystem that the node is stopping.
func (c *Core) Conclude() {
	b := c.number(&overseerv1.Signal{Kind: &overseerv1.Signal_Conclude{Conclude: &overseerv1.Conclude{}}})
	c.Broker.SignalAll(b, c.sequence)
}

// AttachError is why an instance was not admitted.
type AttachError struct {
	Reason Reason
	Text   string
}

// Reason is the kind of refusal.
type Reason int

const (
	Unauthenticated Reason = iota + 1 // a wrong token
	Forbidden                         // an edge, a class or a cycle that isn't allowed
	Incompatible                      // no common protocol version
	Malformed                         // the hello makes no sense
	Unready                           // not now, by no fault of the instance: it tries again
)

// Error is the sentence.
func (e *AttachError) Error() string { return e.Text }

func refuse(r Reason, format string, args ...any) *AttachError {
	return &AttachError{Reason: r, Text: fmt.Sprintf(format, args...)}
}
