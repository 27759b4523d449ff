package subsystem

// Traceparent is the W3C trace context of what the handler does now; empty when its trace isn't sampled. It is for a port that
// carries a call out of the node's bus, into a plugin for example.
func (s *Sub) Traceparent() string { return s.loop.current.traceparent }
