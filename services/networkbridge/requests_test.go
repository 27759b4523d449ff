package networkbridge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

func ask(to byte, text string) *nbv1.SendRequest {
	return &nbv1.SendRequest{Peer: raw(id(to)), Protocol: "stmt", Payload: []byte(text), DeadlineMs: 2000}
}

func request(t *testing.T, p *peer) *nbv1.WireRequest {
	t.Helper()
	for _, f := range p.heard() {
		if r := f.GetRequest(); r != nil {
			return r
		}
	}
	t.Fatal("no request reached the peer")
	return nil
}

func (p *peer) respond(id uint64, text string) {
	p.send(nb.LaneBacking, &nbv1.Frame{Kind: &nbv1.Frame_Response{
		Response: &nbv1.WireResponse{Id: id, Outcome: &nbv1.WireResponse_Payload{Payload: []byte(text)}},
	}})
}

func (p *peer) ask(n uint64, text string) {
	p.send(nb.LaneBacking, &nbv1.Frame{Kind: &nbv1.Frame_Request{
		Request: &nbv1.WireRequest{Id: n, Protocol: "stmt", Payload: []byte(text), DeadlineMs: 1000},
	}})
}

func outcome(t *testing.T, a *overseertest.Answer) string {
	t.Helper()
	r := overseertest.Must[*nbv1.SendRequestResponse](t, a)
	if f := r.GetFailure(); f != nil {
		return strings.TrimPrefix(f.GetCode().String(), "REQUEST_FAILURE_CODE_")
	}
	return string(r.GetPayload())
}

func TestARequestIsAnsweredByItsPeer(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	a := s.Ask("statement-distribution", ask(2, "what?"))
	s.run()
	r := request(t, p)
	if string(r.GetPayload()) != "what?" || r.GetDeadlineMs() != 2000 {
		t.Errorf("the peer was asked %v", r)
	}
	p.respond(r.GetId(), "this")
	if got := outcome(t, a); got != "this" {
		t.Errorf("outcome %s", got)
	}
	p.respond(r.GetId(), "again")
	if got := s.info(2).GetReputation(); got != -10 {
		t.Errorf("a second answer: reputation %d", got)
	}
}

func TestEveryOtherEndOfARequest(t *testing.T) {
	for name, c := range map[string]struct {
		want string
		end  func(s *fixture, p *peer)
		ask  *nbv1.SendRequest
	}{
		"nobody there":     {"NOT_CONNECTED", nil, ask(9, "?")},
		"wrong family":     {"NOT_CONNECTED", nil, &nbv1.SendRequest{Peer: raw(id(2)), Protocol: "coll"}},
		"no such protocol": {"UNSENT", nil, &nbv1.SendRequest{Peer: raw(id(2)), Protocol: "nope"}},
		"too large":        {"UNSENT", nil, ask(2, strings.Repeat("x", 2<<20))},
		"no answer":        {"TIMED_OUT", func(s *fixture, _ *peer) { s.Advance(2 * time.Second) }, ask(2, "?")},
		"peer goes":        {"DISCONNECTED", func(s *fixture, p *peer) { p.Disconnect(s.me); s.run() }, ask(2, "?")},
		"refused": {"REFUSED", func(_ *fixture, p *peer) { p.fail(request(p.s.t, p).GetId(), 0) },
			ask(2, "?")},
		"remote": {"REMOTE", func(_ *fixture, p *peer) { p.fail(request(p.s.t, p).GetId(), 7) }, ask(2, "?")},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t)
			p := s.friend(2, validation)
			a := s.Ask("statement-distribution", c.ask)
			s.run()
			if c.end != nil {
				if a.Done {
					t.Fatal("it ended too early")
				}
				c.end(s, p)
			}
			if got := outcome(t, a); got != c.want {
				t.Errorf("outcome %s, want %s", got, c.want)
			}
			s.Advance(time.Minute) // nothing ends twice: the kit fails the test on a second answer
		})
	}
}

func (p *peer) fail(id uint64, code int32) {
	p.send(nb.LaneBacking, &nbv1.Frame{Kind: &nbv1.Frame_Response{
		Response: &nbv1.WireResponse{Id: id, Outcome: &nbv1.WireResponse_Error{Error: &nbv1.WireError{Code: code}}},
	}})
}

func TestAPeersRequestIsAnsweredByTheSubsystem(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.news()
	p.ask(5, "have you got it?")
	expect(t, s.news(), `statements: 2 asks "have you got it?"`)
	answer := &nbv1.SendResponse{
		Peer: raw(id(2)), RequestId: 5, Outcome: &nbv1.SendResponse_Payload{Payload: []byte("yes")},
	}
	s.Send("statement-distribution", answer)
	s.Send("statement-distribution", answer)
	s.run()
	got := p.heard()
	if len(got) != 1 || got[0].GetResponse().GetId() != 5 || string(got[0].GetResponse().GetPayload()) != "yes" {
		t.Errorf("the peer heard %v, want one answer", got)
	}
}

func TestAPeersRequestThatNobodyAnswersIsRefusedInTime(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	p.ask(5, "?")
	s.Advance(time.Second)
	s.run()
	got := p.heard()
	if len(got) != 1 || got[0].GetResponse().GetError() == nil {
		t.Errorf("the peer heard %v", got)
	}
}

func TestAPeerMayHaveFewRequestsOpen(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.news()
	for n := range uint64(6) {
		p.ask(n, "?")
	}
	if got := len(s.news()); got != 4 {
		t.Errorf("%d requests were passed on, want 4", got)
	}
	if got := len(p.heard()); got != 2 {
		t.Errorf("%d were refused, want 2", got)
	}
	if got := s.info(2).GetReputation(); got != -40 {
		t.Errorf("reputation %d", got)
	}
}
