package driver

import "github.com/reevenet/reeve/internal/bus/wire"

// cause is what a message is handled because of: it goes on in what is sent meanwhile.
type cause struct {
	id, correlation wire.ID
	traceparent     string
	message, from   string // the variant, and who sent it
}

// causeOf is what handling e, a message of that variant, is a cause of.
func causeOf(e *wire.Envelope, variant string) cause {
	c := cause{id: e.ID, correlation: e.Correlation, traceparent: e.Traceparent, message: variant, from: e.From}
	if c.correlation.IsZero() {
		c.correlation = e.ID
	}
	return c
}

// causes knows why the program runs now.
type causes struct{ current cause }

func (c *causes) clear() { c.current = cause{} }

// later makes f run under the cause that is current now, but for the trace: what happens by the clock is a story of its
// own, and what sets its timer again each time would be part of one for ever.
func (c *causes) later(f func()) func() {
	before := c.current.traceparent
	c.current.traceparent = ""
	defer func() { c.current.traceparent = before }()
	return c.carry(f)
}

// carry makes f run under the cause that is current now.
func (c *causes) carry(f func()) func() {
	if c.current == (cause{}) {
		return f
	}
	now := c.current
	return func() {
		c.current = now
		f()
	}
}
