package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
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
	TagStatusAnswer Tag = 6
)

// Frames of the overseer.
const (
	TagAttached   Tag = 1
	TagSignals    Tag = 2
	TagToEnvelope Tag = 3
	TagCredit     Tag = 4
	TagPresence   Tag = 5
	TagStatus     Tag = 6
)

// Numbers of the fields that are written and found without decoding what holds them.
const (
	fFrame   protowire.Number = 1 // of AttachRequest and AttachResponse
	fMessage protowire.Number = 13
	fReply   protowire.Number = 14
)

// Batch is one stream message: AttachRequest or AttachResponse, which have the same shape. It is built frame by frame
// and sent as it is.
type Batch struct{ Bytes []byte }

// Len is the length in bytes.
func (b *Batch) Len() int { return len(b.Bytes) }

// Reset empties the batch. The bytes are given away with each send, so it starts a new buffer of the same size.
func (b *Batch) Reset() { b.Bytes = nil }

// Envelope appends an envelope as a frame with the given tag.
func (b *Batch) Envelope(tag Tag, e *Envelope) {
	var m overseerv1.RoutedEnvelope
	e.head(&m)
	e.payload(&m)
	e.tail(&m)
	size := m.SizeVT()
	b.begin(tag, size)
	b.Bytes = appendRouted(b.Bytes, &m, size)
}

// EnvelopeAround appends an envelope as a frame, with a payload of size bytes that payload appends where it stands: the
// reply of an answer, the message of all else. If that fails nothing is appended.
func (b *Batch) EnvelopeAround(tag Tag, e *Envelope, size int, payload func([]byte) ([]byte, error)) error {
	began, field := len(b.Bytes), fMessage
	if e.Kind == Reply {
		field = fReply
	}
	var head, tail overseerv1.RoutedEnvelope
	e.head(&head)
	e.tail(&tail)
	before, behind := head.SizeVT(), tail.SizeVT()
	b.begin(tag, before+sizeHead(field, size)+size+behind)
	b.Bytes = appendHead(appendRouted(b.Bytes, &head, before), field, size)
	at := len(b.Bytes)
	filled, err := payload(b.Bytes)
	if err == nil && len(filled)-at != size {
		err = fmt.Errorf("it has %d bytes and %d were announced", len(filled)-at, size)
	}
	if err != nil {
		b.Bytes = b.Bytes[:began]
		return err
	}
	b.Bytes = appendRouted(filled, &tail, behind)
	return nil
}

// Frame appends a frame whose body is already encoded.
func (b *Batch) Frame(tag Tag, body []byte) {
	b.begin(tag, len(body))
	b.Bytes = append(b.Bytes, body...)
}

// begin appends what stands before a frame's body, of which there are n bytes, and makes room for them.
func (b *Batch) begin(tag Tag, n int) {
	frame := sizeHead(tag, n) + n
	b.grow(frame + 12)
	b.Bytes = appendHead(appendHead(b.Bytes, fFrame, frame), tag, n)
}

func (b *Batch) grow(n int) {
	if cap(b.Bytes)-len(b.Bytes) >= n {
		return
	}
	grown := make([]byte, len(b.Bytes), max(2*cap(b.Bytes), len(b.Bytes)+n, 512))
	copy(grown, b.Bytes)
	b.Bytes = grown
}

// Frames calls each for every frame of a batch, in order. A frame of no known kind is given with tag 0 and skipped by
// all.
func Frames(batch []byte, each func(tag Tag, body []byte) error) error {
	for len(batch) > 0 {
		n, frame, rest := bytesField(batch)
		if n != fFrame {
			_, _, skip := protowire.ConsumeField(batch)
			if skip < 0 {
				return malformed("a field of a batch")
			}
			batch = batch[skip:]
			continue
		}
		batch = rest
		tag, body, err := sole(frame)
		if err == nil {
			err = each(tag, body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
