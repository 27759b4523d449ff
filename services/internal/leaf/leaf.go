// Package leaf is what the subsystems of the parachain host have in common: work that begins with a leaf of the relay
// chain and ends with it, and the questions about its state with which such work begins. It asks runtime-api, and
// keystore for this node's own key, on behalf of the subsystem that uses it; it decides nothing.
package leaf

import (
	"iter"
	"maps"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Leaf is a block of the relay chain on which can be built.
type Leaf struct {
	Hash, Parent primitives.Hash
	Number       uint64
}

// Jobs holds a subsystem's work for each leaf of the relay chain. Chain is the relay chain's name; signals of other
// chains mean nothing here.
type Jobs[J any] struct {
	Chain string

	byHash map[primitives.Hash]J
}

// Signal begins a job with a leaf and ends it when that is no leaf any more. Either function may be nil.
func (j *Jobs[J]) Signal(sig *overseerv1.Signal, start func(Leaf) J, stop func(primitives.Hash, J)) {
	if sig.GetChain() != j.Chain {
		return
	}
	switch k := sig.GetKind().(type) {
	case *overseerv1.Signal_StartWork:
		hash, err := primitives.HashFrom(k.StartWork.GetHash())
		parent, _ := primitives.HashFrom(k.StartWork.GetParent()) // the first block has none
		if _, known := j.byHash[hash]; err == nil && !known {
			j.begin(Leaf{Hash: hash, Parent: parent, Number: k.StartWork.GetNumber()}, start)
		}
	case *overseerv1.Signal_StopWork:
		hash, _ := primitives.HashFrom(k.StopWork.GetHash())
		job, known := j.byHash[hash]
		delete(j.byHash, hash)
		if known && stop != nil {
			stop(hash, job)
		}
	}
}

func (j *Jobs[J]) begin(l Leaf, start func(Leaf) J) {
	if j.byHash == nil {
		j.byHash = map[primitives.Hash]J{}
	}
	var job J
	if start != nil {
		job = start(l)
	}
	j.byHash[l.Hash] = job
}

// Get is the job of a relay parent as messages name it; false: it is no leaf.
func (j *Jobs[J]) Get(relayParent []byte) (J, bool) {
	hash, err := primitives.HashFrom(relayParent)
	job, known := j.byHash[hash]
	return job, known && err == nil
}

// Each calls do with every job, in the order of their relay parents' hashes.
func (j *Jobs[J]) Each(do func(primitives.Hash, J)) {
	for _, hash := range slices.SortedFunc(maps.Keys(j.byHash), primitives.Hash.Compare) {
		do(hash, j.byHash[hash])
	}
}

// Len is the number of leaves.
func (j *Jobs[J]) Len() int { return len(j.byHash) }

// All lists the jobs, in no order.
func (j *Jobs[J]) All() iter.Seq2[primitives.Hash, J] { return maps.All(j.byHash) }
