package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Tag says what a frame is: the field number in SubsystemFrame or OverseerFrame.
type Tag = protowire.Number

// Frames of a subsystem.
const (
	TagHello        Tag = 1
	TagFromEnvelope Tag = 2
	TagProcessed    Tag = 3
	TagHeartbeat    Tag = 4
	TagGoodbye      Tag = 5
)

// Frames of the overseer.
const (
	TagAttached   Tag = 1
	TagSignals    Tag = 2
	TagToEnvelope Tag = 3
	TagCredit     Tag = 4
	TagPresence   Tag = 5
)

// Batch is one stream message: AttachRequest or AttachResponse, which have the same shape. It is built frame by frame and
// sent as it is.
type Batch struct{ Bytes []byte }

// Len is the length in bytes.
func (b *Batch) Len() int { return len(b.Bytes) }

// Reset empties the batch. The bytes are given away with each send, so it starts a new buffer of the same size.
func (b *Batch) Reset() { b.Bytes = nil }

// Envelope appends an envelope as a frame with the given tag.
func (b *Batch) Envelope(tag Tag, e *Envelope) {
	b.begin(tag, envelopeSize(e))
	b.Bytes = AppendEnvelope(b.Bytes, e)
}

// EnvelopeAround appends an envelope as a frame, with a payload of size bytes that payload appends where it stands: the reply of an answer,
// the message of all else. If that fails nothing is appended.
func (b *Batch) EnvelopeAround(tag Tag, e *Envelope, size int, payload func([]byte) ([]byte, error)) error {
	began, field := len(b.Bytes), fMessage
	if e.Kind == Reply {
		field = fReply
	}
	head := envelopeSize(e)
	b.begin(tag, head+1+protowire.SizeBytes(size))
	b.grow(head + 1 + protowire.SizeBytes(size))
	b.Bytes = appendLength(appendHeader(b.Bytes, e), field, size)
	at := len(b.Bytes)
	filled, err := payload(b.Bytes)
	if err == nil && len(filled)-at != size {
		err = fmt.Errorf("it has %d bytes and %d were announced", len(filled)-at, size)
	}
	if err != nil {
		b.Bytes = b.Bytes[:began]
		return err
	}
	b.Bytes = appendTail(filled, e)
	return nil
}

// Frame appends a frame whose body is already encoded.
func (b *Batch) Frame(tag Tag, body []byte) {
	b.begin(tag, len(body))
	b.Bytes = append(b.Bytes, body...)
}

// begin appends what stands before a frame's body, of which there are n bytes, and makes room for them.
func (b *Batch) begin(tag Tag, n int) {
	frame := sizeTag(tag) + sizeLength(n) + n
	b.grow(frame + 12)
	b.Bytes = appendLength(appendLength(b.Bytes, 1, frame), tag, n)
}

func (b *Batch) grow(n int) {
	if cap(b.Bytes)-len(b.Bytes) >= n {
		return
	}
	grown := make([]byte, len(b.Bytes), max(2*cap(b.Bytes), len(b.Bytes)+n, 512))
	copy(grown, b.Bytes)
	b.Bytes = grown
}

// Frames calls each for every frame of a batch, in order. A frame of no known kind is given with tag 0 and skipped by all.
func Frames(batch []byte, each func(tag Tag, body []byte) error) error {
	outer := cursor{rest: batch}
	for outer.nextFrame() || outer.next() {
		if outer.n != 1 || outer.s == nil {
			continue
		}
		tag, body, err := frame(outer.s)
		if err == nil {
			err = each(tag, body)
		}
		if err != nil {
			return err
		}
	}
	return outer.err()
}

func frame(b []byte) (Tag, []byte, error) {
	if len(b) == 0 {
		return 0, nil, nil
	}
	if n, body, ok := only(b); ok {
		return n, body, nil
	}
	inner := cursor{rest: b}
	if !inner.next() || inner.s == nil {
		return 0, nil, malformed("a frame's kind")
	}
	if len(inner.rest) > 0 {
		return 0, nil, malformed("a frame holds one kind and nothing else")
	}
	return inner.n, inner.s, nil
}

// Processed is the protocol's Processed: running counts of one-way messages per lane, and of requests.
type Processed struct {
	Lanes     [LaneCount]uint64
	SignalSeq uint64
	Requests  uint64
}

// Append appends the encoding. Lanes that stand at zero are left out.
func (p *Processed) Append(b []byte) []byte {
	for lane, count := range p.Lanes {
		if count == 0 {
			continue
		}
		entry := appendVarintField(appendVarintField(make([]byte, 0, 16), 1, uint64(lane)), 2, count)
		b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), entry)
	}
	return appendVarintField(appendVarintField(b, 2, p.SignalSeq), 3, p.Requests)
}

// ParseProcessed decodes what Append wrote.
func ParseProcessed(b []byte) (p Processed, err error) {
	err = fields(b, func(n protowire.Number, v uint64, s []byte) error {
		switch n {
		case 1:
			return p.lane(s)
		case 2:
			p.SignalSeq = v
		case 3:
			p.Requests = v
		}
		return nil
	})
	return p, err
}

func (p *Processed) lane(b []byte) error {
	var lane, count uint64
	err := fields(b, func(n protowire.Number, v uint64, _ []byte) error {
		switch n {
		case 1:
			lane = v
		case 2:
			count = v
		}
		return nil
	})
	if err != nil {
		return err
	}
	if lane >= uint64(LaneCount) {
		return malformed("a lane beyond the last")
	}
	p.Lanes[lane] = count
	return nil
}

// EdgeCredit is the protocol's EdgeCredit.
type EdgeCredit struct {
	To       string
	Lane     Lane
	Messages uint32
	Bytes    uint32
	Finished []uint64
}

// AppendCredit appends the encoding of Credit.
func AppendCredit(b []byte, edges []EdgeCredit) []byte {
	for i := range edges {
		e := &edges[i]
		entry := appendBytesField(make([]byte, 0, 48), 1, e.To)
		entry = appendVarintField(entry, 2, uint64(e.Lane))
		entry = appendVarintField(entry, 3, uint64(e.Messages))
		entry = appendVarintField(entry, 4, uint64(e.Bytes))
		if len(e.Finished) > 0 {
			entry = protowire.AppendVarint(protowire.AppendTag(entry, 5, protowire.BytesType), uint64(8*len(e.Finished)))
			for _, f := range e.Finished {
				entry = protowire.AppendFixed64(entry, f)
			}
		}
		b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), entry)
	}
	return b
}

// ParseCredit decodes what AppendCredit wrote.
func ParseCredit(b []byte, names Names) (edges []EdgeCredit, err error) {
	err = fields(b, func(n protowire.Number, _ uint64, s []byte) error {
		if n != 1 {
			return nil
		}
		e, err := parseEdge(s, names)
		edges = append(edges, e)
		return err
	})
	return edges, err
}

func parseEdge(b []byte, names Names) (e EdgeCredit, err error) {
	err = fields(b, func(n protowire.Number, v uint64, s []byte) error {
		switch n {
		case 1:
			e.To = names.Intern(s)
		case 2:
			if v >= uint64(LaneCount) {
				return malformed("a lane beyond the last")
			}
			e.Lane = Lane(v)
		case 3:
			e.Messages = uint32(v)
		case 4:
			e.Bytes = uint32(v)
		case 5:
			return e.finished(v, s)
		}
		return nil
	})
	return e, err
}

func (e *EdgeCredit) finished(v uint64, packed []byte) error {
	if packed == nil { // an encoder may also write a repeated number unpacked
		e.Finished = append(e.Finished, v)
		return nil
	}
	if len(packed)%8 != 0 {
		return malformed("ids of a credit")
	}
	for ; len(packed) > 0; packed = packed[8:] {
		v, _ := protowire.ConsumeFixed64(packed)
		e.Finished = append(e.Finished, v)
	}
	return nil
}
