package wire

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Names turns the bytes of a name into a string without allocating for names that it has seen. It holds at most a few
// hundred: names beyond that are allocated each time, so that a sender can't fill memory with them.
type Names map[string]string

const maxNames = 512

// Intern returns a copy of s, whose memory is used again.
func (n Names) Intern(s string) string {
	if known, ok := n[s]; ok {
		return known
	}
	s = strings.Clone(s)
	if len(n) < maxNames && len(s) < 128 {
		n[s] = s
	}
	return s
}

// ParseEnvelope decodes b into e. The message and the reply are not looked into.
func ParseEnvelope(b []byte, e *Envelope, names Names) error {
	_, err := e.Parse(b, names)
	return err
}

// Parse decodes b into e and tells whether b is plain: every field is known and stands once, so that whoever reads b
// reads the same, by whatever rule it merges what stands twice.
func (e *Envelope) Parse(b []byte, names Names) (plain bool, err error) {
	var m overseerv1.RoutedEnvelope
	if err := m.UnmarshalVTUnsafe(b); err != nil {
		return false, malformed(err)
	}
	if err := e.set(&m, names); err != nil {
		return false, err
	}
	// What stands twice, or isn't written in the shortest way, makes b longer than the encoding of what was read.
	return !m.HasUnknown() && m.SizeVT() == len(b), nil
}

// set takes over what was read. The strings and bytes of m lie in the buffer that it was read from.
func (e *Envelope) set(m *overseerv1.RoutedEnvelope, names Names) (err error) {
	lane, err := laneOf(m.Lane)
	switch {
	case err != nil:
		return err
	case m.Kind < 0 || m.Kind >= overseerv1.Envelope_Kind(kinds):
		return malformed(fmt.Sprintf("no kind %d of envelope", m.Kind))
	case !utf8.ValidString(m.Traceparent):
		return malformed("the traceparent is not UTF-8")
	}
	*e = Envelope{
		Kind: Kind(m.Kind), Lane: lane, More: m.More, Attempt: m.Attempt,
		From: again(e.From, m.From, names), To: again(e.To, m.To, names), Chain: again(e.Chain, m.Chain, names),
		SignalSeq: m.SignalSequence, TimeoutMicros: m.TimeoutMicros, Generation: m.Generation,
		RoutingKey: m.RoutingKey, Traceparent: strings.Clone(m.Traceparent), Message: m.Message, Reply: m.Reply,
	}
	if m.Failure != nil {
		if e.Failure, err = parseFailure(m.Failure); err != nil {
			return err
		}
	}
	if !e.ID.set(m.Id) || !e.Causation.set(m.CausationId) || !e.Correlation.set(m.CorrelationId) {
		return malformed("an id has 16 bytes")
	}
	return nil
}

func (id *ID) set(b []byte) bool {
	return copy(id[:], b) == len(b) && (len(b) == 0 || len(b) == len(id))
}

// again is a copy of name: most often the last one, which needn't be looked up.
func again(last, name string, names Names) string {
	if last == name {
		return last
	}
	return names.Intern(name)
}

func parseFailure(b []byte) (*Failure, error) {
	f := &Failure{}
	if err := proto.Unmarshal(b, f); err != nil {
		return nil, malformed(err)
	}
	return f, nil
}
