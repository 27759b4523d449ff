package networkbridge

import (
	"cmp"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// requestKey names a request: our own to a peer, or a peer's to us.
type requestKey struct {
	peer primitives.NodeID
	id   uint64
}

// asked are our subsystems' requests to peers that are open. A request leaves the table with its outcome, so it has
// exactly one: the answer, or the reason why there is none.
type asked struct {
	sub         *subsystem.Sub
	dropped     *nbv1.Dropped
	links       *links
	subscribers *subscribers
	conduct     *conduct

	open map[requestKey]*question
	last uint64 // number
}

type question struct {
	m      *subsystem.Message
	cancel func() // its timer
}

func (a *asked) ask(m *subsystem.Message, r *nbv1.SendRequest, id primitives.NodeID) {
	proto, p := a.subscribers.find(r.GetProtocol(), m.Chain), a.links.get(id)
	switch {
	case proto == nil || len(r.GetPayload()) > proto.MaxPayload:
		m.Reply(unsent("no such protocol, or too large for it"))
		return
	case p == nil || !p.in(proto.Family):
		m.Reply(failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_NOT_CONNECTED,
			"the peer isn't connected on this protocol"))
		return
	}
	wait := deadline(r.GetDeadlineMs(), proto.RequestTimeout)
	a.last++
	key := requestKey{id, a.last}
	if !a.links.send(p, proto.Lane, encode(&nbv1.Frame{Kind: &nbv1.Frame_Request{Request: &nbv1.WireRequest{
		Id: key.id, Protocol: proto.Name, Chain: proto.chain, Payload: r.GetPayload(),
		DeadlineMs: uint32(wait.Milliseconds()),
	}}})) {
		m.Reply(unsent("too much is waiting to be sent to the peer"))
		return
	}
	a.open[key] = &question{m: m, cancel: a.sub.After(wait, func() {
		a.end(key, failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_TIMED_OUT, "no answer in time"))
	})}
	m.OnCancel(func() { a.take(key) })
}

// end ends a request with its outcome. False: it had one.
func (a *asked) end(key requestKey, outcome *nbv1.SendRequestResponse) bool {
	q := a.take(key)
	if q != nil {
		q.m.Reply(outcome)
	}
	return q != nil
}

// take removes a request from the table.
func (a *asked) take(key requestKey) *question {
	q := a.open[key]
	if q != nil {
		delete(a.open, key)
		q.cancel()
	}
	return q
}

func (a *asked) answered(p *peer, r *nbv1.WireResponse) {
	if !a.end(requestKey{p.id, r.GetId()}, outcome(r)) {
		a.dropped.LateResponses++
		a.conduct.punish(p.id, costUnsolicited, "late or unsolicited response")
	}
}

func outcome(r *nbv1.WireResponse) *nbv1.SendRequestResponse {
	e := r.GetError()
	if e == nil {
		return &nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Payload{Payload: r.GetPayload()}}
	}
	if e.GetCode() == 0 {
		return failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_REFUSED, e.GetMessage())
	}
	out := failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_REMOTE, e.GetMessage())
	out.GetFailure().RemoteCode = e.GetCode()
	return out
}

// gone ends what is open with a peer whose link has ended, in the order in which it was asked.
func (a *asked) gone(id primitives.NodeID) {
	var keys []requestKey
	for k := range a.open {
		if k.peer == id {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y requestKey) int { return cmp.Compare(x.id, y.id) })
	for _, k := range keys {
		a.end(k, failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_DISCONNECTED, "the peer went away"))
	}
}

func failed(code nbv1.RequestFailureCode, why string) *nbv1.SendRequestResponse {
	f := &nbv1.RequestFailure{Code: code, Message: why}
	return &nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Failure{Failure: f}}
}

func unsent(why string) *nbv1.SendRequestResponse {
	return failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_UNSENT, why)
}

// deadline is what was asked for, up to most.
func deadline(ms uint32, most time.Duration) time.Duration {
	if d := time.Duration(ms) * time.Millisecond; d > 0 && d < most {
		return d
	}
	return most
}
