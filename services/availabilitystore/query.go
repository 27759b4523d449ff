package availabilitystore

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// answerLease is how long what an answer names stays in the blob store: whoever asks takes a lease of his own.
const answerLease = time.Minute

func (s *store) onQueryPoV(m *subsystem.Message, q *availabilitystorev1.QueryPoV) {
	s.data(m, q.GetCandidate(), func(a *primitivesv1.AvailableData) {
		m.Reply(&availabilitystorev1.QueryPoVResponse{Pov: a.GetPov()})
	})
}

func (s *store) onQueryAvailableData(m *subsystem.Message, q *availabilitystorev1.QueryAvailableData) {
	s.data(m, q.GetCandidate(), func(a *primitivesv1.AvailableData) {
		m.Reply(&availabilitystorev1.QueryAvailableDataResponse{Data: a})
	})
}

// data gives then a candidate's data, its proof of validity in the blob store; nil: it isn't here.
func (s *store) data(m *subsystem.Message, name []byte, then func(*primitivesv1.AvailableData)) {
	id := hashOf(name)
	if !s.core.HasData(id) {
		then(nil)
		return
	}
	disk := s.disk
	subsystem.Offload(s.sub, func() (candidate.AvailableData, error) {
		b, err := disk.Data(id)
		if err == nil && b == nil {
			err = fmt.Errorf("it should be on the disk")
		}
		if err != nil {
			return candidate.AvailableData{}, err
		}
		return candidate.DecodeAvailableData(b)
	}, func(a candidate.AvailableData, err error) {
		if err != nil {
			if s.core.HasData(id) {
				s.unreadable(m, id, err)
				return
			}
			then(nil) // it was dropped meanwhile
			return
		}
		s.sub.Blobs().Put(a.PoV, answerLease, func(ref *primitivesv1.BlobRef, err error) {
			if err != nil {
				m.Fail(err)
				return
			}
			then(&primitivesv1.AvailableData{
				Pov:            &primitivesv1.PoV{BlockData: ref},
				ValidationData: parachain.ValidationDataMessage(a.ValidationData),
			})
		})
	})
}

// unreadable: the asker looks elsewhere, and the operator hears of it.
func (s *store) unreadable(m *subsystem.Message, id primitives.Hash, err error) {
	s.sub.Log.Error("what is kept can't be read", "candidate", id.Short(), "err", err)
	m.Fail(fmt.Errorf("what is kept of candidate %s can't be read: %w", id.Short(), err))
}

func (s *store) onQueryChunk(m *subsystem.Message, q *availabilitystorev1.QueryChunk) {
	id := hashOf(q.GetCandidate())
	if !s.core.HasChunk(id, q.GetValidator()) {
		m.Reply(&availabilitystorev1.QueryChunkResponse{})
		return
	}
	s.chunk(m, id, q.GetValidator(), func(c *primitivesv1.ErasureChunk) { // nil: none
		m.Reply(&availabilitystorev1.QueryChunkResponse{Chunk: c})
	})
}

// onQueryAllChunks reads one chunk after the other, for as long as somebody listens.
func (s *store) onQueryAllChunks(m *subsystem.Message, q *availabilitystorev1.QueryAllChunks) {
	id := hashOf(q.GetCandidate())
	s.chunksFrom(m, id, s.core.Chunks(id))
}

func (s *store) chunksFrom(m *subsystem.Message, id primitives.Hash, left []uint32) {
	switch {
	case !m.Open():
	case len(left) == 0:
		m.End()
	case s.disk == nil:
		m.Fail(subsystem.Failf(subsystem.Unavailable, "the availability store has no disk: %s", s.trouble))
	default:
		s.chunk(m, id, left[0], func(c *primitivesv1.ErasureChunk) {
			if c != nil {
				m.Item(&availabilitystorev1.QueryAllChunksResponse{Chunk: c})
			}
			s.chunksFrom(m, id, left[1:])
		})
	}
}

// chunk reads a chunk that is here. A short one is in the message, a long one in the blob store; nil: it was dropped
// meanwhile.
func (s *store) chunk(m *subsystem.Message, id primitives.Hash, validator uint32,
	then func(*primitivesv1.ErasureChunk)) {
	disk := s.disk
	subsystem.Offload(s.sub, func() ([]byte, error) { return disk.Chunk(id, validator) }, func(b []byte, err error) {
		c, err2 := decodeChunk(validator, b)
		if err == nil {
			err = err2
		}
		if err != nil {
			if s.core.HasChunk(id, validator) {
				s.unreadable(m, id, err)
				return
			}
			then(nil)
			return
		}
		answer := message(c)
		if len(c.Bytes) <= maxChunkInPlace {
			answer.Content = &primitivesv1.ErasureChunk_Chunk{Chunk: c.Bytes}
			then(answer)
			return
		}
		s.sub.Blobs().Put(c.Bytes, answerLease, func(ref *primitivesv1.BlobRef, err error) {
			if err != nil {
				m.Fail(err)
				return
			}
			answer.Content = &primitivesv1.ErasureChunk_Blob{Blob: ref}
			then(answer)
		})
	})
}
