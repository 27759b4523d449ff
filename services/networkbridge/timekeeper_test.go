package networkbridge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/clocks"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// say lets a while go by in which peers say what their clocks show, which are ahead by so much.
func (s *fixture) say(ahead time.Duration, peers ...*peer) {
	for range 3 {
		for _, p := range peers {
			shows := uint64(s.Runtime.Now().Add(ahead).UnixMilli())
			p.send(nb.LaneBacking, &nbv1.Frame{Kind: &nbv1.Frame_Clock{Clock: &nbv1.Clock{UnixMillis: shows}}})
		}
		s.Advance(clocks.Every)
	}
}

func TestANodeWhoseClockIsOffIsUnwellWhenEnoughValidatorsSeeIt(t *testing.T) {
	s := opened(t)
	s.Send("engine", validators(1, 2, 3, 4))
	stranger, two, three := s.friend(9, validation), s.friend(2, validation), s.friend(3, validation)
	if s.say(time.Hour, two, stranger); s.Trouble("clock") != "" {
		t.Errorf("on the word of one validator and of a stranger: %s", s.Trouble("clock"))
	}
	if s.Number("clocks-off") != 1 || !strings.Contains(s.Status().String(), id(2).String()) {
		t.Errorf("the clock of node 2 isn't named: %v", s.Status())
	}
	s.say(time.Hour, two, three)
	want := "this node's clock is 3600 s behind its peers', as validators with 200 of 400 stake see it"
	if cause := s.Trouble("clock"); !strings.Contains(cause, want) || s.Number("clocks-off") != 0 {
		t.Errorf("when two of four validators say it: %q", cause)
	}
	if s.say(-time.Hour, two, three); !strings.Contains(s.Trouble("clock"), "3600 s ahead of its peers'") {
		t.Errorf("the other way round: %q", s.Trouble("clock"))
	}
	if s.say(time.Second, two, three); s.Trouble("clock") != "" || s.Number("clocks-off") != 0 {
		t.Errorf("when all are right: %q", s.Trouble("clock"))
	}
	s.say(time.Hour, two, three)
	if s.Send("engine", validators(1)); s.Trouble("clock") != "" {
		t.Error("it believes who is no validator any more")
	}
}

func TestValidatorsSayWhatTheirClocksShowAndOthersDont(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	said := func() (n int) {
		s.Advance(10 * clocks.Every)
		s.run()
		for _, f := range p.heard() {
			if c := f.GetClock(); c != nil {
				if n++; c.GetUnixMillis() == 0 {
					t.Error("it says nothing")
				}
			}
		}
		return n
	}
	if said() != 0 {
		t.Error("a node that nobody believes says it")
	}
	s.Send("engine", validators(1, 2))
	if said() != 10 {
		t.Error("a validator doesn't say it every so often")
	}
	late := s.peer(3)
	if late.greet(validation); len(late.frames) == 0 || late.frames[len(late.frames)-1].GetClock() == nil {
		t.Error("who comes isn't told at once")
	}
}
