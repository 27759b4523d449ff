package wire

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// AppendEnvelope appends the encoding of e.
func AppendEnvelope(b []byte, e *Envelope) []byte {
	var m overseerv1.RoutedEnvelope
	e.head(&m)
	e.payload(&m)
	e.tail(&m)
	return appendRouted(b, &m, m.SizeVT())
}

// head fills in the fields before the message.
func (e *Envelope) head(m *overseerv1.RoutedEnvelope) {
	m.Kind, m.Lane, m.More, m.Attempt = overseerv1.Envelope_Kind(e.Kind), optionsv1.Lane(e.Lane), e.More, e.Attempt
	m.Id, m.From, m.To = e.ID.field(), e.From, e.To
	m.SignalSequence, m.TimeoutMicros, m.Generation = e.SignalSeq, e.TimeoutMicros, e.Generation
	m.RoutingKey, m.Traceparent = e.RoutingKey, e.Traceparent
}

// payload fills in the message, or what stands in its place.
func (e *Envelope) payload(m *overseerv1.RoutedEnvelope) {
	m.Message, m.Reply = e.Message, e.Reply
	if f := e.Failure; f != nil {
		text := strings.ToValidUTF8(f.Message, "\uFFFD")
		m.Failure, _ = proto.MarshalOptions{}.MarshalAppend([]byte{},
			&Failure{Code: f.Code, Message: text, Detail: f.Detail})
	}
}

// tail fills in the fields behind it.
func (e *Envelope) tail(m *overseerv1.RoutedEnvelope) {
	m.CausationId, m.CorrelationId, m.Chain = e.Causation.field(), e.Correlation.field(), e.Chain
}

// field is how an id stands in a message: not at all when there is none.
func (id *ID) field() []byte {
	if id.IsZero() {
		return nil
	}
	return id[:]
}

func appendRouted(b []byte, m *overseerv1.RoutedEnvelope, size int) []byte {
	end := len(b) + size
	b = slices.Grow(b, size)[:end]
	_, _ = m.MarshalToSizedBufferVTStrict(b[end-size:]) // can't fail: it holds no messages
	return b
}
