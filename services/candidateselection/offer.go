package candidateselection

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

const (
	// maxOffers is how many collations are taken for one relay parent.
	maxOffers = 16
	// maxSources is how many peers may have one collation.
	maxSources = 8
	// maxRemembered is how many collations it is known of what became of them.
	maxRemembered = 1024
	// maxWatchers may follow one collation.
	maxWatchers = 16
)

// offer is a collation that passed all checks but execution, and what has become of it.
type offer struct {
	hash        primitives.Hash
	receipt     candidate.Receipt
	size        uint64 // of its proof of validity, in bytes
	relayParent primitives.Hash
	number      uint64 // height of the relay parent

	sources   []primitives.NodeID // that can still be asked for the proof
	listeners []primitives.NodeID // that are told
	watchers  []*subsystem.Message
	fetch     *fetch
	pov       *primitivesv1.PoV // nil: it isn't here
	held      bool              // there is a lease on it

	tried                           bool // it was proposed
	seconded, backed, onCore, ended bool
	steps                           []*primitivesv1.CollationStatus
}

// The refusals that are said here.
const (
	unknownRelayParent = primitivesv1.CollationRefusal_COLLATION_REFUSAL_UNKNOWN_RELAY_PARENT
	notAssigned        = primitivesv1.CollationRefusal_COLLATION_REFUSAL_NOT_ASSIGNED
	alreadySeconded    = primitivesv1.CollationRefusal_COLLATION_REFUSAL_ALREADY_SECONDED
	descriptorMismatch = primitivesv1.CollationRefusal_COLLATION_REFUSAL_DESCRIPTOR_MISMATCH
	badSignature       = primitivesv1.CollationRefusal_COLLATION_REFUSAL_BAD_SIGNATURE
	wrongCollator      = primitivesv1.CollationRefusal_COLLATION_REFUSAL_WRONG_COLLATOR
	collatorBanned     = primitivesv1.CollationRefusal_COLLATION_REFUSAL_COLLATOR_BANNED
	povMissing         = primitivesv1.CollationRefusal_COLLATION_REFUSAL_POV_MISSING
	povMismatch        = primitivesv1.CollationRefusal_COLLATION_REFUSAL_POV_MISMATCH
	povTooLarge        = primitivesv1.CollationRefusal_COLLATION_REFUSAL_POV_TOO_LARGE
	dataMismatch       = primitivesv1.CollationRefusal_COLLATION_REFUSAL_VALIDATION_DATA_MISMATCH
	invalidCandidate   = primitivesv1.CollationRefusal_COLLATION_REFUSAL_INVALID
	queueFull          = primitivesv1.CollationRefusal_COLLATION_REFUSAL_QUEUE_FULL
	nodeFault          = primitivesv1.CollationRefusal_COLLATION_REFUSAL_NODE_FAULT
	notBackedInTime    = primitivesv1.CollationRefusal_COLLATION_REFUSAL_NOT_BACKED_IN_TIME
	notIncludedInTime  = primitivesv1.CollationRefusal_COLLATION_REFUSAL_NOT_INCLUDED_IN_TIME
	timedOut           = primitivesv1.CollationRefusal_COLLATION_REFUSAL_AVAILABILITY_TIMED_OUT
)

// check is all that can be told of a collation without its proof, cheapest first; zero: nothing is wrong.
func (r *relayParent) check(receipt candidate.Receipt, size uint64) primitivesv1.CollationRefusal {
	c := receipt.Descriptor.Collation
	switch {
	case r.ended:
		return unknownRelayParent
	case r.failed != nil:
		return nodeFault
	case r.seat == nil || r.seat.Para != c.ParaID:
		return notAssigned
	case r.seconded:
		return alreadySeconded
	case r.isBanned(c.Collator):
		return collatorBanned
	case !r.seat.Admits(c.Collator[:]):
		return wrongCollator
	case size > min(candidate.MaxPoV, uint64(r.data.GetMaxPovSize())):
		return povTooLarge
	case c.PersistedValidationDataHash != r.dataHash:
		return dataMismatch
	case len(r.offers) >= maxOffers:
		return queueFull
	case !receipt.Descriptor.Verify():
		return badSignature
	}
	return 0
}

// take queues a collation and remembers it.
func (r *relayParent) take(o *offer) {
	s := r.selection
	r.offers = append(r.offers, o)
	s.offers[o.hash] = o
	s.remembered = append(s.remembered, o)
	if len(s.remembered) > maxRemembered {
		oldest := s.remembered[0]
		s.refuse(oldest, nodeFault, "too many collations came after it")
		delete(s.offers, oldest.hash)
		s.remembered = s.remembered[1:]
	}
	s.counts.taken++
}

// release ends the lease on the proof: the leaf is gone, or the collation.
func (o *offer) release(sub *subsystem.Sub) {
	if o.held {
		o.held = false
		sub.Blobs().Release(o.pov.GetBlockData())
	}
}

func refused(why primitivesv1.CollationRefusal, detail string) *primitivesv1.CollationStatus {
	return &primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Refused{
		Refused: &primitivesv1.CollationRefused{Reason: why, Detail: detail}}}
}

// refuse ends a collation's life.
func (s *selection) refuse(o *offer, why primitivesv1.CollationRefusal, detail string) {
	if o.ended {
		return
	}
	s.counts.refused++
	s.sub.Log.Info("a collation goes no further", "candidate", o.hash.Short(), "para",
		o.receipt.Descriptor.Collation.ParaID, "why", why, "detail", detail)
	s.step(o, refused(why, detail))
}

// step tells everybody who wants to know of a collation where it is now. Inclusion and refusal are the last.
func (s *selection) step(o *offer, status *primitivesv1.CollationStatus) {
	if o.ended {
		return
	}
	o.ended = status.GetIncluded() != nil || status.GetRefused() != nil
	o.steps = append(o.steps, status)
	for _, m := range o.watchers {
		m.Item(&candidateselectionv1.CollationOutcomeResponse{Status: status})
		if o.ended {
			m.End()
		}
	}
	s.tellPeers(o.listeners, o.relayParent, o.hash, status)
	if o.ended {
		o.watchers = nil
		o.release(s.sub)
	}
}

// tellPeers tells those who are connected.
func (s *selection) tellPeers(to []primitives.NodeID, relayParent, hash primitives.Hash,
	status *primitivesv1.CollationStatus) {
	var ids [][]byte
	for _, id := range to {
		if s.peers[id] != nil {
			ids = append(ids, slices.Clone(id[:]))
		}
	}
	m := &collatorv1.ToCollator{Kind: &collatorv1.ToCollator_Outcome{Outcome: &collatorv1.Outcome{
		RelayParent: relayParent[:], Candidate: hash[:], Status: status}}}
	payload, err := proto.Marshal(m)
	if err != nil || len(ids) == 0 {
		return
	}
	// A collator who isn't told sees on the chain what became of his collation.
	if s.sub.TrySend(&nbv1.SendBulk{Peers: ids, Protocol: collatorv1.ToCollators, Payload: payload}) != nil {
		s.counts.untold++
	}
}
