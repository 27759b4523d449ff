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
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

const (
	// atOnce is how many chunks one recovery asks for at a time.
	atOnce = 8
	// maxRecoveries are under way at a time.
	maxRecoveries = 16
)

// recovery puts one candidate's data together.
type recovery struct {
	*distribution
	m       *subsystem.Message
	receipt candidate.Receipt
	of      uint32 // session, whose validators hold the chunks
	live    *live  // the candidate as its relay parent's session sees it, for this recovery alone
	need    int
	chunks  []erasure.Chunk // that have been verified
	left    []uint32        // whose chunks may yet be asked for, in order
	open    int
	unwatch func()
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
	r := &recovery{
		distribution: d, m: m, receipt: receipt, of: q.GetSession(), unwatch: func() {},
		live: &live{hash: id, root: receipt.Descriptor.Collation.ErasureRoot, own: -1},
	}
	m.OnCancel(r.end)
	ask := &storev1.QueryAvailableData{Candidate: id[:]}
	subsystem.Ask(d.sub, ask, storeTimeout, func(a *storev1.QueryAvailableDataResponse, err error) {
		switch {
		case r.ended:
		case err == nil && a.GetData() != nil:
			r.reply(&distributionv1.RecoverAvailableDataResponse{
				Outcome: &distributionv1.RecoverAvailableDataResponse_Data{Data: a.GetData()}})
		default:
			r.session()
		}
	})
}

// end is called with the answer, or when nobody waits for it any more.
func (r *recovery) end() {
	if !r.ended {
		r.ended = true
		r.recoveries--
		r.unwatch()
	}
}

func (r *recovery) reply(a *distributionv1.RecoverAvailableDataResponse) {
	if !r.ended {
		r.m.Reply(a)
		r.end()
	}
}

func (r *recovery) fail(err error) {
	if !r.ended {
		r.m.Fail(err)
		r.end()
	}
}

func (r *recovery) unavailable() {
	u := &distributionv1.Unavailable{Have: uint32(len(r.chunks)), Need: uint32(r.need)}
	r.reply(&distributionv1.RecoverAvailableDataResponse{
		Outcome: &distributionv1.RecoverAvailableDataResponse_Unavailable{Unavailable: u}})
}

// session learns whose the chunks are: as the relay parent has it, or the newest leaf, since sessions are remembered
// for longer than the states after single blocks.
func (r *recovery) session() {
	r.validators(r.receipt.Descriptor.Collation.RelayParent, &runtimeapiv1.Validators{}, func(err error) {
		if r.newest.hash.IsZero() {
			r.homeless(err)
			return
		}
		r.validators(r.newest.hash, &runtimeapiv1.Validators{Session: &r.of}, r.homeless)
	})
}

// validators asks for the session's, and goes on with them.
func (r *recovery) validators(at primitives.Hash, who *runtimeapiv1.Validators, failed func(error)) {
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_Validators{Validators: who}}
	leaf.Question(r.sub, at, q, func(a *runtimeapiv1.RuntimeApiAnswer, err error) {
		nodes := nodesOf(a.GetValidators().GetValidators())
		if err == nil && len(nodes) == 0 {
			err = errors.New("the session isn't remembered")
		}
		if err != nil {
			failed(err)
			return
		}
		r.coder(len(nodes), func(c *erasure.Coder, err error) {
			if err != nil {
				r.homeless(err)
				return
			}
			r.live.coder, r.live.nodes, r.need = c, nodes, erasure.DataChunks(len(nodes))
			r.know()
			r.atHome()
		})
	})
}

// homeless: it can't be known whom to ask.
func (r *recovery) homeless(err error) {
	r.sub.Log.Info("data can't be recovered: its session isn't known", "candidate", r.live.hash.Short(), "err", err)
	r.unavailable()
}

// know notes which validator this node is, and who the backers are, which is known while the candidate is on a core.
func (r *recovery) know() {
	if n := r.newest; n.own >= 0 {
		r.live.own = slices.Index(r.live.nodes, n.nodes[n.own])
	}
	if l := r.distribution.live[r.live.hash]; l != nil {
		r.live.backers = slices.Clone(l.backers)
	}
}

// atHome begins with the chunks that are here.
func (r *recovery) atHome() {
	if r.ended {
		return
	}
	open := 1 // the list, and each chunk that is looked at
	done := func() {
		if open--; open == 0 && !r.ended {
			r.order()
			r.gather()
		}
	}
	q := &storev1.QueryAllChunks{Candidate: r.live.hash[:]}
	r.unwatch = subsystem.Watch(r.sub, q, storeTimeout, func(a *storev1.QueryAllChunksResponse) {
		open++
		r.get(a.GetChunk(), func(c erasure.Chunk, err error) {
			if err != nil || r.ended || len(r.chunks) >= r.need {
				done()
				return
			}
			r.verify(r.live, c, func(good bool) {
				if good && !r.has(c.Index) {
					r.chunks = append(r.chunks, c)
				}
				done()
			})
		})
	}, func(error) { done() })
}

func (r *recovery) has(index uint32) bool {
	return slices.ContainsFunc(r.chunks, func(c erasure.Chunk) bool { return c.Index == index })
}

// order lists whose chunks are asked for: first those that are the data itself, then the others by chance, so that not
// everybody asks the same validators. This node's own it has, or nobody has but the backers.
func (r *recovery) order() {
	n := len(r.live.nodes)
	for i := range r.need {
		r.left = append(r.left, uint32(i))
	}
	for _, i := range r.sub.Rand().Perm(n - r.need) {
		r.left = append(r.left, uint32(r.need+i))
	}
	r.left = slices.DeleteFunc(r.left, r.has)
}

// gather asks for chunks until there are enough: for each it asks the backers, which have all of them, and then the
// validator whose it is. A backer that hasn't sent one isn't asked for another.
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
	for len(r.left) > 0 && r.open < atOnce && len(r.chunks)+r.open < r.need && !r.ended {
		index := r.left[0]
		r.left = r.left[1:]
		r.open++
		r.fetch(&pull{
			live: r.live, index: index, wanted: func() bool { return !r.ended }, failed: r.lost,
			then: func(c *erasure.Chunk) {
				r.open--
				if c != nil {
					r.chunks = append(r.chunks, *c)
				}
				r.gather()
			},
		})
	}
}

func (r *recovery) lost(source uint32) {
	r.live.backers = slices.DeleteFunc(slices.Clone(r.live.backers), func(v uint32) bool { return v == source })
}
