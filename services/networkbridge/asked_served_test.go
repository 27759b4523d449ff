package networkbridge

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

func testAsked(t *testing.T, peers ...int) (*alone, *asked) {
	a := testAlone(t)
	return a, &asked{
		sub: a.sub, dropped: &nbv1.Dropped{}, links: a.links(peers...), subscribers: a.subscribers(t, testProtocol),
		conduct: a.conduct(), open: map[requestKey]*question{},
	}
}

// ask has the part ask a peer, and returns the answer that the subsystem gets.
func (q *asked) askPeer(a *alone, i int) *overseertest.Answer {
	id := node(i)
	m, answer := a.ask(&nbv1.SendRequest{Peer: id[:], Protocol: "test", Payload: []byte("?"), DeadlineMs: 1000})
	a.do(func() { q.ask(m, m.Body.(*nbv1.SendRequest), id) })
	return answer
}

func payload(id uint64) *nbv1.WireResponse {
	return &nbv1.WireResponse{Id: id, Outcome: &nbv1.WireResponse_Payload{Payload: []byte("!")}}
}

// Whatever happens to a request afterwards, its first outcome is the only one.
func TestARequestHasExactlyOneOutcome(t *testing.T) {
	ends := map[string]func(*alone, *asked){
		"answered": func(a *alone, q *asked) { a.do(func() { q.answered(q.links.get(node(1)), payload(1)) }) },
		"late":     func(a *alone, q *asked) { a.Advance(time.Second) },
		"gone":     func(a *alone, q *asked) { a.do(func() { q.gone(node(1)) }) },
	}
	codes := map[string]nbv1.RequestFailureCode{
		"late": nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_TIMED_OUT,
		"gone": nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_DISCONNECTED,
	}
	for first, end := range ends {
		a, q := testAsked(t, 1)
		answer := q.askPeer(a, 1)
		if answer.Done {
			t.Fatal("it was answered before it was asked")
		}
		end(a, q)
		got := overseertest.Must[*nbv1.SendRequestResponse](t, answer)
		if got.GetFailure().GetCode() != codes[first] || (first == "answered") != (string(got.GetPayload()) == "!") {
			t.Errorf("%s: %v", first, got)
		}
		for _, again := range ends { // a second outcome would fail the test's overseer
			again(a, q)
		}
		if len(q.open) != 0 {
			t.Errorf("%s: %d requests are open", first, len(q.open))
		}
	}
}

func TestAnAnswerToNothingCostsThePeer(t *testing.T) {
	a, q := testAsked(t, 1)
	a.do(func() { q.answered(q.links.get(node(1)), payload(7)) })
	if q.dropped.LateResponses != 1 || q.conduct.ledger.Score(node(1), a.sub.Now()) >= 0 {
		t.Errorf("%d late responses, a score of %d", q.dropped.LateResponses,
			q.conduct.ledger.Score(node(1), a.sub.Now()))
	}
}

func TestARequestThatCantBeSentFailsAtOnce(t *testing.T) {
	a, q := testAsked(t, 1)
	a.net.full = true
	got := overseertest.Must[*nbv1.SendRequestResponse](t, q.askPeer(a, 1))
	if got.GetFailure().GetCode() != nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_UNSENT {
		t.Errorf("with a full queue: %v", got)
	}
	got = overseertest.Must[*nbv1.SendRequestResponse](t, q.askPeer(a, 2))
	if got.GetFailure().GetCode() != nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_NOT_CONNECTED {
		t.Errorf("to a stranger: %v", got)
	}
}

func testServed(t *testing.T, peers ...int) (*alone, *served, *protocol) {
	a := testAlone(t)
	s := &served{
		sub: a.sub, dropped: &nbv1.Dropped{}, links: a.links(peers...), subscribers: a.subscribers(t, testProtocol),
		conduct: a.conduct(), open: map[requestKey]*service{},
		standing:  newStanding(&Config{}, func(primitives.NodeID) bool { return false }),
		strangers: servedToThem.bucket(1),
	}
	return a, s, s.subscribers.find("test", "")
}

func TestAPeersRequestIsAnsweredOnce(t *testing.T) {
	a, s, proto := testServed(t, 1)
	p := s.links.get(node(1))
	a.do(func() { s.request(p, proto, &nbv1.WireRequest{Id: 5, Payload: []byte("?")}) })
	r := a.news()[0].GetPeerRequest()
	if string(r.GetPayload()) != "?" || r.GetRequestId() != 5 {
		t.Fatalf("the subsystem gets %v", r)
	}
	for range 2 {
		a.do(func() {
			s.respond(node(1), &nbv1.SendResponse{RequestId: 5,
				Outcome: &nbv1.SendResponse_Payload{Payload: []byte("!")}})
		})
	}
	a.Advance(time.Minute)
	if f := a.net.frames(); len(f) != 1 || string(f[0].GetResponse().GetPayload()) != "!" {
		t.Errorf("the peer gets %v", f)
	}
	if s.dropped.LateResponses != 1 {
		t.Errorf("%d late responses", s.dropped.LateResponses)
	}
}

func TestAPeerWithTooManyOpenRequestsIsRefusedAndPays(t *testing.T) {
	a, s, proto := testServed(t, 1)
	p := s.links.get(node(1))
	for id := range uint64(proto.OpenRequests) + 1 {
		a.do(func() { s.request(p, proto, &nbv1.WireRequest{Id: id}) })
	}
	if f := a.net.frames(); len(f) != 1 || f[0].GetResponse().GetError() == nil {
		t.Errorf("the peer gets %v", f)
	}
	if len(a.news()) != proto.OpenRequests || s.conduct.ledger.Score(node(1), a.sub.Now()) >= 0 {
		t.Error("the subsystem got more than it may, or the peer paid nothing")
	}
}

func TestAnswersArePaidByTheirBytes(t *testing.T) {
	a, s, proto := testServed(t, 1, 2, 3, 4, 5, 6, 7, 8)
	served, number := map[int]int{}, uint64(0)
	ask := func(i int) {
		number++
		a.do(func() {
			s.request(s.links.get(node(i)), proto, &nbv1.WireRequest{Id: number})
			id := node(i)
			s.respond(node(i), &nbv1.SendResponse{Peer: id[:], RequestId: number,
				Outcome: &nbv1.SendResponse_Payload{Payload: make([]byte, 1<<20-FrameOverhead)}})
		})
		for _, f := range a.net.frames() {
			served[i] += len(f.GetResponse().GetPayload())
		}
		a.Sent()
	}
	s.standing.validators[node(8)] = 1
	s.links.get(node(8)).served = servedToOne.bucket(validatorBudget)
	for range 40 {
		for i := 1; i <= 8; i++ {
			ask(i)
		}
	}
	all := 0
	for i := 1; i <= 7; i++ {
		if all += served[i]; served[i] > servedToOne.Burst+1<<20 {
			t.Errorf("stranger %d was served %d bytes", i, served[i])
		}
	}
	if all > servedToThem.Burst+1<<20 || all < servedToThem.Burst {
		t.Errorf("all strangers were served %d bytes", all)
	}
	if served[8] < validatorBudget*servedToOne.Burst {
		t.Errorf("a validator was served %d bytes", served[8])
	}
	a.Advance(time.Second)
	was := served[1]
	if ask(1); served[1] == was {
		t.Error("a second later it isn't served")
	}
}

func TestARequestThatNobodyAnswersIsRefusedInTime(t *testing.T) {
	a, s, proto := testServed(t, 1)
	a.do(func() { s.request(s.links.get(node(1)), proto, &nbv1.WireRequest{Id: 5, DeadlineMs: 100}) })
	a.Advance(100 * time.Millisecond)
	if f := a.net.frames(); len(f) != 1 || f[0].GetResponse().GetError() == nil || len(s.open) != 0 {
		t.Errorf("the peer gets %v, %d requests are open", f, len(s.open))
	}
}

func TestAnAnswerForAPeerThatHasGoneIsDropped(t *testing.T) {
	a, s, proto := testServed(t, 1)
	a.do(func() { s.request(s.links.get(node(1)), proto, &nbv1.WireRequest{Id: 5}) })
	a.do(func() { s.gone(node(1)) })
	a.do(func() { s.respond(node(1), &nbv1.SendResponse{RequestId: 5}) })
	if a.Advance(time.Minute); len(a.net.frames()) != 0 || len(s.open) != 0 {
		t.Error("it was sent, or is still waited for")
	}
}
