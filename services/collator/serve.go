package collator

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

const (
	// uploadAlone is how long one validator has the collator's line to itself: the first to have a collation can serve
	// the others of its group.
	uploadAlone = 150 * time.Millisecond
	// mostServed is how many times a validator is sent a proof: it may lose some, and ask again.
	mostServed = 4
	// openRequests is how many questions of one peer are open.
	openRequests = 4
)

// upload is whose turn it is to be sent a proof, and who waits.
type upload struct {
	turn   primitives.NodeID // none: the zero value
	number int               // of the turn
	line   []question
	served map[primitives.NodeID]uint64 // bytes
}

// question is a validator's, for a part of a proof.
type question struct {
	from primitives.NodeID
	id   uint64
	at   uint64
	n    uint64
}

// onRequest serves a part to a validator that the collation was offered to.
func (c *collator) onRequest(r *nbv1.PeerRequest) {
	from, err := primitives.NodeIDFrom(r.GetPeer())
	if err != nil {
		return
	}
	var m collatorv1.PartRequest
	if err := decode.Unmarshal(r.GetPayload(), &m, questionBudget); err != nil {
		c.report(from, unreadable)
		c.refusePart(from, r.GetRequestId(), collatorv1.PartRefusal_PART_REFUSAL_MALFORMED)
		return
	}
	q := question{from: from, id: r.GetRequestId(), at: m.GetOffset(), n: uint64(m.GetLength())}
	col := c.collations[primitives.Hash(m.GetCandidate())] // the length is right: it is validated
	switch {
	case col == nil || col.ended:
		c.refusePart(from, q.id, collatorv1.PartRefusal_PART_REFUSAL_NOT_HERE)
	case !slices.Contains(col.group, from):
		c.refusePart(from, q.id, collatorv1.PartRefusal_PART_REFUSAL_NOT_OFFERED)
	case q.at >= col.size:
		c.report(from, noSuchPart)
		c.refusePart(from, q.id, collatorv1.PartRefusal_PART_REFUSAL_MALFORMED)
	case col.upload.served[from] >= mostServed*col.size:
		c.report(from, insatiable)
		c.refusePart(from, q.id, collatorv1.PartRefusal_PART_REFUSAL_ENOUGH)
	default:
		col.inTurn(q)
	}
}

// wait lines a question up. Of one validator as many wait as it may have open: of more the oldest has timed out.
func (u *upload) wait(q question) {
	oldest, of := -1, 0
	for i, w := range u.line {
		if w.from == q.from {
			if of++; of == 1 {
				oldest = i
			}
		}
	}
	if of >= openRequests {
		u.line = slices.Delete(u.line, oldest, oldest+1)
	}
	u.line = append(u.line, q)
}

// inTurn serves one validator at a time.
func (col *collation) inTurn(q question) {
	u := &col.upload
	if u.turn != (primitives.NodeID{}) && u.turn != q.from {
		u.wait(q)
		return
	}
	if u.turn == (primitives.NodeID{}) {
		u.turn = q.from
		u.number++
		turn := u.number
		col.sub.After(uploadAlone, func() { col.pass(turn) })
	}
	col.give(q)
}

// pass ends a turn, if it is still that one. All that the next in line has asked for is its turn.
func (col *collation) pass(turn int) {
	u := &col.upload
	if u.number != turn || u.turn == (primitives.NodeID{}) {
		return
	}
	u.turn = primitives.NodeID{}
	line := u.line
	u.line = nil
	for _, q := range line {
		col.inTurn(q)
	}
}

// give reads a part and sends it.
func (col *collation) give(q question) {
	if col.ended { // while the question was in line
		col.refusePart(q.from, q.id, collatorv1.PartRefusal_PART_REFUSAL_NOT_HERE)
		return
	}
	n := min(q.n, col.size-q.at)
	col.upload.served[q.from] += n
	turn := col.upload.number
	col.sub.Blobs().Get(col.pov.GetBlockData(), q.at, int64(n), func(b subsystem.Blob, err error) {
		if err != nil {
			col.sub.Log.Warn("a collation that should be here can't be read", "candidate", col.hash.Short(), "err", err)
			col.refusePart(q.from, q.id, collatorv1.PartRefusal_PART_REFUSAL_NOT_HERE)
			return
		}
		defer b.Close()
		payload, err := proto.Marshal(&collatorv1.Part{Bytes: b.Bytes()})
		if err != nil { // impossible but for running out of memory
			panic(err)
		}
		col.respond(&nbv1.SendResponse{Peer: q.from[:], RequestId: q.id,
			Outcome: &nbv1.SendResponse_Payload{Payload: payload}})
		col.counts.served += int64(n)
		if q.at+n == col.size {
			col.pass(turn)
		}
	})
}

func (c *collator) refusePart(to primitives.NodeID, id uint64, why collatorv1.PartRefusal) {
	e := &nbv1.RemoteError{Code: int32(why), Message: why.String()}
	c.respond(&nbv1.SendResponse{Peer: to[:], RequestId: id, Outcome: &nbv1.SendResponse_Error{Error: e}})
}

// respond answers if the bridge has room; if not, the validator asks again.
func (c *collator) respond(r *nbv1.SendResponse) {
	if c.sub.TrySend(r) != nil {
		c.counts.dropped++
	}
}
