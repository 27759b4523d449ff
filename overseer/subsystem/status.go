package subsystem

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// StatusReporter is a Handler that has more to say of itself than that it is there. Health, metrics and tables show
// what it says.
type StatusReporter interface {
	// Status says how the subsystem is, from what it knows now.
	Status(s *Status)
}

// Names of fields that mean the same for all subsystems; a node shows them in its own tables.
const (
	FieldHeight       = "height"        // number: of the last accepted block of a chain
	FieldLastAccepted = "last-accepted" // text: its id
	FieldPeers        = "peers"         // number: other nodes that are connected
)

// Status takes what a subsystem says of itself. Names are lower case, with dashes.
type Status struct {
	answer *statusv1.StatusResponse
	held   *history
	now    time.Time
}

// Check adds a thing that must hold for the node to be at work: cause says why it doesn't, and is empty when it does.
func (s *Status) Check(name, cause string) {
	since := timestamppb.New(s.held.since(name, cause == "", s.now))
	s.answer.Checks = append(s.answer.Checks, &statusv1.Check{Name: name, Cause: cause, Since: since})
	if cause != "" && s.answer.Ready {
		s.answer.Ready, s.answer.Cause = false, name+": "+cause
	}
}

// Text adds a value for people.
func (s *Status) Text(name, value string) {
	s.answer.Fields = append(s.answer.Fields, &statusv1.Field{Name: name, Value: &statusv1.Field_Text{Text: value}})
}

// Number adds a value for people and for metrics.
func (s *Status) Number(name string, value int64) {
	s.answer.Fields = append(s.answer.Fields, &statusv1.Field{Name: name, Value: &statusv1.Field_Number{Number: value}})
}

// Process adds a process that the subsystem has started and keeps running.
func (s *Status) Process(p *statusv1.Process) { s.answer.Processes = append(s.answer.Processes, p) }

// history remembers since when each check has been as it is, by name; "" is all of them together.
type history map[string]struct {
	ok    bool
	since time.Time
}

func (h *history) since(name string, ok bool, now time.Time) time.Time {
	if *h == nil {
		*h = history{}
	}
	was, known := (*h)[name]
	if !known || was.ok != ok {
		was.ok, was.since = ok, now
		(*h)[name] = was
	}
	return was.since
}

// Status is driver.Program.
func (p *program) Status(id uint64, standby bool, now time.Time) *statusv1.StatusResponse {
	s := &Status{answer: &statusv1.StatusResponse{Id: id, Ready: true}, held: &p.history, now: now}
	switch h := p.handler.(type) {
	case nil:
		if !standby { // a standby does all that is to be done
			s.answer.Ready, s.answer.Cause = false, "it is starting"
		}
	case StatusReporter:
		h.Status(s)
	}
	s.answer.Since = timestamppb.New(p.history.since("", s.answer.Ready, s.now))
	return s.answer
}
