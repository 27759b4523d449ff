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

// asked is a request of ours. It leaves the table with its outcome, so it has exactly one.
type asked struct {
	m      *subsystem.Message
	lane   Lane
	cancel func()
}

// served is a peer's request that a subsystem of ours is to answer.
type served struct {
	proto  *protocol
	cancel func()
}

func (b *bridge) onSendRequest(m *subsystem.Message, r *nbv1.SendRequest) {
	id, ok := b.nodeID(r.GetPeer())
	proto, p := b.protocols[r.GetProtocol()], b.peers[id]
	switch {
	case !ok || proto == nil || len(r.GetPayload()) > proto.MaxPayload:
		m.Reply(failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_UNSENT, "no such peer or protocol, or too large for it"))
		return
	case p == nil || !p.in(proto.Family):
		m.Reply(failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_NOT_CONNECTED, "the peer isn't connected on this protocol"))
		return
	}
	wait := deadline(r.GetDeadlineMs(), proto.RequestTimeout)
	b.lastID++
	key := requestKey{id, b.lastID}
	frame := encode(&nbv1.Frame{Kind: &nbv1.Frame_Request{Request: &nbv1.WireRequest{
		Id: key.id, Protocol: proto.Name, Payload: r.GetPayload(), DeadlineMs: uint32(wait.Milliseconds()),
	}}})
	if !b.send(p, proto.Lane, frame) {
		m.Reply(failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_UNSENT, "too much is waiting to be sent to the peer"))
		return
	}
	b.asked[key] = &asked{m: m, lane: proto.Lane, cancel: b.sub.After(wait, func() {
		b.endRequest(key, failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_TIMED_OUT, "no answer in time"))
	})}
	m.OnCancel(func() { b.forgetRequest(key) })
}

func deadline(ms uint32, most time.Duration) time.Duration {
	if d := time.Duration(ms) * time.Millisecond; d > 0 && d < most {
		return d
	}
	return most
}

func failed(code nbv1.RequestFailureCode, why string) *nbv1.SendRequestResponse {
	return &nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Failure{Failure: &nbv1.RequestFailure{Code: code, Message: why}}}
}

// endRequest gives a request its outcome, unless it had one.
func (b *bridge) endRequest(key requestKey, outcome *nbv1.SendRequestResponse) bool {
	a := b.forgetRequest(key)
	if a == nil {
		return false
	}
	a.m.Reply(outcome)
	return true
}

func (b *bridge) forgetRequest(key requestKey) *asked {
	a := b.asked[key]
	if a != nil {
		delete(b.asked, key)
		a.cancel()
	}
	return a
}

func (b *bridge) onResponse(p *peer, r *nbv1.WireResponse) {
	out := &nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Payload{Payload: r.GetPayload()}}
	if e := r.GetError(); e != nil {
		out = failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_REFUSED, e.GetMessage())
		if e.GetCode() != 0 {
			out = failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_REMOTE, e.GetMessage())
			out.GetFailure().RemoteCode = e.GetCode()
		}
	}
	if !b.endRequest(requestKey{p.id, r.GetId()}, out) {
		b.dropped.LateResponses++
		b.punish(p.id, costUnsolicited, "late or unsolicited response")
	}
}

// onRequest gives a peer's request to the protocol's subsystem, if the peer hasn't too many open.
func (b *bridge) onRequest(p *peer, lane Lane, r *nbv1.WireRequest) {
	proto := b.spoken(p, lane, r.GetProtocol(), len(r.GetPayload()))
	if proto == nil {
		return
	}
	key := requestKey{p.id, r.GetId()}
	if b.served[key] != nil || b.openRequests(p.id, proto) >= proto.OpenRequests {
		b.punish(p.id, costFlood, "too many open requests, or one twice")
		b.refuse(p, lane, key.id, "too many open requests")
		return
	}
	wait := deadline(r.GetDeadlineMs(), proto.RequestTimeout)
	b.flush(proto)
	if proto.stale || b.give(proto, &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerRequest{PeerRequest: &nbv1.PeerRequest{
		Peer: p.id[:], RequestId: key.id, Payload: r.GetPayload(), DeadlineMs: uint32(wait.Milliseconds()),
	}}}) != nil {
		b.dropped.Undeliverable++
		b.refuse(p, lane, key.id, "this node is busy")
		return
	}
	b.served[key] = &served{proto: proto, cancel: b.sub.After(wait, func() {
		delete(b.served, key)
		if p := b.peers[key.peer]; p != nil {
			b.refuse(p, lane, key.id, "no answer in time")
		}
	})}
}

func (b *bridge) openRequests(id primitives.NodeID, proto *protocol) (n int) {
	for k, s := range b.served {
		if k.peer == id && s.proto == proto {
			n++
		}
	}
	return n
}

func (b *bridge) refuse(p *peer, lane Lane, id uint64, why string) {
	b.send(p, lane, encode(response(id, &nbv1.WireError{Message: why}, nil)))
}

func response(id uint64, e *nbv1.WireError, payload []byte) *nbv1.Frame {
	r := &nbv1.WireResponse{Id: id, Outcome: &nbv1.WireResponse_Payload{Payload: payload}}
	if e != nil {
		r.Outcome = &nbv1.WireResponse_Error{Error: e}
	}
	return &nbv1.Frame{Kind: &nbv1.Frame_Response{Response: r}}
}

// onSendResponse carries a subsystem's answer to the peer that asked.
func (b *bridge) onSendResponse(r *nbv1.SendResponse) {
	id, _ := b.nodeID(r.GetPeer())
	key := requestKey{id, r.GetRequestId()}
	s, p := b.served[key], b.peers[id]
	if s == nil || p == nil {
		b.dropped.LateResponses++
		return
	}
	s.cancel()
	delete(b.served, key)
	e := wireError(r.GetError())
	if len(r.GetPayload()) > s.proto.MaxPayload {
		b.sub.Log.Error("an answer is larger than its protocol allows", "protocol", s.proto.Name, "bytes", len(r.GetPayload()))
		e = &nbv1.WireError{Message: "the answer is too large"}
	}
	b.send(p, s.proto.Lane, encode(response(key.id, e, r.GetPayload())))
}

func wireError(e *nbv1.RemoteError) *nbv1.WireError {
	if e == nil {
		return nil
	}
	msg := e.GetMessage()
	return &nbv1.WireError{Code: max(1, e.GetCode()), Message: msg[:min(len(msg), 256)]}
}

// failRequests ends everything that is open with a peer that has gone, ours in the order in which they were asked.
func (b *bridge) failRequests(id primitives.NodeID) {
	var ours []requestKey
	for k := range b.asked {
		if k.peer == id {
			ours = append(ours, k)
		}
	}
	slices.SortFunc(ours, func(x, y requestKey) int { return cmp.Compare(x.id, y.id) })
	for _, k := range ours {
		b.endRequest(k, failed(nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_DISCONNECTED, "the peer went away"))
	}
	for k, s := range b.served {
		if k.peer == id {
			s.cancel()
			delete(b.served, k)
		}
	}
}
