package povdistribution

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
)

// questionBudget is what decoding a peer's question may take.
var questionBudget = decode.Budget{Bytes: 128, Elements: 8, Depth: 1}

// question is a peer's, for a part of a proof.
type question struct {
	id          uint64
	relayParent primitives.Hash
	pov         primitives.Hash
	offset      uint64
	length      uint32
}

// read reads a peer's question.
func read(r *nbv1.PeerRequest) (*question, error) {
	var m pdv1.PartRequest
	if err := decode.Unmarshal(r.GetPayload(), &m, questionBudget); err != nil {
		return nil, err
	}
	return &question{ // the lengths are right: it is validated
		id: r.GetRequestId(), relayParent: primitives.Hash(m.GetRelayParent()), pov: primitives.Hash(m.GetPovHash()),
		offset: m.GetOffset(), length: m.GetLength(),
	}, nil
}

func (d *distribution) onRequest(r *nbv1.PeerRequest) {
	p := d.peer(r.GetPeer())
	if p == nil {
		return
	}
	q, err := read(r)
	if err != nil {
		d.report(p, unreadable)
		d.refuse(p, r.GetRequestId(), pdv1.Refusal_REFUSAL_MALFORMED)
		return
	}
	d.serve(p, q)
}

// serve answers a question, or says why not.
func (d *distribution) serve(p *peer, q *question) {
	r, active := d.leaves.Get(q.relayParent[:])
	switch {
	case !active && slices.Contains(d.past, q.relayParent): // it was under way
		d.refuse(p, q.id, pdv1.Refusal_REFUSAL_OUT_OF_VIEW)
	case !active:
		d.report(p, outOfView)
		d.refuse(p, q.id, pdv1.Refusal_REFUSAL_OUT_OF_VIEW)
	case !p.sees(q.relayParent):
		d.holdEarly(p, q)
	case r.held[q.pov] == nil:
		d.miss(p, r, q)
	default:
		d.give(p, r, q)
	}
}

func (p *peer) sees(h primitives.Hash) bool {
	return slices.Contains(p.view, h) || slices.Contains(p.past, h)
}

// give reads a part and sends it.
func (d *distribution) give(p *peer, r *relayParent, q *question) {
	ref := r.held[q.pov].GetBlockData()
	size := ref.GetSize()
	if q.offset >= max(1, size) {
		d.report(p, noSuchPart)
		d.refuse(p, q.id, pdv1.Refusal_REFUSAL_MALFORMED)
		return
	}
	n := min(uint64(q.length), size-q.offset)
	if !p.account(r).charge(q.pov, size) {
		d.report(p, insatiable)
		d.refuse(p, q.id, pdv1.Refusal_REFUSAL_ENOUGH)
		return
	}
	d.sub.Blobs().Get(ref, q.offset, int64(n), func(b subsystem.Blob, err error) {
		if err != nil {
			d.lost(r, q.pov, err)
			d.refuse(p, q.id, pdv1.Refusal_REFUSAL_NOT_HERE)
			return
		}
		defer b.Close()
		d.send(p, q.id, &pdv1.Part{Size: size, Bytes: b.Bytes()})
	})
}

// lost stops serving a proof whose blob is gone.
func (d *distribution) lost(r *relayParent, pov primitives.Hash, err error) {
	d.sub.Log.Warn("a proof that should be here can't be read", "pov", pov.String(), "why", err)
	if r.held[pov] != nil {
		d.shelf.drop(r, pov)
	}
}

// send sends an answer, if the bridge has room for it. If not the peer goes on to somebody else.
func (d *distribution) send(p *peer, id uint64, part *pdv1.Part) {
	payload, err := proto.Marshal(part)
	if err != nil { // impossible but for running out of memory
		panic(err)
	}
	answer := &nbv1.SendResponse{Peer: p.id[:], RequestId: id, Outcome: &nbv1.SendResponse_Payload{Payload: payload}}
	if d.sub.TrySend(answer) != nil {
		d.dropped++
		return
	}
	d.served += int64(len(part.GetBytes()))
}

func (d *distribution) refuse(p *peer, id uint64, why pdv1.Refusal) {
	e := &nbv1.RemoteError{Code: int32(why), Message: why.String()}
	answer := &nbv1.SendResponse{Peer: p.id[:], RequestId: id, Outcome: &nbv1.SendResponse_Error{Error: e}}
	if d.sub.TrySend(answer) != nil {
		d.dropped++
	}
}
