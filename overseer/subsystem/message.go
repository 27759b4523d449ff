package subsystem

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// Message is one message to the handler. A request is answered once, now or later, with Reply or Fail; a streamed one with any
// number of Items and then End or Fail. What comes after the end is dropped and counted. Nothing is asked of a one-way message.
type Message struct {
	// Body is the variant.
	Body proto.Message
	// From is the sending subsystem's name, as the overseer vouches for it.
	From string
	// Chain is the chain that it is about, for a subsystem that serves all; empty when the sender named none. What is sent because of it
	// goes by Sub.On of it.
	Chain string
	// Attempt is how often the message was delivered before, to this instance or an earlier one: 0 nearly always.
	Attempt int

	loop     *loop
	variant  *registry.Variant
	kind     *received
	cause    cause
	id       wire.ID
	open     bool
	onCancel func()
}

// IsRequest tells whether an answer is awaited.
func (m *Message) IsRequest() bool { return m.variant != nil && m.variant.IsRequest() }

// Reply answers a request. The answer must be of the type that the protocol names.
func (m *Message) Reply(resp proto.Message) {
	if !m.open {
		m.loop.count.late++
		return
	}
	if got := resp.ProtoReflect().Descriptor().FullName(); got != m.variant.ResponseName() {
		panic(fmt.Sprintf("%s is answered with %s, the protocol says %s", m.variant.Name, got, m.variant.ResponseName()))
	}
	m.answer(resp, false)
}

// Item sends one part of a streamed answer.
func (m *Message) Item(resp proto.Message) {
	if !m.open {
		m.loop.count.late++
		return
	}
	m.answer(resp, true)
}

// End ends a streamed answer.
func (m *Message) End() {
	if !m.open {
		return
	}
	m.close()
	m.loop.respond(&wire.Envelope{Kind: wire.Reply, ID: m.id, Lane: m.variant.Lane})
}

// Fail ends a request with a failure: a *Failure as it is, any other error as the responder's own.
func (m *Message) Fail(err error) {
	if !m.open {
		m.loop.count.late++
		return
	}
	m.close()
	m.loop.respond(&wire.Envelope{Kind: wire.Fail, ID: m.id, Lane: m.variant.Lane, Failure: toWire(err)})
}

// Unknown is what a handler does with a variant that it doesn't know.
func (m *Message) Unknown() {
	m.loop.count.unknown++
	m.Fail(Failf(Unimplemented, "%s doesn't know %s", m.loop.spec.Name, m.variant.Short()))
}

// OnCancel sets what is to be done when the asker no longer wants the answer.
func (m *Message) OnCancel(f func()) { m.onCancel = f }

// Open tells whether an answer is still wanted.
func (m *Message) Open() bool { return m.open }

func (m *Message) answer(resp proto.Message, more bool) {
	size := proto.Size(resp)
	if limit := m.loop.maxMessage(); size > limit {
		m.Fail(tooLarge(m.variant.ResponseName(), size, limit))
		return
	}
	err := m.loop.reply(&wire.Envelope{Kind: wire.Reply, ID: m.id, Lane: m.variant.Lane, More: more}, resp, size)
	if err != nil {
		m.Fail(Failf(Refused, "the answer can't be encoded: %v", err))
		return
	}
	if !more {
		m.close()
	}
}

func (m *Message) close() {
	m.open = false
	delete(m.loop.serving, m.id)
}

func tooLarge[N ~string](what N, size, limit int) *Failure {
	return Failf(Refused, "%s has %d bytes and the bus takes %d: put large things in the blob store and send their hash", what, size, limit)
}
