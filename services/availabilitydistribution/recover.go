package availabilitydistribution

import (
	"errors"
	"slices"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

const (
	// atOnce is how many chunks one recovery asks for at a time.
	atOnce = 8
	// maxRecoveries are under way at a time.
	maxRecoveries = 16
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
			d.fetch(l, q.GetIndex(), func(c *erasure.Chunk) {
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
			})
		}
	})
}

func chunkOf(c *primitivesv1.ErasureChunk) *distributionv1.FetchChunkResponse {
	return &distributionv1.FetchChunkResponse{Outcome: &distributionv1.FetchChunkResponse_Chunk{Chunk: c}}
}

func missing(why distributionv1.FetchChunkResponse_Missing) *distributionv1.FetchChunkResponse {
	return &distributionv1.FetchChunkResponse{Outcome: &distributionv1.FetchChunkResponse_Missing_{Missing: why}}
}

// recovery puts one candidate's data together.
type recovery struct {
	*distribution
	m       *subsystem.Message
	receipt candidate.Receipt
	live    *live // the candidate as its relay parent's session sees it; it counts as one leaf of its own
	need    int
	chunks  []erasure.Chunk
	left    []uint32 // whose chunks may yet be asked for, in order
	open    int
	ended   bool
}

// onRecoverAvailableData gives the data that is here as a whole, or begins to gather chunks.
func (d *distribution) onRecoverAvailableData(m *subsystem.Message, q *distributionv1.RecoverAvailableData) {
	receipt, err := parachain.Receipt(q.GetReceipt())
	id := receipt.Hash()
	switch {
	case err != nil || string(id[:]) != string(q.GetCandidate()):
		m.Fail(subsystem.Failf(subsystem.Refused, "the receipt isn't the candidate's"))
		return
	case d.recoveries >= maxRecoveries:
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d recoveries are under way", d.recoveries))
		return
	}
	d.recoveries++
	r := &recovery{distribution: d, m: m, receipt: receipt, live: &live{
		hash: id, root: receipt.Descriptor.Collation.ErasureRoot, own: -1, leaves: 1,
	}}
	m.OnCancel(r.end)
	ask := &storev1.QueryAvailableData{Candidate: id[:]}
	subsystem.Ask(d.sub, ask, storeTimeout, func(a *storev1.QueryAvailableDataResponse, err error) {
		if err == nil && a.GetData() != nil {
			r.reply(&distributionv1.RecoverAvailableDataResponse{
				Outcome: &distributionv1.RecoverAvailableDataResponse_Data{Data: a.GetData()}})
			return
		}
		r.session()
	})
}

// end is called once: with the answer, or when nobody waits for it any more.
func (r *recovery) end() {
	if !r.ended {
		r.ended = true
		r.recoveries--
	}
}

func (r *recovery) reply(a *distributionv1.RecoverAvailableDataResponse) {
	if !r.ended {
		r.m.Reply(a)
		r.end()
	}
}

func (r *recovery) unavailable() {
	r.reply(&distributionv1.RecoverAvailableDataResponse{Outcome: &distributionv1.RecoverAvailableDataResponse_Unavailable{
		Unavailable: &distributionv1.Unavailable{Have: uint32(len(r.chunks)), Need: uint32(r.need)}}})
}

// session learns whose the chunks are. Backers are known while the candidate is on a core.
func (r *recovery) session() {
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_Validators{
		Validators: &runtimeapiv1.Validators{}}}
	parent := r.receipt.Descriptor.Collation.RelayParent
	leaf.Question(r.sub, parent, q, func(a *runtimeapiv1.RuntimeApiAnswer, err error) {
		validators := a.GetValidators().GetValidators()
		coder, err2 := r.coder(len(validators))
		if err := errors.Join(err, err2); err != nil || r.ended {
			r.sub.Log.Info("data can't be recovered: its session isn't known", "candidate", r.live.hash.Short(), "err", err)
			r.unavailable()
			return
		}
		r.live.coder, r.live.nodes = coder, nodesOf(validators)
		if l := r.distribution.live[r.live.hash]; l != nil {
			r.live.backers, r.live.own = l.backers, l.own
		}
		r.need = erasure.DataChunks(len(validators))
		r.atHome()
	})
}

// atHome begins with the chunks that are here.
func (r *recovery) atHome() {
	q := &storev1.QueryAllChunks{Candidate: r.live.hash[:]}
	subsystem.Watch(r.sub, q, storeTimeout, func(a *storev1.QueryAllChunksResponse) {
		r.get(a.GetChunk(), func(c erasure.Chunk, err error) {
			if err == nil && !r.ended {
				r.chunks = append(r.chunks, c) // the store has them with proof; Recover compares the root
			}
		})
	}, func(error) {
		if !r.ended {
			r.order()
			r.gather()
		}
	})
}

// order lists whose chunks are asked for: first those that are the data itself, then the others by chance, so that not
// everybody asks the same validators.
func (r *recovery) order() {
	n := len(r.live.nodes)
	for i := range r.need {
		r.left = append(r.left, uint32(i))
	}
	for _, i := range r.sub.Rand().Perm(n - r.need) {
		r.left = append(r.left, uint32(r.need+i))
	}
	r.left = slices.DeleteFunc(r.left, func(v uint32) bool {
		return slices.ContainsFunc(r.chunks, func(c erasure.Chunk) bool { return c.Index == v })
	})
}

// gather asks for chunks until there are enough.
func (r *recovery) gather() {
	switch {
	case r.ended:
		return
	case len(r.chunks) >= r.need:
		r.decode()
		return
	case len(r.left) == 0 && r.open == 0:
		r.unavailable()
		return
	}
	for len(r.left) > 0 && r.open < atOnce && len(r.chunks)+r.open < r.need {
		index := r.left[0]
		r.left = r.left[1:]
		r.open++
		r.fetch(r.live, index, func(c *erasure.Chunk) {
			r.open--
			if c != nil {
				r.chunks = append(r.chunks, *c)
			}
			r.gather()
		})
	}
}

// decode puts the data together and encodes it again: only that shows that the root is that of some data.
func (r *recovery) decode() {
	coder, root, chunks := r.live.coder, r.live.root, r.chunks
	type outcome struct {
		data   candidate.AvailableData
		actual primitives.Hash
	}
	subsystem.Offload(r.sub, func() (o outcome, err error) {
		var coded erasure.Coded
		if err := coder.Recover(root, chunks, &coded); err != nil {
			return o, err
		}
		o.actual = coded.Root()
		if o.data, err = candidate.DecodeAvailableData(slices.Clone(coded.Data())); err != nil {
			return o, errors.Join(erasure.ErrInvalid, err)
		}
		return o, nil
	}, func(o outcome, err error) {
		switch {
		case r.ended:
		case errors.Is(err, erasure.ErrInvalid):
			r.invalid(o.actual)
		case err != nil:
			r.m.Fail(err)
			r.end()
		default:
			r.recovered(o.data)
		}
	})
}

func (r *recovery) recovered(data candidate.AvailableData) {
	r.sub.Blobs().Put(data.PoV, chunkLease, func(ref *primitivesv1.BlobRef, err error) {
		if err != nil && !r.ended {
			r.m.Fail(err)
			r.end()
			return
		}
		r.reply(&distributionv1.RecoverAvailableDataResponse{Outcome: &distributionv1.RecoverAvailableDataResponse_Data{
			Data: &primitivesv1.AvailableData{
				Pov: &primitivesv1.PoV{BlockData: ref}, ValidationData: parachain.ValidationDataMessage(data.ValidationData),
			}}})
	})
}

// invalid answers with the evidence: chunks enough to repeat the decoding.
func (r *recovery) invalid(actual primitives.Hash) {
	evidence := &distributionv1.InvalidEncoding{}
	if !actual.IsZero() {
		evidence.ActualRoot = actual[:]
	}
	r.sub.Log.Warn("the erasure root of a candidate isn't that of any data", "candidate", r.live.hash.Short())
	left := r.chunks[:min(r.need, len(r.chunks))]
	var next func()
	next = func() {
		if len(left) == 0 {
			r.reply(&distributionv1.RecoverAvailableDataResponse{
				Outcome: &distributionv1.RecoverAvailableDataResponse_Invalid{Invalid: evidence}})
			return
		}
		c := left[0]
		left = left[1:]
		r.put(c, func(m *primitivesv1.ErasureChunk, err error) {
			if err == nil {
				evidence.Chunks = append(evidence.Chunks, m)
			}
			next()
		})
	}
	next()
}
