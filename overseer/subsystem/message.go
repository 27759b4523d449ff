package subsystem

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem/driver"
)

// Message is one message to the handler. A request is answered once, now or later, with Reply or Fail; a streamed one
// with any number of Items and then End or Fail. What comes after the end is dropped and counted. Nothing is asked of a
// one-way message.
type Message struct {
	// Body is the variant.
	Body proto.Message
	// From is the sending subsystem's name, as the overseer vouches for it.
	From string
	// Chain is the chain that it is about, for a subsystem that serves all; empty when the sender named none. What is
	// sent because of it goes by Sub.On of it.
	Chain string
	// Attempt is how often the message was delivered before, to this instance or an earlier one: 0 nearly always.
	Attempt int

	request *driver.Request // nil: one-way
	program *program
}

// IsRequest tells whether an answer is awaited.
func (m *Message) IsRequest() bool { return m.request != nil }

// Reply answers a request. The answer must be of the type that the protocol names.
func (m *Message) Reply(resp proto.Message) {
	if m.request != nil {
		m.request.Reply(resp)
	}
}

// Item sends one part of a streamed answer.
func (m *Message) Item(resp proto.Message) {
	if m.request != nil {
		m.request.Item(resp)
	}
}

// End ends a streamed answer.
func (m *Message) End() {
	if m.request != nil {
		m.request.End()
	}
}

// Fail ends a request with a failure: a *Failure as it is, any other error as the responder's own.
func (m *Message) Fail(err error) {
	if m.request != nil {
		m.request.Fail(toProtocol(err))
	}
}

// Unknown is what a handler does with a variant that it doesn't know.
func (m *Message) Unknown() {
	m.program.out.Unknown()
	m.Fail(Failf(Unimplemented, "%s doesn't know %s", m.program.spec.Name, m.Body.ProtoReflect().Descriptor().Name()))
}

// OnCancel sets what is to be done when the asker no longer wants the answer, or can no longer be told: the overseer
// was restarted.
func (m *Message) OnCancel(f func()) {
	if m.request != nil {
		m.request.OnCancel(f)
	}
}

// Open tells whether an answer is still wanted.
func (m *Message) Open() bool { return m.request != nil && m.request.Open() }
