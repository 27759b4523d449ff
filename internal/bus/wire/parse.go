package wire

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// cursor goes through the fields of a message, in order. What is in front is the number, the wire type, and the varint or the bytes
// that it holds. Fields of wire types that the protocol doesn't use have neither: they belong to a protocol newer than ours.
type cursor struct {
	rest  []byte
	n     protowire.Number
	t     protowire.Type
	v     uint64
	s     []byte
	wrong bool
}

// next moves to the next field; false at the end, and at what is no field.
func (c *cursor) next() bool {
	b := c.rest
	if len(b) == 0 {
		return false
	}
	tag, l := varint(b)
	if l <= 0 || tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
		return c.malformed()
	}
	b = b[l:]
	c.n, c.t, c.v, c.s = protowire.Number(tag>>3), protowire.Type(tag&7), 0, nil
	switch c.t {
	case protowire.VarintType:
		c.v, l = varint(b)
	case protowire.BytesType:
		size, head := varint(b)
		if head <= 0 || size > uint64(len(b)-head) {
			return c.malformed()
		}
		l = head + int(size)
		c.s = b[head:l:l]
	case protowire.Fixed64Type:
		c.v, l = protowire.ConsumeFixed64(b)
	default:
		l = protowire.ConsumeFieldValue(c.n, c.t, b)
	}
	if l <= 0 {
		return c.malformed()
	}
	c.rest = b[l:]
	return true
}

// nextFrame is next where a frame is next; false: it isn't, or isn't well formed.
func (c *cursor) nextFrame() bool {
	b := c.rest
	if len(b) == 0 || b[0] != 1<<3|byte(protowire.BytesType) {
		return false
	}
	size, n := varint(b[1:])
	if n <= 0 || size > uint64(len(b)-1-n) {
		return false
	}
	end := 1 + n + int(size)
	c.n, c.t, c.v, c.s, c.rest = 1, protowire.BytesType, 0, b[1+n:end:end], b[end:]
	return true
}

func (c *cursor) malformed() bool {
	c.wrong = true
	return false
}

func (c *cursor) err() error {
	if c.wrong {
		return malformed("a field")
	}
	return nil
}

// varint is protowire.ConsumeVarint with the short ones inline.
func varint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return longVarint(b)
}

func longVarint(b []byte) (uint64, int) {
	if len(b) > 1 && b[1] < 0x80 {
		return uint64(b[0]&0x7f) | uint64(b[1])<<7, 2
	}
	return protowire.ConsumeVarint(b)
}

// only reads b as one field that holds bytes and nothing behind it, which is how frames and messages lie in each other. Where that isn't so
// the cursor finds out what is.
func only(b []byte) (n protowire.Number, body []byte, ok bool) {
	tag, l := varint(b)
	if l <= 0 || protowire.Type(tag&7) != protowire.BytesType || tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
		return 0, nil, false
	}
	size, head := varint(b[l:])
	if l += head; head <= 0 || size != uint64(len(b)-l) {
		return 0, nil, false
	}
	return protowire.Number(tag >> 3), b[l:len(b):len(b)], true
}

// fields calls each for every field of a message that holds a number or bytes.
func fields(b []byte, each func(n protowire.Number, varint uint64, bytes []byte) error) error {
	c := cursor{rest: b}
	for c.next() {
		if c.t != protowire.VarintType && c.t != protowire.BytesType && c.t != protowire.Fixed64Type {
			continue
		}
		if err := each(c.n, c.v, c.s); err != nil {
			return err
		}
	}
	return c.err()
}

// Names turns the bytes of a name into a string without allocating for names that it has seen. It holds at most a few
// hundred: names beyond that are allocated each time, so that a sender can't fill memory with them.
type Names map[string]string

const maxNames = 512

// Intern returns the string of b.
func (n Names) Intern(b []byte) string {
	if s, ok := n[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(n) < maxNames && len(s) < 128 {
		n[s] = s
	}
	return s
}

// ParseEnvelope decodes b into e. The message and the reply are not looked into.
func ParseEnvelope(b []byte, e *Envelope, names Names) error {
	_, err := e.Parse(b, names)
	return err
}

// wireTypes of the envelope's fields.
var wireTypes = [fCorrelation + 1]protowire.Type{
	fID: protowire.BytesType, fFrom: protowire.BytesType, fTo: protowire.BytesType, fRoutingKey: protowire.BytesType, fTraceparent: protowire.BytesType,
	fMessage: protowire.BytesType, fReply: protowire.BytesType, fFailure: protowire.BytesType, fCausation: protowire.BytesType, fCorrelation: protowire.BytesType,
}

// Parse decodes b into e and tells whether b is plain: every field is known, stands once and in order, so that whoever reads b reads the
// same, by whatever rule it merges what stands twice.
func (e *Envelope) Parse(b []byte, names Names) (plain bool, err error) {
	from, to := e.From, e.To
	*e = Envelope{From: from, To: to} // most often the next names are the same, and needn't be looked up
	plain, hasFrom, hasTo := true, false, false
	c := cursor{rest: b}
	for last := protowire.Number(0); c.next(); last = c.n {
		if c.n <= last || c.n > fCorrelation || c.t != wireTypes[c.n] {
			plain = false
		}
		hasFrom, hasTo = hasFrom || c.n == fFrom, hasTo || c.n == fTo
		if err := e.set(c.n, c.v, c.s, names); err != nil {
			return false, err
		}
	}
	if !hasFrom {
		e.From = ""
	}
	if !hasTo {
		e.To = ""
	}
	return plain, c.err()
}

func again(name string, s []byte, names Names) string {
	if name == string(s) {
		return name
	}
	return names.Intern(s)
}

func (e *Envelope) set(n protowire.Number, v uint64, s []byte, names Names) (err error) {
	switch n {
	case fKind:
		if v >= uint64(kinds) {
			return malformed(fmt.Sprintf("no kind %d of envelope", v))
		}
		e.Kind = Kind(v)
	case fLane:
		if v >= uint64(LaneCount) {
			return malformed(fmt.Sprintf("no lane %d", v))
		}
		e.Lane = Lane(v)
	case fID:
		e.ID, err = parseID(s)
	case fCausation:
		e.Causation, err = parseID(s)
	case fCorrelation:
		e.Correlation, err = parseID(s)
	case fFrom:
		e.From = again(e.From, s, names)
	case fTo:
		e.To = again(e.To, s, names)
	case fSignalSeq:
		e.SignalSeq = v
	case fTimeout:
		e.TimeoutMicros = v
	case fGeneration:
		e.Generation = v
	case fAttempt:
		e.Attempt = uint32(v)
	case fMore:
		e.More = v != 0
	case fRoutingKey:
		e.RoutingKey = s
	case fTraceparent:
		if !utf8.Valid(s) {
			return malformed("the traceparent is not UTF-8")
		}
		e.Traceparent = string(s)
	case fMessage:
		e.Message = s
	case fReply:
		e.Reply = s
	case fFailure:
		e.Failure, err = parseFailure(s)
	}
	return err
}

func parseID(b []byte) (id ID, err error) {
	if len(b) != len(id) {
		return id, malformed(fmt.Sprintf("an id of %d bytes", len(b)))
	}
	copy(id[:], b)
	return id, nil
}

func parseFailure(b []byte) (*Failure, error) {
	f := &Failure{}
	return f, fields(b, func(n protowire.Number, v uint64, s []byte) error {
		switch n {
		case 1:
			f.Code = uint32(v)
		case 2:
			if !utf8.Valid(s) {
				return malformed("a failure's sentence is not UTF-8")
			}
			f.Message = string(s)
		case 3:
			f.Detail = int32(v)
		}
		return nil
	})
}

// Variant reads the two tags at the head of an AllMessages: the field of the subsystem and the field of the variant in its
// enum, and the variant's own bytes. A message that names no variant has zeroes, which nobody serves.
func Variant(message []byte) (subsystem, variant protowire.Number, body []byte, err error) {
	subsystem, inner, err := soleField(message)
	if err != nil || subsystem == 0 {
		return 0, 0, nil, err
	}
	variant, body, err = soleField(inner)
	return subsystem, variant, body, err
}

func soleField(b []byte) (protowire.Number, []byte, error) {
	if len(b) == 0 {
		return 0, nil, nil
	}
	if n, body, ok := only(b); ok {
		return n, body, nil
	}
	c := cursor{rest: b}
	if !c.next() || c.s == nil {
		return 0, nil, malformed("a message begins with the field of its enum")
	}
	if len(c.rest) > 0 {
		return 0, nil, malformed("a message holds one variant and nothing else")
	}
	return c.n, c.s, nil
}

// AppendVariant wraps a variant's bytes the way Variant reads them.
func AppendVariant(b []byte, subsystem, variant protowire.Number, body []byte) []byte {
	return append(AppendVariantHeader(b, subsystem, variant, len(body)), body...)
}

// VariantHeader is the most that AppendVariantHeader appends.
const VariantHeader = 16

// VariantHeaderSize is how much it appends.
func VariantHeaderSize(subsystem, variant protowire.Number, size int) int {
	inner := sizeTag(variant) + sizeLength(size)
	return sizeTag(subsystem) + sizeLength(inner+size) + inner
}

// AppendVariantHeader appends what stands before a variant's bytes, of which there are size.
func AppendVariantHeader(b []byte, subsystem, variant protowire.Number, size int) []byte {
	return appendLength(appendLength(b, subsystem, sizeTag(variant)+sizeLength(size)+size), variant, size)
}
