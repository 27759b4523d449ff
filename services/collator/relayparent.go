package collator

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
	"github.com/reevenet/reeve/services/internal/seat"
)

// relayParent is a leaf of the relay chain.
type relayParent struct {
	*collator
	leaf   leaf.Leaf
	ended  bool
	cancel func()
	asked  bool        // about its state
	facts  *leaf.Facts // nil until they are known
	failed error       // why they never will be

	chances map[uint32]*chance // by para, of those that were told
}

// chance is what was told as an opportunity, and what was made of it.
type chance struct {
	seat seat.Seat
	data candidate.PersistedValidationData
	code primitives.Hash
	made *collation // nil: nothing was submitted yet
}

func (c *collator) begin(l leaf.Leaf) *relayParent {
	r := &relayParent{collator: c, leaf: l, cancel: func() {}, chances: map[uint32]*chance{}}
	for _, p := range c.collated() {
		r.serve(p)
	}
	return r
}

func (r *relayParent) end() {
	r.ended = true
	r.cancel()
}

// sortedLeaves are the leaves, lowest first.
func (c *collator) sortedLeaves() (list []*relayParent) {
	for _, r := range c.leaves.All() {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *relayParent) int { return a.leaf.Hash.Compare(b.leaf.Hash) })
	slices.SortStableFunc(list, func(a, b *relayParent) int { return int(int64(a.leaf.Number) - int64(b.leaf.Number)) })
	return list
}

// serve tells a producer whether there is something to build on the leaf, once its state is known.
func (r *relayParent) serve(p *collating) {
	switch {
	case r.facts != nil:
		r.tell(p)
	case !r.asked && len(r.key) > 0:
		r.asked = true
		r.cancel = leaf.Ask(r.sub, r.leaf.Hash, wants, r.learn)
	}
}

func (r *relayParent) learn(f *leaf.Facts, err error) {
	if err != nil {
		r.failed = err
		r.sub.Log.Warn("nothing can be collated on a leaf", "parent", r.leaf.Hash.Short(), "err", err)
		return
	}
	r.facts = f
	r.connect()
	for _, p := range r.collated() {
		r.tell(p)
	}
}

// tell finds the core that waits for the para, and asks in which context a block for it is made.
func (r *relayParent) tell(p *collating) {
	for _, s := range seat.All(r.facts) {
		if s.Para == p.para && s.Admits(r.key) {
			r.sub.About(r.leaf.Hash[:], "collate", func() { r.open(p, s) })
			return
		}
	}
	if !p.known { // it is one that has no core now, or none at all
		seat.Seat{Para: p.para}.Code(r.sub, r.leaf.Hash, r.leaf.Number, func(code *primitivesv1.BlobRef, err error) {
			if err == nil && r.paras[p.para] == p && !p.known {
				r.exists(p, code != nil)
			}
		})
	}
}

// exists notes whether the relay chain has the para.
func (r *relayParent) exists(p *collating, is bool) {
	if p.known = is; !is {
		r.stop(p)
		refuse(p.m, collatorv1.CollateOnResponse_REFUSAL_UNKNOWN_PARA)
	}
}

// open asks for the data and the code that a block will be judged by.
func (r *relayParent) open(p *collating, s seat.Seat) {
	failed := func(err error) bool {
		if err != nil && !r.ended {
			r.sub.Log.Warn("an opportunity is missed", "para", p.para, "parent", r.leaf.Hash.Short(), "err", err)
		}
		return err != nil || r.ended || r.paras[p.para] != p
	}
	s.Data(r.sub, r.leaf.Hash, func(d *primitivesv1.PersistedValidationData, err error) {
		if failed(err) || d == nil {
			return
		}
		data, err := parachain.ValidationData(d)
		if failed(err) {
			return
		}
		s.Code(r.sub, r.leaf.Hash, r.leaf.Number, func(code *primitivesv1.BlobRef, err error) {
			if failed(err) || code == nil {
				return
			}
			hash, err := primitives.HashFrom(code.GetHash())
			if !failed(err) {
				r.offerChance(p, &chance{seat: s, data: data, code: hash}, d)
			}
		})
	})
}

func (r *relayParent) offerChance(p *collating, ch *chance, d *primitivesv1.PersistedValidationData) {
	p.known = true
	if before := r.chances[p.para]; before != nil { // told a producer before: what was made of it stays
		ch = before
	}
	r.chances[p.para] = ch
	r.counts.opportunities++
	r.sub.Log.Debug("an opportunity", "para", p.para, "parent", r.leaf.Hash.Short(), "core", ch.seat.Core)
	p.m.Item(&collatorv1.CollateOnResponse{Item: &collatorv1.CollateOnResponse_Opportunity{
		Opportunity: &collatorv1.Opportunity{
			RelayParent: r.leaf.Hash[:], Core: ch.seat.Core, ValidationData: d, ValidationCodeHash: ch.code[:],
		}}})
}
