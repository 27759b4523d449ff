package availabilitydistribution

import (
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// onFetchChunk looks in the store, then asks the backers, then the validator whose chunk it is.
func (d *distribution) onFetchChunk(m *subsystem.Message, q *distributionv1.FetchChunk) {
	id, err := primitives.HashFrom(q.GetCandidate())
	ask := &storev1.QueryChunk{Candidate: q.GetCandidate(), Validator: q.GetIndex()}
	subsystem.Ask(d.sub, ask, storeTimeout, func(r *storev1.QueryChunkResponse, failure error) {
		l := d.live[id]
		switch {
		case failure == nil && r.GetChunk() != nil:
			m.Reply(chunkOf(r.GetChunk()))
		case err != nil || l == nil:
			m.Reply(missing(distributionv1.FetchChunkResponse_MISSING_UNKNOWN_CANDIDATE))
		case int64(q.GetIndex()) >= int64(len(l.nodes)):
			m.Reply(missing(distributionv1.FetchChunkResponse_MISSING_INDEX_OUT_OF_RANGE))
		default:
			d.fetch(&pull{live: l, index: q.GetIndex(), wanted: m.Open, then: func(c *erasure.Chunk) {
				d.fetched(m, c)
			}})
		}
	})
}

// fetched answers FetchChunk.
func (d *distribution) fetched(m *subsystem.Message, c *erasure.Chunk) {
	if c == nil {
		m.Reply(missing(distributionv1.FetchChunkResponse_MISSING_NOT_FOUND))
		return
	}
	d.put(*c, func(chunk *primitivesv1.ErasureChunk, err error) {
		if err != nil {
			m.Fail(err)
			return
		}
		m.Reply(chunkOf(chunk))
	})
}

func chunkOf(c *primitivesv1.ErasureChunk) *distributionv1.FetchChunkResponse {
	return &distributionv1.FetchChunkResponse{Outcome: &distributionv1.FetchChunkResponse_Chunk{Chunk: c}}
}

func missing(why distributionv1.FetchChunkResponse_Missing) *distributionv1.FetchChunkResponse {
	return &distributionv1.FetchChunkResponse{Outcome: &distributionv1.FetchChunkResponse_Missing_{Missing: why}}
}
