// Package wire is the bus protocol's hot path by hand: it reads and writes the frames of proto/reeve/overseer/v1 without
// reflection and without decoding the message inside. The bytes are exactly those of the generated types (a test compares
// them), so any gRPC client in any language can be the other end. It is pure: bytes in, values out.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Kind is Envelope.Kind of the protocol.
type Kind uint8

// The kinds, numbered as in envelope.proto.
const (
	OneWay Kind = iota
	Request
	Reply
	Fail
	Cancel
	kinds
)

// Lane is options.v1.Lane.
type Lane uint8

// The lanes, numbered as in options.proto. LaneCount is the size of a table by lane.
const (
	LaneNone Lane = iota
	LaneSignal
	LaneConsensus
	LaneBacking
	LaneGossip
	LaneBulk
	LaneAdmin
	LaneCount
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

// Failure is the protocol's Failure.
type Failure struct {
	Code    uint32
	Message string
	Detail  int32
}

// Envelope is the protocol's Envelope with the message and the reply as bytes. The byte slices point into the buffer that it
// was read from.
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
}

// Size is what an envelope counts on an edge: its payload and a fixed share for the header.
func (e *Envelope) Size() int { return SizeOf(len(e.Message) + len(e.Reply)) }

// SizeOf is what an envelope with a payload of so many bytes counts.
func SizeOf(payload int) int { return payload + 64 }

// Field numbers of Envelope.
const (
	fKind protowire.Number = iota + 1
	fID
	fFrom
	fTo
	fLane
	fSignalSeq
	fTimeout
	fGeneration
	fAttempt
	fMore
	fRoutingKey
	fTraceparent
	fMessage
	fReply
	fFailure
	fCausation
	fCorrelation
)

func appendTag(b []byte, n protowire.Number, t protowire.Type) []byte {
	if n < 16 {
		return append(b, byte(n)<<3|byte(t))
	}
	return protowire.AppendTag(b, n, t)
}

func appendVarint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(b, byte(v))
	case v < 1<<14:
		return append(b, byte(v)|0x80, byte(v>>7))
	}
	return protowire.AppendVarint(b, v)
}

// sizeTag is how long a field's tag is.
func sizeTag(n protowire.Number) int {
	if n < 16 {
		return 1
	}
	return protowire.SizeTag(n)
}

// sizeLength is how long a length is.
func sizeLength(size int) int {
	if size < 1<<7 {
		return 1
	}
	return protowire.SizeVarint(uint64(size))
}

func appendVarintField(b []byte, n protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendVarint(appendTag(b, n, protowire.VarintType), v)
}

// appendLength appends what stands before size bytes.
func appendLength(b []byte, n protowire.Number, size int) []byte {
	return appendVarint(appendTag(b, n, protowire.BytesType), uint64(size))
}

func appendBytesField[S ~string | ~[]byte](b []byte, n protowire.Number, v S) []byte {
	if len(v) == 0 {
		return b
	}
	return append(appendLength(b, n, len(v)), v...)
}

func appendIDField(b []byte, n protowire.Number, id *ID) []byte {
	if id.IsZero() {
		return b
	}
	return append(appendLength(b, n, len(id)), id[:]...)
}

// AppendEnvelope appends the encoding of e.
func AppendEnvelope(b []byte, e *Envelope) []byte {
	b = appendHeader(b, e)
	if e.Message != nil { // present though empty: an AllMessages that names nothing is told from none
		b = append(appendLength(b, fMessage, len(e.Message)), e.Message...)
	}
	b = appendBytesField(b, fReply, e.Reply)
	if e.Failure != nil {
		f := appendFailure(nil, e.Failure)
		b = append(appendLength(b, fFailure, len(f)), f...)
	}
	return appendTail(b, e)
}

// appendHeader appends the fields before the message.
func appendHeader(b []byte, e *Envelope) []byte {
	b = appendVarintField(b, fKind, uint64(e.Kind))
	b = appendIDField(b, fID, &e.ID)
	b = appendBytesField(b, fFrom, e.From)
	b = appendBytesField(b, fTo, e.To)
	b = appendVarintField(b, fLane, uint64(e.Lane))
	b = appendVarintField(b, fSignalSeq, e.SignalSeq)
	b = appendVarintField(b, fTimeout, e.TimeoutMicros)
	b = appendVarintField(b, fGeneration, e.Generation)
	b = appendVarintField(b, fAttempt, uint64(e.Attempt))
	b = appendVarintField(b, fMore, protowire.EncodeBool(e.More))
	b = appendBytesField(b, fRoutingKey, e.RoutingKey)
	return appendBytesField(b, fTraceparent, e.Traceparent)
}

// appendTail appends those behind it.
func appendTail(b []byte, e *Envelope) []byte {
	b = appendIDField(b, fCausation, &e.Causation)
	return appendIDField(b, fCorrelation, &e.Correlation)
}

func appendFailure(b []byte, f *Failure) []byte {
	b = appendVarintField(b, 1, uint64(f.Code))
	b = appendBytesField(b, 2, f.Message)
	return appendVarintField(b, 3, uint64(int64(f.Detail)))
}

// envelopeSize is the exact length of AppendEnvelope's output, so that a frame's length can be written before it.
func envelopeSize(e *Envelope) int {
	n := sizeVarint(e.Kind) + sizeID(&e.ID) + sizeBytes(len(e.From)) + sizeBytes(len(e.To)) + sizeVarint(e.Lane) +
		sizeVarint(e.SignalSeq) + sizeVarint(e.TimeoutMicros) + sizeVarint(e.Generation) + sizeVarint(e.Attempt) +
		sizeBytes(len(e.RoutingKey)) + sizeBytes(len(e.Traceparent)) + sizeBytes(len(e.Reply)) +
		sizeIDWide(&e.Causation) + sizeIDWide(&e.Correlation)
	if e.More {
		n += 2
	}
	if e.Message != nil {
		n += 1 + protowire.SizeBytes(len(e.Message))
	}
	if e.Failure != nil {
		n += 1 + protowire.SizeBytes(len(appendFailure(nil, e.Failure)))
	}
	return n
}

func sizeVarint[T ~uint8 | ~uint32 | ~uint64](v T) int {
	if v == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(uint64(v))
}

func sizeBytes(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + protowire.SizeBytes(n)
}

func sizeID(id *ID) int {
	if id.IsZero() {
		return 0
	}
	return 18
}

func sizeIDWide(id *ID) int { // fields 16 and up have two bytes of tag
	if id.IsZero() {
		return 0
	}
	return 19
}

// ErrMalformed is wrapped by every decoding error.
var ErrMalformed = errors.New("malformed frame")

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }
