package buswire

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// fields calls each for every field of a message, in order, with the varint or the bytes it holds. Fields of other wire types
// are skipped: they belong to a protocol newer than ours.
func fields(b []byte, each func(n protowire.Number, varint uint64, bytes []byte) error) error {
	for len(b) > 0 {
		n, t, l := protowire.ConsumeTag(b)
		if l < 0 {
			return malformed("a field's tag")
		}
		b = b[l:]
		var v uint64
		var s []byte
		switch t {
		case protowire.VarintType:
			v, l = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			s, l = protowire.ConsumeBytes(b)
			if s == nil {
				s = []byte{}
			}
		case protowire.Fixed64Type:
			v, l = protowire.ConsumeFixed64(b)
		default:
			if l = protowire.ConsumeFieldValue(n, t, b); l >= 0 {
				b = b[l:]
				continue
			}
		}
		if l < 0 {
			return malformed(fmt.Sprintf("field %d", n))
		}
		b = b[l:]
		if err := each(n, v, s); err != nil {
			return err
		}
	}
	return nil
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
	*e = Envelope{}
	return fields(b, func(n protowire.Number, v uint64, s []byte) error { return e.set(n, v, s, names) })
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
		e.From = names.Intern(s)
	case fTo:
		e.To = names.Intern(s)
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
	n, t, l := protowire.ConsumeTag(b)
	if l < 0 || t != protowire.BytesType {
		return 0, nil, malformed("a message begins with the field of its enum")
	}
	body, m := protowire.ConsumeBytes(b[l:])
	if m < 0 || l+m != len(b) {
		return 0, nil, malformed("a message holds one variant and nothing else")
	}
	return n, body, nil
}

// AppendVariant wraps a variant's bytes the way Variant reads them.
func AppendVariant(b []byte, subsystem, variant protowire.Number, body []byte) []byte {
	return append(AppendVariantHeader(b, subsystem, variant, len(body)), body...)
}

// AppendVariantHeader appends what stands before a variant's bytes, of which there are size.
func AppendVariantHeader(b []byte, subsystem, variant protowire.Number, size int) []byte {
	inner := protowire.SizeTag(variant) + protowire.SizeBytes(size)
	b = protowire.AppendVarint(protowire.AppendTag(b, subsystem, protowire.BytesType), uint64(inner))
	return protowire.AppendVarint(protowire.AppendTag(b, variant, protowire.BytesType), uint64(size))
}
