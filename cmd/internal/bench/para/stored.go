package para

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

var (
	errNotRecovered = errors.New("the data wasn't recovered")
	errNotStored    = errors.New("the store doesn't keep what it should")
)

// stored: the store is given one candidate's data, which it encodes and keeps, gives all its chunks back, and is given
// this validator's chunk of the candidates on the other cores.
type stored struct {
	*stage
	*available
}

func playStore(st *stage) player { return &stored{st, newAvailable()} }

func (s *stored) roles() []role {
	return []role{
		{name: "candidate-backing", asks: []proto.Message{&storev1.StoreAvailableData{}, &storev1.QueryAllChunks{}},
			on: (*subsystem.Message).Unknown},
		{name: "availability-distribution", asks: []proto.Message{&storev1.StoreChunk{}},
			on: (*subsystem.Message).Unknown},
	}
}

// storeTimeout is how long the store may take.
const storeTimeout = 30 * time.Second

func (s *stored) block(ctx context.Context, number uint64) error {
	c := &chunks{bridge: bridge{stage: s.stage}, available: s.available}
	ids := c.lie(number)
	s.expect(1)
	s.as("candidate-backing", func(sub *subsystem.Sub) { s.data(sub, ids[0]) })
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.expect(len(ids) - 1 + validators)
	s.grow(number)
	s.as("candidate-backing", func(sub *subsystem.Sub) {
		subsystem.Watch(sub, &storev1.QueryAllChunks{Candidate: ids[0][:]}, storeTimeout,
			func(*storev1.QueryAllChunksResponse) { s.did() }, func(err error) { s.check(err) })
	})
	for _, id := range ids[1:] {
		s.as("availability-distribution", func(sub *subsystem.Sub) { s.own(sub, id) })
	}
	return s.settle(ctx)
}

func (s *stored) check(err error) {
	if err != nil {
		s.ended <- err
	}
}

// data gives the store a candidate's.
func (s *stored) data(sub *subsystem.Sub, id primitives.Hash) {
	root := s.coded.Root()
	sub.Blobs().Put(s.pov, time.Minute, func(ref *primitivesv1.BlobRef, err error) {
		if err != nil {
			s.check(err)
			return
		}
		q := &storev1.StoreAvailableData{
			Candidate: id[:], Validators: validators, ExpectedErasureRoot: root[:],
			Data: &primitivesv1.AvailableData{Pov: &primitivesv1.PoV{BlockData: ref},
				ValidationData: parachain.ValidationDataMessage(s.validation)},
		}
		subsystem.Ask(sub, q, storeTimeout, func(a *storev1.StoreAvailableDataResponse, err error) {
			if subsystem.CodeOf(err) == subsystem.Unavailable { // the disk is being opened
				sub.After(20*time.Millisecond, func() { s.data(sub, id) })
				return
			}
			if a.GetOutcome() != storev1.StoreAvailableDataResponse_OUTCOME_STORED {
				s.check(errors.Join(errNotStored, err))
				return
			}
			s.did()
		})
	})
}

// own gives it this validator's chunk of another's, as soon as it knows of the candidate.
func (s *stored) own(sub *subsystem.Sub, id primitives.Hash) {
	q := &storev1.StoreChunk{Candidate: id[:], Validator: own, Chunk: s.chunk(own)}
	subsystem.Ask(sub, q, storeTimeout, func(a *storev1.StoreChunkResponse, err error) {
		switch a.GetOutcome() {
		case storev1.StoreChunkResponse_OUTCOME_STORED:
			s.did()
		case storev1.StoreChunkResponse_OUTCOME_UNKNOWN_CANDIDATE:
			sub.After(20*time.Millisecond, func() { s.own(sub, id) })
		default:
			s.check(errors.Join(errNotStored, err))
		}
	})
}
