package networkbridge

import (
	"golang.org/x/time/rate"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// served are the peers' requests that subsystems of ours have yet to answer. Each is answered once, by its subsystem or
// by the bridge in its place, and a peer has no more of them open than its protocol allows. Who was served too much
// lately is refused.
type served struct {
	sub         *subsystem.Sub
	standing    *standing
	strangers   *rate.Limiter // bytes of answers to all peers that are no validators
	dropped     *nbv1.Dropped
	links       *links
	subscribers *subscribers
	conduct     *conduct

	open map[requestKey]*service
}

type service struct {
	proto  *protocol
	cancel func() // its timer
}

// request passes a peer's request to the protocol's subsystem, if the peer hasn't too many open.
func (s *served) request(p *peer, proto *protocol, r *nbv1.WireRequest) {
	key := requestKey{p.id, r.GetId()}
	if s.open[key] != nil || s.count(p.id, proto) >= proto.OpenRequests {
		s.conduct.punish(p.id, costFlood, "too many open requests, or one twice")
		s.refuse(p, proto, key.id, "too many open requests")
		return
	}
	if s.spent(p) {
		s.refuse(p, proto, key.id, "enough was served for now")
		return
	}
	wait := deadline(r.GetDeadlineMs(), proto.RequestTimeout)
	if !s.subscribers.request(proto, &nbv1.PeerRequest{
		Peer: p.id[:], RequestId: key.id, Payload: r.GetPayload(), DeadlineMs: uint32(wait.Milliseconds()),
	}) {
		s.refuse(p, proto, key.id, "this node is busy")
		return
	}
	s.open[key] = &service{proto: proto, cancel: s.sub.After(wait, func() {
		delete(s.open, key)
		if p := s.links.get(key.peer); p != nil {
			s.refuse(p, proto, key.id, "no answer in time")
		}
	})}
}

// spent tells whether a peer was served more than its budget has grown again by now.
func (s *served) spent(p *peer) bool {
	now := s.sub.Now()
	return p.served.TokensAt(now) <= 0 || !s.standing.has(p.id) && s.strangers.TokensAt(now) <= 0
}

// charge enters an answer.
func (s *served) charge(p *peer, bytes int) {
	now := s.sub.Now()
	p.served.ReserveN(now, min(bytes, p.served.Burst()))
	if !s.standing.has(p.id) {
		s.strangers.ReserveN(now, min(bytes, s.strangers.Burst()))
	}
}

func (s *served) count(id primitives.NodeID, proto *protocol) (n int) {
	for k, o := range s.open {
		if k.peer == id && o.proto == proto {
			n++
		}
	}
	return n
}

// respond carries a subsystem's answer to the peer that asked.
func (s *served) respond(id primitives.NodeID, r *nbv1.SendResponse) {
	key := requestKey{id, r.GetRequestId()}
	o, p := s.open[key], s.links.get(id)
	if o == nil || p == nil {
		s.dropped.LateResponses++
		return
	}
	o.cancel()
	delete(s.open, key)
	e := wireError(r.GetError())
	if len(r.GetPayload()) > o.proto.MaxPayload {
		s.sub.Log.Error("an answer is larger than its protocol allows",
			"protocol", o.proto.Name, "bytes", len(r.GetPayload()))
		e = &nbv1.WireError{Message: "the answer is too large"}
	}
	s.charge(p, len(r.GetPayload()))
	s.links.send(p, o.proto.Lane, response(key.id, e, r.GetPayload()))
}

func (s *served) refuse(p *peer, proto *protocol, id uint64, why string) {
	s.links.send(p, proto.Lane, response(id, &nbv1.WireError{Message: why}, nil))
}

// gone forgets what a peer whose link has ended is waiting for.
func (s *served) gone(id primitives.NodeID) {
	for k, o := range s.open {
		if k.peer == id {
			o.cancel()
			delete(s.open, k)
		}
	}
}

// response is the frame of an answer, or of an error in its place.
func response(id uint64, e *nbv1.WireError, payload []byte) []byte {
	r := &nbv1.WireResponse{Id: id, Outcome: &nbv1.WireResponse_Payload{Payload: payload}}
	if e != nil {
		r.Outcome = &nbv1.WireResponse_Error{Error: e}
	}
	return encode(&nbv1.Frame{Kind: &nbv1.Frame_Response{Response: r}})
}

func wireError(e *nbv1.RemoteError) *nbv1.WireError {
	if e == nil {
		return nil
	}
	msg := e.GetMessage()
	return &nbv1.WireError{Code: max(1, e.GetCode()), Message: msg[:min(len(msg), 256)]}
}
