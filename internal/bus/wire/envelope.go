// Package wire is what travels on the bus, as values: envelopes, the frames and batches that they travel in, credit and
// progress. Its bytes are those of proto/reeve/overseer/v1, so that any gRPC client in any language can be the other
// end, and generated code reads and writes them. By hand it does only what generated code can't: it finds the frames in
// a batch and the variant in a message by their tags, without decoding what they hold, and it has large payloads
// encoded where they are sent from. It is pure: bytes in, values out.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Kind is Envelope.Kind of the protocol.
type Kind uint8

// The kinds.
const (
	OneWay  = Kind(overseerv1.Envelope_KIND_UNSPECIFIED)
	Request = Kind(overseerv1.Envelope_KIND_REQUEST)
	Reply   = Kind(overseerv1.Envelope_KIND_REPLY)
	Fail    = Kind(overseerv1.Envelope_KIND_FAILURE)
	Cancel  = Kind(overseerv1.Envelope_KIND_CANCEL)
	kinds   = Cancel + 1
)

// Lane is options.v1.Lane.
type Lane uint8

// The lanes. LaneCount is the size of a table by lane.
const (
	LaneNone      = Lane(optionsv1.Lane_LANE_UNSPECIFIED)
	LaneSignal    = Lane(optionsv1.Lane_LANE_SIGNAL)
	LaneConsensus = Lane(optionsv1.Lane_LANE_CONSENSUS)
	LaneBacking   = Lane(optionsv1.Lane_LANE_BACKING)
	LaneGossip    = Lane(optionsv1.Lane_LANE_GOSSIP)
	LaneBulk      = Lane(optionsv1.Lane_LANE_BULK)
	LaneAdmin     = Lane(optionsv1.Lane_LANE_ADMIN)
	LaneCount     = LaneAdmin + 1
)

// ID is an envelope's identity: generation of the sender's process, then a counter. The zero ID is "none".
type ID [16]byte

// NewID makes the counter'th id of a process whose 64-bit origin is unique for ever.
func NewID(origin, counter uint64) (id ID) {
	binary.BigEndian.PutUint64(id[:8], origin)
	binary.BigEndian.PutUint64(id[8:], counter)
	return id
}

// Counter is the second half of an id.
func (id ID) Counter() uint64 { return binary.BigEndian.Uint64(id[8:]) }

// Origin is the first half of an id.
func (id ID) Origin() uint64 { return binary.BigEndian.Uint64(id[:8]) }

// IsZero tells whether there is no id.
func (id ID) IsZero() bool { return id == ID{} }

// Failure is why a request has no answer.
type Failure = overseerv1.Failure

// Envelope is the protocol's Envelope with the message and the reply as bytes. The byte slices point into the buffer
// that it was read from.
type Envelope struct {
	Kind          Kind
	Lane          Lane
	More          bool
	Attempt       uint32
	ID            ID
	From, To      string
	SignalSeq     uint64
	TimeoutMicros uint64
	Generation    uint64
	RoutingKey    []byte
	Traceparent   string
	Message       []byte
	Reply         []byte
	Failure       *Failure
	Causation     ID
	Correlation   ID
	Chain         string // the one that it is about; empty: none is named
}

// Size is what an envelope counts on an edge: its payload and a fixed share for the header.
func (e *Envelope) Size() int { return SizeOf(len(e.Message) + len(e.Reply)) }

// SizeOf is what an envelope with a payload of so many bytes counts.
func SizeOf(payload int) int { return payload + 64 }

// ErrMalformed is wrapped by every decoding error.
var ErrMalformed = errors.New("malformed frame")

func malformed(what any) error { return fmt.Errorf("%w: %v", ErrMalformed, what) }
