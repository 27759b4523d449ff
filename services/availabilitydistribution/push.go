package availabilitydistribution

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// What is kept of chunks that were pushed, until their candidate is on a core. A peer seconds one candidate per leaf at
// most, and what is on a core soon was seconded last, so the newest few of its gifts are those of use. Leaves that come
// fast make many of them, of which most come to nothing: that is nobody's fault. Who has seconded a candidate and was
// started again may push twice.
const (
	giftsOfPeer  = 4
	maxGiftBytes = 4 << 20
	giftOverhead = 256 // bytes that a gift takes beside its chunk and proof
	giftKept     = 30 * time.Second
	costUnwanted = -50
)

var pushBudget = decode.Budget{Bytes: distributionv1.MaxPushed + 1024, Elements: 32, Depth: 1}

// pushed are chunks of this validator's that others have sent before it could know that it needs them.
type pushed struct {
	held  map[primitives.Hash]*gift // by candidate
	order []primitives.Hash         // the latest last
	of    map[primitives.NodeID]int // how many are from one peer
	bytes int
}

type gift struct {
	chunk erasure.Chunk
	from  primitives.NodeID
	until time.Time
}

// size is how much memory a gift takes, in bytes.
func (g *gift) size() int {
	return len(g.chunk.Bytes) + len(g.chunk.Proof)*primitives.HashSize + giftOverhead
}

// add keeps a gift. The oldest of its peer gives way to it, and the oldest of all when all are too long.
func (p *pushed) add(candidate primitives.Hash, g *gift) {
	if p.of[g.from] >= giftsOfPeer {
		p.drop(p.order[slices.IndexFunc(p.order, func(h primitives.Hash) bool { return p.held[h].from == g.from })])
	}
	p.held[candidate], p.order = g, append(p.order, candidate)
	p.of[g.from]++
	p.bytes += g.size()
	for p.bytes > maxGiftBytes {
		p.drop(p.order[0])
	}
}

// take gives the chunk of a candidate, and forgets it; nil: there is none.
func (p *pushed) take(candidate primitives.Hash) *gift {
	g := p.held[candidate]
	p.drop(candidate)
	return g
}

func (p *pushed) drop(candidate primitives.Hash) {
	g := p.held[candidate]
	if g == nil {
		return
	}
	delete(p.held, candidate)
	p.order = slices.DeleteFunc(p.order, func(h primitives.Hash) bool { return h == candidate })
	p.bytes -= g.size()
	if p.of[g.from]--; p.of[g.from] == 0 {
		delete(p.of, g.from)
	}
}

func (p *pushed) expire(now time.Time) {
	for len(p.order) > 0 && now.After(p.held[p.order[0]].until) {
		p.drop(p.order[0])
	}
}

// onPeerMessage takes a chunk that a peer pushes. Nothing of it is hashed before the candidate is on a core.
func (d *distribution) onPeerMessage(m *nbv1.PeerMessage) {
	var p distributionv1.Pushed
	peer, err := primitives.NodeIDFrom(m.GetPeer())
	if err != nil {
		return
	}
	if err := decode.Unmarshal(m.GetPayload(), &p, pushBudget); err != nil {
		d.report(m.GetPeer(), costMalformed, "a pushed chunk that can't be read")
		return
	}
	d.pushed.expire(d.sub.Now())
	id, g := primitives.Hash(p.GetCandidate()), &gift{from: peer, until: d.sub.Now().Add(giftKept)}
	g.chunk = erasure.Chunk{Index: p.GetIndex(), Bytes: p.GetChunk()}
	for _, h := range p.GetProof() {
		g.chunk.Proof = append(g.chunk.Proof, primitives.Hash(h))
	}
	l := d.live[id]
	switch has := d.pushed.held[id]; {
	case has != nil && has.from == peer:
		d.report(m.GetPeer(), costUnwanted, "the same chunk pushed twice")
	case has != nil: // one is enough
	case l != nil && (l.here || l.own < 0): // this node has no use for it
	default:
		d.pushed.add(id, g)
	}
}

// onDistributeChunk sends a short chunk to the validator whose it is. A long one is fetched by it, as is any when it
// isn't connected now: the store has them all.
func (d *distribution) onDistributeChunk(q *distributionv1.DistributeChunk) {
	id, err := primitives.HashFrom(q.GetCandidate())
	bytes, index := q.GetChunk().GetChunk(), q.GetChunk().GetIndex()
	switch {
	case err != nil || int64(index) >= int64(len(d.newest.nodes)):
		d.sub.Log.Info("a chunk can't be distributed: no leaf has such a validator", "index", index)
		return
	case int(index) == d.newest.own || len(bytes) == 0 || len(bytes) > distributionv1.MaxPushed:
		return
	}
	node := d.newest.nodes[index]
	payload, err := proto.Marshal(&distributionv1.Pushed{
		Candidate: id[:], Index: index, Chunk: bytes, Proof: q.GetChunk().GetProof(),
	})
	if err == nil {
		d.sub.Send(&nbv1.SendBulk{Peers: [][]byte{node[:]}, Protocol: Protocol, Payload: payload})
	}
}
