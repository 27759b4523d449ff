package candidateselection

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
	"github.com/reevenet/reeve/services/internal/seat"
)

const (
	// pastLeaves is how many relay parents that are leaves no more are remembered: what is said of them was under way.
	pastLeaves = 10
	// maxEarly is how much may wait until a leaf's facts are known.
	maxEarly = 256
)

// relayParent is a leaf of the relay chain, with what collators offer on it.
type relayParent struct {
	*selection
	leaf  leaf.Leaf
	ended bool

	taken  bool   // this instance works on it
	cancel func() // the questions about it
	failed error  // why they have no answer
	known  bool   // they are answered
	early  []func()

	own  uint32     // this validator
	seat *seat.Seat // the core that its group backs a candidate for; nil: none
	// data is what a candidate must have been made against, and dataHash its name in a descriptor.
	data     *primitivesv1.PersistedValidationData
	dataHash primitives.Hash

	offers   []*offer // in the order in which they came
	fetches  []*fetch // under way
	proposed *offer   // that candidate-backing judges, or has seconded
	seconded bool     // this validator has signed for a candidate: there will be no other
	watches  []func() // end what is listened to
}

// begin notes a leaf. Of several instances the one that gets the message back works on it.
func (s *selection) begin(l leaf.Leaf) *relayParent {
	s.sub.Send(&candidateselectionv1.TakeUp{RelayParent: l.Hash[:]})
	return &relayParent{selection: s, leaf: l, cancel: func() {}}
}

func (r *relayParent) takeUp() {
	if r.taken {
		return
	}
	r.taken = true
	r.cancel = leaf.Ask(r.sub, r.leaf.Hash, wants, r.learn)
}

// learn finds this validator's seat.
func (r *relayParent) learn(f *leaf.Facts, err error) {
	if err != nil {
		r.fail(err)
		return
	}
	r.own = uint32(max(0, f.Own))
	for _, c := range seat.All(f) {
		if f.Own >= 0 && slices.Contains(c.Group, r.own) {
			r.seat = &c
			r.learnData()
			return
		}
	}
	r.start()
}

// learnData asks what candidates are made against.
func (r *relayParent) learnData() {
	r.seat.Data(r.sub, r.leaf.Hash, func(d *primitivesv1.PersistedValidationData, err error) {
		if err != nil {
			r.fail(err)
			return
		}
		if d == nil { // the para isn't there any more
			r.seat = nil
			r.start()
			return
		}
		data, err := parachain.ValidationData(d)
		if err == nil {
			r.dataHash, err = data.Hash()
		}
		if r.data = d; err != nil {
			r.fail(err)
			return
		}
		r.start()
	})
}

// fail: nothing can be told of this leaf. That is this node's fault.
func (r *relayParent) fail(err error) {
	if !r.ended {
		r.failed = err
		r.sub.Log.Warn("candidates of a leaf can't be selected", "parent", r.leaf.Hash.Short(), "err", err)
		r.start()
	}
}

// start does what has waited for the leaf's facts.
func (r *relayParent) start() {
	r.known = true
	early := r.early
	r.early = nil
	for _, do := range early {
		do()
	}
}

// soon does something when the leaf's facts are known, or when the leaf ends before they are. False: too much waits.
func (r *relayParent) soon(do func()) bool {
	switch {
	case r.known:
		do()
	case len(r.early) >= maxEarly:
		return false
	default:
		r.early = append(r.early, do)
	}
	return true
}

// end lets go of what belongs to the leaf. What becomes of its candidates is for the blocks after it to say.
func (s *selection) end(hash primitives.Hash, r *relayParent) {
	r.ended = true
	r.cancel()
	for _, stop := range r.watches {
		stop()
	}
	if r.taken {
		r.start()
	}
	for _, o := range r.offers {
		o.release(s.sub)
	}
	for _, p := range s.peers {
		delete(p.advertised, hash)
	}
	s.past = append(slices.DeleteFunc(s.past, func(h primitives.Hash) bool { return h == hash }), hash)
	s.past = s.past[max(0, len(s.past)-pastLeaves):]
}
