// Package driver is what moves a subsystem: the machine that speaks the bus's protocol for it, and what a machine needs
// of whoever runs it. Package subsystem runs one as a process; the test kit and the simulator run the same in one
// thread and in virtual time. Authors of subsystems have no use for it.
//
// A machine is one ordered input and parts that each keep one promise. The inbox keeps the order in which things are
// handled; the timeline, what the program has been told of the chains; the edges, the credit of what is sent; the asks,
// that each ends exactly once; the served requests, that each is answered at most once; the writer gathers what leaves
// into batches. A machine decides nothing about messages and has no clock, no connection and no goroutine of its own.
package driver

import (
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// Protocol versions of the bus that machines speak.
const (
	ProtocolMin = 1
	ProtocolMax = 1
)

// Declaration says which subsystem a program is.
type Declaration struct {
	Name        string
	Class       overseerv1.Declaration_Class // zero: single
	Sends, Asks []proto.Message
}

// Program is what a machine runs. Its methods are called one at a time, and must not block.
type Program interface {
	Declaration() Declaration
	// Start begins: the instance is live. An error ends it.
	Start(out *Out) error
	// Signal tells of one point on the timeline.
	Signal(sig *overseerv1.Signal)
	// Handle takes one message.
	Handle(m Message)
	// Presence tells whether another subsystem has a live instance.
	Presence(p *overseerv1.Presence)
	// Reattached tells that the overseer was restarted.
	Reattached()
	// Status answers the overseer's question how the instance is, also before Start.
	Status(id uint64, standby bool, now time.Time) *statusv1.StatusResponse
	// Close puts the program away.
	Close()
}

// Message is one message to a program.
type Message struct {
	Body    proto.Message
	From    string
	Chain   string   // that it is about; empty: none was named
	Attempt int      // how often it was delivered before
	Request *Request // by which it is answered; nil: it is one-way
}

// Link carries batches of frames to the overseer.
type Link interface {
	// Write sends a batch, on the second stream where bulk is set. It may block while the connection has no room. It
	// returns memory for a later batch: that of this one, empty, or nil when it still needs it. An error means that the
	// link is down, which its owner also tells the machine.
	Write(batch []byte, bulk bool) (free []byte, err error)
}

// Config is what a machine is given.
type Config struct {
	// Chain is the one that the instance serves, of a subsystem per chain.
	Chain   string
	Runtime Runtime
	// Log is labelled with the subsystem's name and chain.
	Log *slog.Logger
	// Wake is called on any goroutine when there is something for Step to do; nil: whoever is in Run is woken.
	Wake func()
	// Tracer opens spans for the given share of blocks and candidates, 0 to 1; nil: tracing is inert.
	Tracer   trace.Tracer
	Sampling float64
	// Blobs is the node's blob store; nil: the program has none.
	Blobs Blobs
}
