package subsystem

import "google.golang.org/protobuf/proto"

// Interceptor stands between a handler and the bus. It is for drills, in which a process of production lies; a node
// that is run for anything else has none.
type Interceptor interface {
	// Send is called with each one-way message. What it returns is sent in its place, in that order.
	Send(msg proto.Message) []proto.Message
	// Ask is called with each request that has one answer. An answer that it returns is what the handler gets, and
	// nobody is asked; nil: the request goes its way.
	Ask(req proto.Message) (answer proto.Message)
}

// Through is the same way out, with an interceptor in it. A Spec's New gives it to a handler in place of its own.
func (s *Sub) Through(i Interceptor) *Sub {
	through := *s
	through.between = i
	return &through
}

// direct is the way out without it.
func (s *Sub) direct() *Sub {
	direct := *s
	direct.between = nil
	return &direct
}
