package availabilitydistribution

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// What a peer's answers are worth.
const (
	costProof     = -100
	costMalformed = -500
	benefitChunk  = 10 // that was asked for
	benefitPushed = 15 // that wasn't
)

// partTimeout is how long a peer may take for one part.
const partTimeout = time.Second

// partBudget is what decoding a part may take.
var partBudget = decode.Budget{Bytes: distributionv1.MaxPart + 1024, Elements: 32, Depth: 1}

// pull is the fetching of one chunk, from one source after the other.
type pull struct {
	*distribution
	live    *live
	index   uint32
	sources []uint32
	wanted  func() bool          // once it isn't, nobody more is asked
	failed  func(source uint32)  // may be nil; tells of each that didn't send it
	then    func(*erasure.Chunk) // with the chunk, whose proof holds; nil: nobody has sent it

	asked uint32
	from  primitives.NodeID
	chunk erasure.Chunk
	size  uint64
}

func (d *distribution) fetch(p *pull) {
	p.distribution, p.sources = d, p.live.sources(p.index)
	p.next()
}

// next asks the next source.
func (p *pull) next() {
	if len(p.sources) == 0 || !p.wanted() {
		p.then(nil)
		return
	}
	p.asked, p.sources = p.sources[0], p.sources[1:]
	p.from, p.chunk, p.size = p.live.nodes[p.asked], erasure.Chunk{Index: p.index}, 0
	p.ask()
}

// fail goes on with the next source. That one is slow, or away, or has enough, or hasn't got it, doesn't cost it
// anything.
func (p *pull) fail() {
	if p.failed != nil {
		p.failed(p.asked)
	}
	p.next()
}

// ask asks for the next part.
func (p *pull) ask() {
	payload, err := proto.Marshal(&distributionv1.PartRequest{
		Candidate: p.live.hash[:], Index: p.index, Offset: uint64(len(p.chunk.Bytes)), Length: distributionv1.MaxPart,
	})
	if err != nil || !p.wanted() {
		p.fail()
		return
	}
	q := &nbv1.SendRequest{
		Peer: p.from[:], Protocol: Protocol, Payload: payload, DeadlineMs: uint32(partTimeout.Milliseconds()),
	}
	subsystem.Ask(p.sub, q, 2*partTimeout, func(r *nbv1.SendRequestResponse, err error) {
		if err != nil || r.GetFailure() != nil {
			p.fail()
			return
		}
		p.take(r.GetPayload())
	})
}

// take adds a part, and verifies the whole when it is the last.
func (p *pull) take(payload []byte) {
	var part distributionv1.Part
	if err := decode.Unmarshal(payload, &part, partBudget); err != nil {
		p.blame(costMalformed, "a part of a chunk that can't be read")
		return
	}
	if part.GetSize() == 0 && len(part.GetBytes()) == 0 { // it isn't there, or no longer
		p.fail()
		return
	}
	first := len(p.chunk.Bytes) == 0
	if first {
		p.size = part.GetSize()
		for _, h := range part.GetProof() {
			p.chunk.Proof = append(p.chunk.Proof, primitives.Hash(h))
		}
	}
	most := p.live.mostChunk()
	have := uint64(len(p.chunk.Bytes) + len(part.GetBytes()))
	if part.GetSize() != p.size || p.size > most || have > p.size ||
		have < p.size && len(part.GetBytes()) != distributionv1.MaxPart {
		p.blame(costMalformed, "a part that is none of a chunk")
		return
	}
	p.chunk.Bytes = append(p.chunk.Bytes, part.GetBytes()...)
	if have < p.size {
		p.ask()
		return
	}
	p.verified()
}

func (p *pull) verified() {
	p.verify(p.live, p.chunk, func(good bool) {
		if !good {
			p.blame(costProof, "a chunk that the erasure root doesn't commit to")
			return
		}
		p.report(p.from[:], benefitChunk, "a chunk")
		p.counts.fetched++
		p.then(&p.chunk)
	})
}

func (p *pull) blame(cost int32, reason string) {
	p.report(p.from[:], cost, reason)
	p.fail()
}

// mostChunk is the length in bytes of the longest chunk of a candidate's session.
func (l *live) mostChunk() uint64 { return uint64(l.coder.ChunkSize(erasure.MaxData)) }

// verify tells whether the candidate's root commits to a chunk. Hashing takes a while, so it is done off the loop.
func (d *distribution) verify(l *live, c erasure.Chunk, then func(bool)) {
	coder, root := l.coder, l.root
	subsystem.Offload(d.sub, func() (bool, error) { return coder.Verify(root, c) == nil, nil },
		func(good bool, _ error) { then(good) })
}

// chunkLease is how long a long chunk stays in the blob store for whoever it is given to.
const chunkLease = time.Minute

// put makes a message of a chunk: a short one is in it, a long one in the blob store.
func (d *distribution) put(c erasure.Chunk, then func(*primitivesv1.ErasureChunk, error)) {
	m := header(c)
	if len(c.Bytes) <= distributionv1.MaxPushed {
		m.Content = &primitivesv1.ErasureChunk_Chunk{Chunk: c.Bytes}
		then(m, nil)
		return
	}
	d.lay(m, c.Bytes, then)
}

// lay puts a chunk's bytes into the blob store.
func (d *distribution) lay(m *primitivesv1.ErasureChunk, bytes []byte, then func(*primitivesv1.ErasureChunk, error)) {
	d.sub.Blobs().Put(bytes, chunkLease, func(ref *primitivesv1.BlobRef, err error) {
		m.Content = &primitivesv1.ErasureChunk_Blob{Blob: ref}
		then(m, err)
	})
}

// header is a chunk's message without its bytes.
func header(c erasure.Chunk) *primitivesv1.ErasureChunk {
	m := &primitivesv1.ErasureChunk{Index: c.Index}
	for _, h := range c.Proof {
		m.Proof = append(m.Proof, h[:])
	}
	return m
}

// get gives then the bytes and proof of a chunk in a message.
func (d *distribution) get(m *primitivesv1.ErasureChunk, then func(erasure.Chunk, error)) {
	c := erasure.Chunk{Index: m.GetIndex()}
	for _, b := range m.GetProof() {
		h, err := primitives.HashFrom(b)
		if err != nil {
			then(c, err)
			return
		}
		c.Proof = append(c.Proof, h)
	}
	if m.GetBlob() == nil {
		c.Bytes = m.GetChunk()
		then(c, nil)
		return
	}
	d.sub.Blobs().Get(m.GetBlob(), 0, -1, func(b subsystem.Blob, err error) {
		if err == nil {
			c.Bytes = append([]byte(nil), b.Bytes()...)
			err = b.Close()
		}
		then(c, err)
	})
}
