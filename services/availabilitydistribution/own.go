package availabilitydistribution

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
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
)

// job is the work on one leaf: the candidates on its cores.
type job struct {
	candidates []primitives.Hash
	nodes      []primitives.NodeID // of the session's validators
	own        int
	end        func()
}

// live is a candidate on a core of at least one leaf.
type live struct {
	hash    primitives.Hash
	root    primitives.Hash
	nodes   []primitives.NodeID // of the session's validators, by index
	backers []uint32
	holders []uint32 // who has said that it holds its chunk
	own     int      // this node's index; -1: it is no validator
	coder   *erasure.Coder
	leaves  int
	tried   int
}

func (l *live) gone() bool { return l.leaves == 0 }

func (d *distribution) begin(b leaf.Leaf) *job {
	j := &job{}
	cancel := leaf.Ask(d.sub, b.Hash, wants, func(f *leaf.Facts, err error) {
		if err != nil {
			d.sub.Log.Warn("a leaf can't be worked on", "err", err)
			return
		}
		d.learn(j, f)
	})
	j.end = func() {
		cancel()
		for _, id := range j.candidates {
			if l := d.live[id]; l != nil {
				if l.leaves--; l.gone() {
					delete(d.live, id)
				}
			}
		}
	}
	return j
}

// learn notes the candidates on a leaf's cores, and sees to this validator's chunk of each that is new.
func (d *distribution) learn(j *job, f *leaf.Facts) {
	j.nodes, j.own = nodesOf(f.Validators), f.Own
	for _, state := range f.Cores {
		core := state.GetOccupied()
		id, err := primitives.HashFrom(core.GetCandidate())
		if core == nil || err != nil {
			continue
		}
		l := d.live[id]
		if l == nil {
			if l = d.newLive(id, core, f); l == nil {
				continue
			}
			d.live[id] = l
			d.own(l)
		}
		l.leaves++
		if bits, err := parachain.Bits(core.GetAvailability()); err == nil {
			l.holders = bits.Ones()
		}
		j.candidates = append(j.candidates, id)
	}
}

func (d *distribution) newLive(id primitives.Hash, core *primitivesv1.OccupiedCore, f *leaf.Facts) *live {
	descriptor, err := parachain.Descriptor(core.GetDescriptor_())
	coder, err2 := d.coder(len(f.Validators))
	if err != nil || err2 != nil {
		d.sub.Log.Warn("a candidate on a core can't be worked on", "candidate", id.Short(), "err", err, "coder", err2)
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
	if l.own < 0 {
		return
	}
	q := &storev1.QueryChunkAvailability{Candidate: l.hash[:], Validator: uint32(l.own)}
	subsystem.Ask(d.sub, q, storeTimeout, func(r *storev1.QueryChunkAvailabilityResponse, err error) {
		switch {
		case l.gone() || r.GetAvailable():
		case err != nil:
			d.again(l, err.Error())
		default:
			d.sub.About(l.hash[:], "chunk", func() { d.seek(l) })
		}
	})
}

// seek takes the chunk that was pushed, or fetches it.
func (d *distribution) seek(l *live) {
	take := func(c *erasure.Chunk) {
		switch {
		case l.gone():
		case c == nil:
			d.counts.missing++
			d.again(l, "nobody who was asked has sent it")
		default:
			d.keep(l, *c)
		}
	}
	if g := d.pushed.take(l.hash, uint32(l.own)); g != nil {
		d.verify(l, g.chunk, func(good bool) {
			if !good {
				d.report(g.from[:], costProof, "a pushed chunk that the erasure root doesn't commit to")
				d.fetch(l, uint32(l.own), take)
				return
			}
			d.counts.taken++
			take(&g.chunk)
		})
		return
	}
	d.fetch(l, uint32(l.own), take)
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
			switch o := r.GetOutcome(); {
			case err == nil && (o == storev1.StoreChunkResponse_OUTCOME_STORED ||
				o == storev1.StoreChunkResponse_OUTCOME_ALREADY_STORED):
			case err == nil && o == storev1.StoreChunkResponse_OUTCOME_UNKNOWN_CANDIDATE && !l.gone() && l.tried < tries:
				l.tried++
				d.sub.After(againAfter, func() { d.keep(l, c) })
			default:
				d.again(l, "the store doesn't keep it: "+o.String())
			}
		})
	})
}

// again tries once more after a pause, as long as the candidate is live and not too often.
func (d *distribution) again(l *live, why string) {
	d.sub.Log.Info("this validator's chunk isn't here", "candidate", l.hash.Short(), "tried", l.tried, "err", why)
	if l.tried++; l.tried > tries {
		return
	}
	d.sub.After(againAfter, func() {
		if !l.gone() {
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
