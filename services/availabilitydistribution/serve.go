package availabilitydistribution

import (
	"maps"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// What one peer is served: answers are paid by their bytes.
const (
	servedPerS   = 16 << 20
	servedAtOnce = 64 << 20
	// maxPayers is of how many peers is remembered what they were served. The bridge has fewer connections.
	maxPayers = 4096
	// costOfNone is what an answer costs that has no chunk in it.
	costOfNone = 16 << 10
	// maxReads is how many chunks are read from the store for peers at a time, whoever they are: what a chunk costs
	// shows when it has been read, and each may be 5 MiB. Who asks meanwhile asks another node.
	maxReads = 32
)

// questionBudget is what decoding a question may take.
var questionBudget = decode.Budget{Bytes: 128, Elements: 8, Depth: 1}

// served is what peers were served lately.
type served struct {
	reads int // under way
	spent map[primitives.NodeID]*account
	shelf shelf
}

// account is what a peer may still be served.
type account struct {
	left int
	at   time.Time
}

// may tells whether a peer may be served now.
func (s *served) may(peer primitives.NodeID, now time.Time) bool {
	a := s.spent[peer]
	if a == nil {
		if len(s.spent) >= maxPayers {
			maps.DeleteFunc(s.spent, func(_ primitives.NodeID, a *account) bool {
				a.fill(now)
				return a.left == servedAtOnce
			})
		}
		if len(s.spent) >= maxPayers {
			return false
		}
		a = &account{left: servedAtOnce, at: now}
		s.spent[peer] = a
	}
	a.fill(now)
	return a.left > 0
}

func (a *account) fill(now time.Time) {
	if more := int(now.Sub(a.at).Seconds() * servedPerS); more > 0 {
		a.left, a.at = min(a.left+more, servedAtOnce), now
	}
}

func (s *served) pay(peer primitives.NodeID, bytes int) {
	if a := s.spent[peer]; a != nil {
		a.left -= bytes
	}
}

// The codes of errors that peers get.
const (
	refusedMalformed = 1
	refusedEnough    = 2
	refusedFault     = 3
)

func (d *distribution) onPeerRequest(r *nbv1.PeerRequest) {
	peer, err := primitives.NodeIDFrom(r.GetPeer())
	if err != nil {
		return
	}
	var q distributionv1.PartRequest
	if err := decode.Unmarshal(r.GetPayload(), &q, questionBudget); err != nil {
		d.report(r.GetPeer(), costMalformed, "a question for a chunk that can't be read")
		d.refuse(r, refusedMalformed, "not a question for a part of a chunk")
		return
	}
	if !d.served.may(peer, d.sub.Now()) {
		d.refuse(r, refusedEnough, "served enough for now")
		return
	}
	if c, held := d.served.shelf.get(primitives.Hash(q.GetCandidate()), q.GetIndex(), d.sub.Now()); held {
		d.answer(r, peer, partOf(c, q.GetOffset(), q.GetLength()))
		return
	}
	d.served.pay(peer, costOfNone)
	d.read(r, peer, &q)
}

// read gets a chunk from the store. It is paid for as a whole, whatever part of it is asked for; the other parts are
// answered from the shelf.
func (d *distribution) read(r *nbv1.PeerRequest, peer primitives.NodeID, q *distributionv1.PartRequest) {
	if d.served.reads >= maxReads {
		d.refuse(r, refusedEnough, "so much is read for others that this has no place")
		return
	}
	d.served.reads++
	ask := &storev1.QueryChunk{Candidate: q.GetCandidate(), Validator: q.GetIndex()}
	subsystem.Ask(d.sub, ask, storeTimeout, func(a *storev1.QueryChunkResponse, err error) {
		switch {
		case err != nil:
			d.served.reads--
			d.refuse(r, refusedFault, "the store doesn't answer")
		case a.GetChunk() == nil:
			d.served.reads--
			d.answer(r, peer, &distributionv1.Part{})
		default:
			d.get(a.GetChunk(), func(c erasure.Chunk, err error) {
				d.served.reads--
				if err != nil {
					d.refuse(r, refusedFault, "the chunk can't be read")
					return
				}
				d.served.pay(peer, len(c.Bytes))
				d.served.shelf.put(primitives.Hash(q.GetCandidate()), c, d.sub.Now())
				d.answer(r, peer, partOf(c, q.GetOffset(), q.GetLength()))
			})
		}
	})
}

func partOf(c erasure.Chunk, offset uint64, length uint32) *distributionv1.Part {
	size := uint64(len(c.Bytes))
	from := min(offset, size)
	part := &distributionv1.Part{Size: size, Bytes: c.Bytes[from:min(from+uint64(length), size)]}
	if offset == 0 {
		for _, h := range c.Proof {
			part.Proof = append(part.Proof, h[:])
		}
	}
	return part
}

// answer waits nowhere: what there is no room for is dropped, and the peer asks somebody else.
func (d *distribution) answer(r *nbv1.PeerRequest, peer primitives.NodeID, part *distributionv1.Part) {
	payload, err := proto.Marshal(part)
	if err != nil {
		return
	}
	d.counts.served++
	d.served.pay(peer, len(payload))
	d.respond(&nbv1.SendResponse{Peer: r.GetPeer(), RequestId: r.GetRequestId(),
		Outcome: &nbv1.SendResponse_Payload{Payload: payload}})
}

func (d *distribution) refuse(r *nbv1.PeerRequest, code int32, why string) {
	d.counts.refused++
	d.respond(&nbv1.SendResponse{Peer: r.GetPeer(), RequestId: r.GetRequestId(),
		Outcome: &nbv1.SendResponse_Error{Error: &nbv1.RemoteError{Code: code, Message: why}}})
}

func (d *distribution) respond(r *nbv1.SendResponse) {
	if err := d.sub.TrySend(r); err != nil {
		d.sub.Log.Debug("an answer to a peer is dropped", "err", err)
	}
}
