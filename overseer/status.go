package overseer

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// Report is the bus, and what those who are attached say of themselves.
type Report struct {
	broker.Status
	// Said is what each instance answered, by generation; nil when it didn't in time. One that doesn't answer such
	// questions isn't in it.
	Said map[uint64]*statusv1.StatusResponse
}

// statusTime is how long an instance may take to say how it is.
const statusTime = 700 * time.Millisecond

// statuses asks all instances how they are, one round after the other. Whoever wants to know while a round is under way
// waits for the next: what is said then is newer than the question.
type statuses struct {
	answering []*broker.Instance
	rounds    uint64
	ends      time.Time
	open      map[*broker.Instance]bool // nil: no round is under way
	said      map[uint64]*statusv1.StatusResponse
	asking    []func(Report)
	waiting   []question
}

// question is what somebody wants to know: how everybody is, and what they have done about a hash, if one is named.
type question struct {
	about string
	then  func(Report)
}

// mostQuestions is how many wait for a round at most. Those about a hash are refused beyond it.
const mostQuestions = 64

// attached remembers an instance that answers.
func (s *statuses) attached(i *broker.Instance, h *overseerv1.Hello) {
	if h.GetAnswersStatus() {
		s.answering = append(s.answering, i)
	}
}

// Report asks all who are attached how they are, and calls then once, when all have said so or their time is over.
func (c *Core) Report(now time.Time, then func(Report)) {
	c.statuses.waiting = append(c.statuses.waiting, question{then: then})
	c.askStatus(now)
}

// About is Report with what each has done that was about a block's or candidate's hash, of which the first four bytes
// are enough. False: too many ask already.
func (c *Core) About(now time.Time, hash []byte, then func(Report)) bool {
	if len(c.statuses.waiting) >= mostQuestions {
		return false
	}
	c.statuses.waiting = append(c.statuses.waiting, question{about: string(hash), then: then})
	c.askStatus(now)
	return true
}

// take takes those that one round can answer: all that are about one hash, and all that are about none.
func (s *statuses) take() (about string) {
	left := s.waiting[:0]
	for _, q := range s.waiting {
		if about == "" {
			about = q.about
		}
		if q.about != "" && q.about != about {
			left = append(left, q)
			continue
		}
		s.asking = append(s.asking, q.then)
	}
	s.waiting = left
	return about
}

// askStatus begins a round if somebody waits for one and none is under way.
func (c *Core) askStatus(now time.Time) {
	s := &c.statuses
	if s.open != nil || len(s.waiting) == 0 {
		return
	}
	s.rounds++
	about := s.take()
	s.ends, s.open, s.said = now.Add(statusTime), map[*broker.Instance]bool{}, map[uint64]*statusv1.StatusResponse{}
	question, err := proto.Marshal(&statusv1.StatusRequest{Id: s.rounds, About: []byte(about)})
	if err != nil {
		c.log.Error("a question can't be encoded", "err", err)
	}
	for _, i := range s.answering {
		if c.Broker.Frame(i, wire.TagStatus, question) {
			s.open[i], s.said[i.Generation] = true, nil
		}
	}
	c.endStatus(now)
}

// onStatus takes an answer.
func (c *Core) onStatus(now time.Time, i *broker.Instance, body []byte) error {
	r := &statusv1.StatusResponse{}
	if err := proto.Unmarshal(body, r); err != nil {
		return err
	}
	s := &c.statuses
	if s.open[i] && r.GetId() == s.rounds {
		s.said[i.Generation] = r
		delete(s.open, i)
		c.endStatus(now)
	}
	return nil
}

// forgetStatus no longer waits for an instance that is gone.
func (c *Core) forgetStatus(now time.Time, i *broker.Instance) {
	s := &c.statuses
	s.answering = slices.DeleteFunc(s.answering, func(o *broker.Instance) bool { return o == i })
	if s.open[i] {
		delete(s.open, i)
		c.endStatus(now)
	}
}

// endStatus ends the round when all have answered or their time is over.
func (c *Core) endStatus(now time.Time) {
	s := &c.statuses
	if s.open == nil || len(s.open) > 0 && now.Before(s.ends) {
		return
	}
	r := Report{Status: c.Broker.Status(), Said: s.said}
	asking := s.asking
	s.open, s.said, s.asking = nil, nil, nil
	for _, then := range asking {
		then(r)
	}
	c.askStatus(now)
}

// Tick is the core's time: it is called every broker.TickEvery.
func (c *Core) Tick(now time.Time) {
	c.Broker.Tick(now)
	c.endStatus(now)
}

// Report asks all who are attached how they are. It may be called from any goroutine; the error is ctx's.
func (s *Server) Report(ctx context.Context) (Report, error) {
	answer := make(chan Report, 1)
	s.with(func(now time.Time) { s.core.Report(now, func(r Report) { answer <- r }) })
	select {
	case r := <-answer:
		return r, nil
	case <-ctx.Done():
		return Report{}, ctx.Err()
	}
}

// ErrBusy says that too many ask at once.
var ErrBusy = errors.New("too many ask at once")

// About is Report with what each has done that was about a block's or candidate's hash. It may be called from any
// goroutine; the error is ctx's, or ErrBusy.
func (s *Server) About(ctx context.Context, hash []byte) (Report, error) {
	answer := make(chan Report, 1)
	busy := make(chan struct{})
	s.with(func(now time.Time) {
		if !s.core.About(now, hash, func(r Report) { answer <- r }) {
			close(busy)
		}
	})
	select {
	case r := <-answer:
		return r, nil
	case <-busy:
		return Report{}, ErrBusy
	case <-ctx.Done():
		return Report{}, ctx.Err()
	}
}
