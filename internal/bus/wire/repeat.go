package wire

import (
	"bytes"
	"encoding/binary"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Messages of one edge differ in little but themselves: the envelopes of a burst are equal up to the counter in the id
// and the message. Template and Parser make use of that, which is an eighth of what a small message costs; what they
// write and read is what AppendEnvelope and Parse do.

// Template is the encoding of an envelope whose id's counter and message are filled in for each message.
type Template struct {
	head    []byte
	counter int // where it stands in head
	tail    []byte
}

// Set makes it the template of e, whose id is not zero. e.Message is not looked at.
func (t *Template) Set(e *Envelope) {
	var head, tail overseerv1.RoutedEnvelope
	e.head(&head)
	e.tail(&tail)
	t.head = appendRouted(t.head[:0], &head, head.SizeVT())
	t.tail = appendRouted(t.tail[:0], &tail, tail.SizeVT())
	t.counter = counterAt(e)
}

// counterAt is where the counter of the id stands in the encoding of e.
func counterAt(e *Envelope) int {
	before := overseerv1.RoutedEnvelope{Kind: overseerv1.Envelope_Kind(e.Kind)}
	return before.SizeVT() + 10
}

// Size is the length of an envelope whose message has so many bytes.
func (t *Template) Size(message int) int {
	return len(t.head) + sizeHead(fMessage, message) + message + len(t.tail)
}

// AppendHead appends what stands before a message of so many bytes, which the caller appends next, and then the Tail.
func (t *Template) AppendHead(b []byte, counter uint64, message int) []byte {
	at := len(b) + t.counter
	b = append(b, t.head...)
	binary.BigEndian.PutUint64(b[at:], counter)
	return appendHead(b, fMessage, message)
}

// AppendTail ends an envelope.
func (t *Template) AppendTail(b []byte) []byte { return append(b, t.tail...) }

// Parser parses envelopes one after the other, and recognises one that differs from the one before only in the id's
// counter and the message.
type Parser struct {
	// Envelope is the last one that was parsed.
	Envelope Envelope

	plain    bool
	known    bool // the template is that of Envelope
	template Template
}

func (p *Parser) Parse(b []byte, names Names) (plain bool, err error) {
	if p.known && p.same(b) {
		return p.plain, nil
	}
	p.plain, err = p.Envelope.Parse(b, names)
	p.known = err == nil && p.plain && p.Envelope.repeatable()
	if p.known {
		p.template.Set(&p.Envelope)
	}
	return p.plain, err
}

// repeatable tells whether the template says all of an envelope but its counter and message.
func (e *Envelope) repeatable() bool {
	return e.Message != nil && !e.ID.IsZero() && e.Reply == nil && e.Failure == nil && e.RoutingKey == nil
}

// same reads b if it repeats the last envelope.
func (p *Parser) same(b []byte) bool {
	t := &p.template
	head, at := len(t.head), t.counter
	if len(b) <= head || string(b[:at]) != string(t.head[:at]) || string(b[at+8:head]) != string(t.head[at+8:]) {
		return false
	}
	n, body, rest := bytesField(b[head:])
	if n != fMessage || !bytes.Equal(rest, t.tail) {
		return false
	}
	copy(p.Envelope.ID[8:], b[at:at+8])
	p.Envelope.Message = body
	return true
}
