package availabilitydistribution

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

const (
	// storeTimeout is how long the store may take.
	storeTimeout = 10 * time.Second
	// againAfter is the pause before a chunk that nobody had is asked for again, or one that the store didn't know the
	// candidate of yet is offered again, and tries how often that is done at most: a candidate has a few blocks' time.
	againAfter = 200 * time.Millisecond
	tries      = 10
	// linger is for how long a candidate is worked on after its last leaf has ended. The next leaf is learned a moment
	// later, and blocks may come faster than one slow backer is given up.
	linger = 5 * time.Second
)

// job is the work on one leaf: the candidates on its cores.
type job struct {
	hash       primitives.Hash
	number     uint64
	candidates []*live
	nodes      []primitives.NodeID // of the session's validators
	own        int
	ended      bool
	cancel     func()
}

// live is a candidate on a core of at least one leaf.
type live struct {
	hash    primitives.Hash
	root    primitives.Hash
	nodes   []primitives.NodeID // of the session's validators, by index
	backers []uint32
	own     int // this node's index; -1: it is no validator
	coder   *erasure.Coder
	leaves  int
	gone    bool // it has been on no leaf for a while

	seeking bool // this validator's chunk
	here    bool // the chunk is in the store
	tried   int
}

func (d *distribution) begin(b leaf.Leaf) *job {
	j := &job{hash: b.Hash, number: b.Number, own: -1}
	j.cancel = leaf.Ask(d.sub, b.Hash, wants, func(f *leaf.Facts, err error) {
		if err != nil {
			d.sub.Log.Warn("a leaf can't be worked on", "err", err)
			return
		}
		d.coder(len(f.Validators), func(c *erasure.Coder, err error) {
			switch {
			case j.ended:
			case err != nil:
				d.sub.Log.Warn("a leaf can't be worked on", "err", err)
			default:
				d.learn(j, f, c)
			}
		})
	})
	return j
}

func (d *distribution) end(j *job) {
	j.ended = true
	j.cancel()
	for _, l := range j.candidates {
		l.leaves--
		d.sub.After(linger, func() {
			if l.leaves == 0 && !l.gone {
				l.gone = true
				delete(d.live, l.hash)
			}
		})
	}
}

// learn notes the candidates on a leaf's cores, and sees to this validator's chunk of each.
func (d *distribution) learn(j *job, f *leaf.Facts, coder *erasure.Coder) {
	j.nodes, j.own = nodesOf(f.Validators), f.Own
	if j.number >= d.newest.number {
		d.newest = j
	}
	for _, state := range f.Cores {
		core := state.GetOccupied()
		id, err := primitives.HashFrom(core.GetCandidate())
		if core == nil || err != nil {
			continue
		}
		l := d.live[id]
		if l == nil {
			if l = d.newLive(id, core, f, coder); l == nil {
				continue
			}
			d.live[id] = l
		}
		l.leaves++
		j.candidates = append(j.candidates, l)
		if l.own >= 0 && !l.here && !l.seeking {
			d.sub.Send(&distributionv1.TakeUp{Candidate: id[:]})
		}
	}
}

// onTakeUp: this instance is to see to the chunk. Another one may have learned of the candidate first: then this one
// will be told again when it has.
func (d *distribution) onTakeUp(t *distributionv1.TakeUp) {
	id, err := primitives.HashFrom(t.GetCandidate())
	if l := d.live[id]; err == nil && l != nil && !l.here && !l.seeking {
		l.seeking, l.tried = true, 0
		d.own(l)
	}
}

func (d *distribution) newLive(id primitives.Hash, core *primitivesv1.OccupiedCore, f *leaf.Facts,
	coder *erasure.Coder) *live {
	descriptor, err := parachain.Descriptor(core.GetDescriptor_())
	if err != nil {
		d.sub.Log.Warn("a candidate on a core can't be worked on", "candidate", id.Short(), "err", err)
		return nil
	}
	l := &live{hash: id, root: descriptor.Collation.ErasureRoot, own: f.Own, coder: coder, nodes: nodesOf(f.Validators)}
	if group := int64(core.GetGroupResponsible()); group < int64(len(f.Groups)) {
		l.backers = f.Groups[group]
	}
	return l
}

func nodesOf(validators []*primitivesv1.Validator) []primitives.NodeID {
	nodes := make([]primitives.NodeID, len(validators))
	for i, v := range validators {
		nodes[i], _ = primitives.NodeIDFrom(v.GetNodeId()) // one without a node is never connected
	}
	return nodes
}

// own sees to it that this validator's chunk is in the store.
func (d *distribution) own(l *live) {
	q := &storev1.QueryChunkAvailability{Candidate: l.hash[:], Validator: uint32(l.own)}
	subsystem.Ask(d.sub, q, storeTimeout, func(r *storev1.QueryChunkAvailabilityResponse, err error) {
		switch {
		case l.gone:
		case r.GetAvailable():
			l.seeking, l.here = false, true
			d.pushed.drop(l.hash) // it came too late to be of use
		case err != nil:
			d.again(l, err.Error())
		default:
			d.sub.About(l.hash[:], "chunk", func() { d.seek(l) })
		}
	})
}

// seek takes the chunk that was pushed, or fetches it.
func (d *distribution) seek(l *live) {
	if g := d.pushed.take(l.hash); g != nil {
		d.open(l, g)
		return
	}
	d.fetch(&pull{live: l, index: uint32(l.own), wanted: func() bool { return !l.gone }, then: func(c *erasure.Chunk) {
		switch {
		case l.gone:
		case c == nil:
			d.counts.missing++
			d.again(l, "nobody who was asked has sent it")
		default:
			d.keep(l, *c)
		}
	}})
}

// open looks at a chunk that was pushed. If it is no good, the next one is, or it is fetched.
func (d *distribution) open(l *live, g *gift) {
	if g.chunk.Index != uint32(l.own) {
		d.report(g.from[:], costUnwanted, "a pushed chunk of another validator's")
		d.seek(l)
		return
	}
	d.verify(l, g.chunk, func(good bool) {
		if !good {
			d.report(g.from[:], costProof, "a pushed chunk that the erasure root doesn't commit to")
			d.seek(l)
			return
		}
		d.report(g.from[:], benefitPushed, "this validator's chunk, before it asked")
		d.counts.taken++
		d.keep(l, g.chunk)
	})
}

// keep gives the store the chunk. It may hear a moment later than we do that the candidate was backed.
func (d *distribution) keep(l *live, c erasure.Chunk) {
	d.put(c, func(m *primitivesv1.ErasureChunk, err error) {
		if err != nil {
			d.again(l, err.Error())
			return
		}
		q := &storev1.StoreChunk{Candidate: l.hash[:], Validator: c.Index, Chunk: m}
		subsystem.Ask(d.sub, q, storeTimeout, func(r *storev1.StoreChunkResponse, err error) {
			d.kept(l, c, r.GetOutcome(), err)
		})
	})
}

func (d *distribution) kept(l *live, c erasure.Chunk, o storev1.StoreChunkResponse_Outcome, err error) {
	switch {
	case err != nil:
		d.again(l, err.Error())
	case o == storev1.StoreChunkResponse_OUTCOME_STORED || o == storev1.StoreChunkResponse_OUTCOME_ALREADY_STORED:
		l.seeking, l.here = false, true
	case o == storev1.StoreChunkResponse_OUTCOME_UNKNOWN_CANDIDATE && l.tried < tries:
		l.tried++
		d.sub.After(againAfter, func() {
			if !l.gone {
				d.keep(l, c)
			}
		})
	default:
		d.again(l, "the store doesn't keep it: "+o.String())
	}
}

// again tries once more after a pause, as long as the candidate is live and not too often: the next leaf on which the
// candidate still is begins anew.
func (d *distribution) again(l *live, why string) {
	d.sub.Log.Info("this validator's chunk isn't here", "candidate", l.hash.Short(), "tried", l.tried, "err", why)
	if l.tried++; l.tried > tries {
		l.seeking = false
		return
	}
	d.sub.After(againAfter, func() {
		if !l.gone {
			d.own(l)
		}
	})
}

// sources are who may have a chunk of a candidate, in the order in which they are asked: the backers, which have all
// chunks; whose it is; and, of this validator's own, nobody else has it.
func (l *live) sources(index uint32) (list []uint32) {
	for _, v := range append(slices.Clone(l.backers), index) {
		if int(v) != l.own && int64(v) < int64(len(l.nodes)) && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}
