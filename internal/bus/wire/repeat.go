package wire

import (
	"bytes"
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// Messages of one edge differ in little but themselves: the envelopes of a burst are equal up to the counter in the id and the message.
// Template and Parser make use of that; what they write and read is what AppendEnvelope and Parse do.

// Template is the encoding of an envelope whose id's counter and message are filled in for each message.
type Template struct {
	head    []byte
	counter int // where it stands in head
	tail    []byte
}

// Set makes it the template of e, whose id is not zero. e.Message is not looked at.
func (t *Template) Set(e *Envelope) {
	t.head = appendHeader(t.head[:0], e)
	t.counter = sizeVarint(e.Kind) + 10
	t.tail = appendTail(t.tail[:0], e)
}

// Size is the length of an envelope whose message has so many bytes.
func (t *Template) Size(message int) int {
	return len(t.head) + 1 + sizeLength(message) + message + len(t.tail)
}

// AppendHead appends what stands before a message of so many bytes, which the caller appends next, and then the Tail.
func (t *Template) AppendHead(b []byte, counter uint64, message int) []byte {
	at := len(b) + t.counter
	b = append(b, t.head...)
	binary.BigEndian.PutUint64(b[at:], counter)
	return appendLength(b, fMessage, message)
}

// AppendTail ends an envelope.
func (t *Template) AppendTail(b []byte) []byte { return append(b, t.tail...) }

// Parser parses envelopes one after the other, and recognises one that differs from the one before only in the id's counter and the
// message.
type Parser struct {
	// Envelope is the last one that was parsed.
	Envelope Envelope

	plain      bool
	known      bool   // head and tail are those of Envelope
	head, tail []byte // before the message's tag, and behind the message
	counter    int
}

// Parse is Envelope.Parse.
func (p *Parser) Parse(b []byte, names Names) (plain bool, err error) {
	if p.known && p.same(b) {
		return p.plain, nil
	}
	p.known = false
	p.plain, err = p.Envelope.Parse(b, names)
	if e := &p.Envelope; err == nil && p.plain && e.Message != nil && !e.ID.IsZero() && e.Reply == nil && e.Failure == nil && e.RoutingKey == nil {
		p.remember(b)
	}
	return p.plain, err
}

// remember keeps what a plain envelope has around its message.
func (p *Parser) remember(b []byte) {
	e := &p.Envelope
	tail := sizeIDWide(&e.Causation) + sizeIDWide(&e.Correlation)
	end := len(b) - tail
	head := end - len(e.Message) - 1 - protowire.SizeVarint(uint64(len(e.Message)))
	counter := sizeVarint(e.Kind) + 10
	if head < counter+8 || b[head] != byte(fMessage)<<3|byte(protowire.BytesType) || !bytes.Equal(b[counter-8:counter+8], e.ID[:]) {
		return // plain, but not as we write it
	}
	p.head, p.tail, p.counter, p.known = append(p.head[:0], b[:head]...), append(p.tail[:0], b[end:]...), counter, true
}

// same reads b if it repeats the last envelope.
func (p *Parser) same(b []byte) bool {
	head, at := len(p.head), p.counter
	if len(b) <= head+len(p.tail) || string(b[:at]) != string(p.head[:at]) || string(b[at+8:head]) != string(p.head[at+8:]) ||
		b[head] != byte(fMessage)<<3|byte(protowire.BytesType) {
		return false
	}
	rest := b[head+1:]
	size, n := varint(rest)
	if n <= 0 || size != uint64(len(rest)-n-len(p.tail)) {
		return false
	}
	end := n + int(size)
	if string(rest[end:]) != string(p.tail) {
		return false
	}
	copy(p.Envelope.ID[8:], b[at:at+8])
	p.Envelope.Message = rest[n:end:end]
	return true
}
