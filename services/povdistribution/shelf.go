package povdistribution

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

const (
	// lease is how long a blob stays when this process ends without letting go of it.
	lease = 2 * time.Minute
	// renewEvery is how often the leases are renewed.
	renewEvery = lease / 3
)

// shelf is the proofs that are here. A blob is kept as long as a relay parent has it.
type shelf struct {
	sub      *subsystem.Sub
	blobs    map[primitives.Hash]*kept
	renewing bool
}

type kept struct {
	ref  *primitivesv1.PoV
	uses int // relay parents
}

// hold keeps a proof for a relay parent; false: the reference names none.
func (s *shelf) hold(r *relayParent, pov *primitivesv1.PoV) (primitives.Hash, bool) {
	hash, err := primitives.HashFrom(pov.GetBlockData().GetHash())
	if err != nil {
		return hash, false
	}
	if r.held[hash] != nil {
		return hash, true
	}
	r.held[hash] = pov
	k := s.blobs[hash]
	if k == nil {
		k = &kept{ref: pov}
		s.blobs[hash] = k
		s.renew(k)
	}
	k.uses++
	s.renewLater()
	return hash, true
}

// renew makes the lease longer. A blob that is gone shows when it is asked for.
func (s *shelf) renew(k *kept) {
	s.sub.Blobs().Hold(k.ref.GetBlockData(), lease, func(err error) {
		if err != nil {
			s.sub.Log.Warn("a proof can't be held", "pov", k.ref.GetBlockData(), "why", err)
		}
	})
}

func (s *shelf) renewLater() {
	if s.renewing {
		return
	}
	s.renewing = true
	s.sub.After(renewEvery, func() {
		s.renewing = false
		for _, hash := range sorted(s.blobs) {
			s.renew(s.blobs[hash])
			s.renewLater()
		}
	})
}

// release lets go of all proofs of a relay parent.
func (s *shelf) release(r *relayParent) {
	for _, hash := range sorted(r.held) {
		s.drop(r, hash)
	}
}

// drop lets go of one.
func (s *shelf) drop(r *relayParent, hash primitives.Hash) {
	k := s.blobs[hash]
	delete(r.held, hash)
	if k.uses--; k.uses == 0 {
		delete(s.blobs, hash)
		s.sub.Blobs().Release(k.ref.GetBlockData())
	}
}

// unneeded lets go of a blob that was put for nobody.
func (s *shelf) unneeded(ref *primitivesv1.BlobRef) {
	if hash, err := primitives.HashFrom(ref.GetHash()); err == nil && s.blobs[hash] == nil {
		s.sub.Blobs().Release(ref)
	}
}

// sorted are the hashes in their order, for what can be seen outside.
func sorted[V any](m map[primitives.Hash]V) []primitives.Hash {
	list := make([]primitives.Hash, 0, len(m))
	for h := range m {
		list = append(list, h)
	}
	slices.SortFunc(list, primitives.Hash.Compare)
	return list
}
