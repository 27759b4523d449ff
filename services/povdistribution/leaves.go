package povdistribution

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// pastLeaves is how many relay parents that are leaves no more peers may still ask about: their questions were under
// way.
const pastLeaves = 10

// relayParent is a leaf of the relay chain, with the proofs of its candidates.
type relayParent struct {
	hash    primitives.Hash
	cancel  func() // the question for its validators
	trouble error  // why they can't be had
	known   bool   // the validators are
	nodes   []primitives.NodeID
	held    map[primitives.Hash]*primitivesv1.PoV
	fetches []*fetch // under way or waiting, in the order in which they were asked for
}

func (d *distribution) begin(l leaf.Leaf) *relayParent {
	r := &relayParent{hash: l.Hash, held: map[primitives.Hash]*primitivesv1.PoV{}}
	r.cancel = leaf.Ask(d.sub, l.Hash, wanted, func(f *leaf.Facts, err error) { d.learned(r, f, err) })
	return r
}

func (d *distribution) learned(r *relayParent, f *leaf.Facts, err error) {
	if err != nil {
		r.trouble = err
		d.sub.Log.Warn("the validators of a relay parent can't be had", "relay_parent", r.hash.String(), "why", err)
		return
	}
	r.known = true
	for _, v := range f.Validators {
		id, _ := primitives.NodeIDFrom(v.GetNodeId()) // one without an identity is connected to nobody
		r.nodes = append(r.nodes, id)
	}
	d.start(r)
}

// end tells those who wait, and lets go of the relay parent's proofs.
func (d *distribution) end(hash primitives.Hash, r *relayParent) {
	r.cancel()
	for _, f := range slices.Clone(r.fetches) {
		d.missing(f, pdv1.FetchPoVResponse_MISSING_RELAY_PARENT_INACTIVE)
	}
	d.shelf.release(r)
	for _, p := range d.peers {
		delete(p.accounts, hash)
	}
	d.past = append(slices.DeleteFunc(d.past, func(h primitives.Hash) bool { return h == hash }), hash)
	d.past = d.past[max(0, len(d.past)-pastLeaves):]
}

// start begins what has waited until the relay parent's validators are known, and our peers know that we work on it.
func (d *distribution) start(r *relayParent) {
	if !r.known || !slices.Contains(d.ours, r.hash) {
		return
	}
	for _, f := range slices.Clone(r.fetches) {
		if !f.begun {
			f.begun = true
			d.next(f)
		}
	}
}
