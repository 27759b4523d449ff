package availabilitystore

import (
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
)

const (
	// maxEncoding is how many candidates' data are encoded at a time, and maxToEncode how many may wait for that.
	maxEncoding = 2
	maxToEncode = 64
	// maxCoders is of how many sizes of a session coders are held.
	maxCoders = 16
	// maxWriting is how many bytes of chunks may wait for the disk.
	maxWriting = 64 << 20
	// maxChunkInPlace is how long a chunk may be that travels in a message.
	maxChunkInPlace = 64 << 10
)

// outcomes of the core in the words of StoreAvailableData and StoreChunk.
var (
	dataOutcomes = map[availability.Outcome]availabilitystorev1.StoreAvailableDataResponse_Outcome{
		availability.Stored:        availabilitystorev1.StoreAvailableDataResponse_OUTCOME_STORED,
		availability.AlreadyStored: availabilitystorev1.StoreAvailableDataResponse_OUTCOME_ALREADY_STORED,
		availability.IndexMismatch: availabilitystorev1.StoreAvailableDataResponse_OUTCOME_NOT_ENCODABLE,
		availability.NoSpace:       availabilitystorev1.StoreAvailableDataResponse_OUTCOME_NO_SPACE,
	}
	chunkOutcomes = map[availability.Outcome]availabilitystorev1.StoreChunkResponse_Outcome{
		availability.Stored:           availabilitystorev1.StoreChunkResponse_OUTCOME_STORED,
		availability.AlreadyStored:    availabilitystorev1.StoreChunkResponse_OUTCOME_ALREADY_STORED,
		availability.UnknownCandidate: availabilitystorev1.StoreChunkResponse_OUTCOME_UNKNOWN_CANDIDATE,
		availability.IndexMismatch:    availabilitystorev1.StoreChunkResponse_OUTCOME_INDEX_MISMATCH,
		availability.NoSpace:          availabilitystorev1.StoreChunkResponse_OUTCOME_NO_SPACE,
	}
)

// encoder encodes data off the loop, with a coder for each size of a session. So few are under way at a time, from the
// reading of the proof of validity until all is on the disk, that their bytes have room in memory however slow it is.
type encoder struct {
	sub     *subsystem.Sub
	coders  map[int]*erasure.Coder
	running int
	waiting []func()
}

// coded is data with its chunks, ready to be kept.
type coded struct {
	candidate primitives.Hash
	root      primitives.Hash
	coder     *erasure.Coder
	data      []byte
	chunks    *erasure.Coded
}

// errEncode: it isn't data that can be encoded, whoever has sent it.
var errEncode = errors.New("it can't be encoded")

// add has work done when there is room; false: too much waits.
func (e *encoder) add(work func()) bool {
	if e.running < maxEncoding {
		e.running++
		work()
		return true
	}
	if len(e.waiting) >= maxToEncode {
		return false
	}
	e.waiting = append(e.waiting, work)
	return true
}

func (e *encoder) done() {
	e.running--
	if len(e.waiting) > 0 {
		next := e.waiting[0]
		e.waiting = e.waiting[1:]
		e.running++
		next()
	}
}

// keep has a coder for the next candidate of such a session. To make one may take half a second.
func (e *encoder) keep(c *erasure.Coder) {
	if e.coders == nil || len(e.coders) >= maxCoders {
		e.coders = map[int]*erasure.Coder{}
	}
	e.coders[c.Chunks()] = c
}

func (s *store) onStoreAvailableData(m *subsystem.Message, q *availabilitystorev1.StoreAvailableData) {
	id, err := primitives.HashFrom(q.GetCandidate())
	validation, err2 := parachain.ValidationData(q.GetData().GetValidationData())
	n, pov := q.GetValidators(), q.GetData().GetPov().GetBlockData()
	switch err := errors.Join(err, err2); {
	case err != nil || pov == nil || pov.GetSize() > candidate.MaxPoV || n == 0 || n > erasure.MaxChunks:
		s.sub.Log.Info("data that can't be encoded", "candidate", id.Short(), "bytes", pov.GetSize(), "validators", n,
			"err", err)
		replyData(m, availabilitystorev1.StoreAvailableDataResponse_OUTCOME_NOT_ENCODABLE)
		return
	case s.core.HasData(id):
		replyData(m, availabilitystorev1.StoreAvailableDataResponse_OUTCOME_ALREADY_STORED)
		return
	}
	if !s.encoder.add(func() { s.encode(m, q, id, validation) }) {
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d candidates wait to be encoded", maxToEncode))
	}
}

func replyData(m *subsystem.Message, o availabilitystorev1.StoreAvailableDataResponse_Outcome) {
	m.Reply(&availabilitystorev1.StoreAvailableDataResponse{Outcome: o})
}

// encode reads the proof of validity, cuts the data and compares the root.
func (s *store) encode(m *subsystem.Message, q *availabilitystorev1.StoreAvailableData, id primitives.Hash,
	validation candidate.PersistedValidationData) {
	n := int(q.GetValidators())
	coder := s.encoder.coders[n]
	s.sub.Blobs().Get(q.GetData().GetPov().GetBlockData(), 0, -1, func(blob subsystem.Blob, err error) {
		if err != nil {
			s.encoder.done()
			s.sub.Log.Warn("a proof of validity isn't in the blob store", "candidate", id.Short(), "err", err)
			replyData(m, availabilitystorev1.StoreAvailableDataResponse_OUTCOME_BLOB_MISSING)
			return
		}
		subsystem.Offload(s.sub, func() (*coded, error) {
			defer blob.Close()
			return cut(coder, n, id, candidate.AvailableData{PoV: blob.Bytes(), ValidationData: validation})
		}, func(c *coded, err error) {
			if err == nil {
				s.encoder.keep(c.coder)
			}
			s.keep(m, q, c, err)
		})
	})
}

// cut encodes data, with a new coder when there is none.
func cut(coder *erasure.Coder, n int, id primitives.Hash, data candidate.AvailableData) (*coded, error) {
	bytes, err := data.Encode()
	if err == nil && coder == nil {
		coder, err = erasure.New(erasure.CodecFor(n), n)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errEncode, err)
	}
	c := &coded{candidate: id, coder: coder, data: bytes, chunks: &erasure.Coded{}}
	if err := coder.Encode(bytes, c.chunks); err != nil {
		return nil, fmt.Errorf("%w: %w", errEncode, err)
	}
	c.root = c.chunks.Root()
	return c, nil
}

// keep writes what has the promised root, and answers.
func (s *store) keep(m *subsystem.Message, q *availabilitystorev1.StoreAvailableData, c *coded, err error) {
	end := func(o availabilitystorev1.StoreAvailableDataResponse_Outcome) {
		replyData(m, o)
		s.encoder.done()
	}
	switch {
	case err != nil: // data.Encode and the coder have no other
		end(availabilitystorev1.StoreAvailableDataResponse_OUTCOME_NOT_ENCODABLE)
		return
	case string(c.root[:]) != string(q.GetExpectedErasureRoot()):
		s.sub.Log.Info("data with another erasure root than promised", "candidate", c.candidate.Short())
		end(availabilitystorev1.StoreAvailableDataResponse_OUTCOME_INVALID_ERASURE_ROOT)
		return
	case s.disk == nil:
		end(availabilitystorev1.StoreAvailableDataResponse_OUTCOME_DISK_FAILED)
		return
	case s.low != "":
		end(availabilitystorev1.StoreAvailableDataResponse_OUTCOME_NO_SPACE)
		return
	}
	each := int64(len(encodeChunk(c.chunks.Chunk(0))))
	a, b := s.core.StoreData(c.candidate, q.GetValidators(), int64(len(c.data)), each, s.sub.Now())
	w := Work{Batch: b, Data: c.data, ChunkSize: int(each),
		Chunk: func(v uint32) []byte { return encodeChunk(c.chunks.Chunk(int(v))) }}
	s.sub.About(c.candidate[:], "store", func() {
		s.settle(w, a, func() { end(dataOutcomes[a.Outcome]) },
			func() { end(availabilitystorev1.StoreAvailableDataResponse_OUTCOME_DISK_FAILED) })
	})
}

// settle writes a batch and tells what became of it when that is durable.
func (s *store) settle(w Work, a availability.Answer, durable, failed func()) {
	if w.Number > 0 {
		s.write(w, durable, failed)
		return
	}
	s.await(a.After, durable, failed)
}

func (s *store) onStoreChunk(m *subsystem.Message, q *availabilitystorev1.StoreChunk) {
	id := hashOf(q.GetCandidate())
	switch record, known := s.core.Record(id); {
	case !known:
		replyChunk(m, availabilitystorev1.StoreChunkResponse_OUTCOME_UNKNOWN_CANDIDATE)
		return
	case q.GetValidator() != q.GetChunk().GetIndex() || q.GetValidator() >= record.Validators:
		replyChunk(m, availabilitystorev1.StoreChunkResponse_OUTCOME_INDEX_MISMATCH)
		return
	case s.core.HasChunk(id, q.GetValidator()):
		replyChunk(m, availabilitystorev1.StoreChunkResponse_OUTCOME_ALREADY_STORED)
		return
	}
	proof, err := proofOf(q.GetChunk())
	if err != nil {
		replyChunk(m, availabilitystorev1.StoreChunkResponse_OUTCOME_INDEX_MISMATCH)
		return
	}
	c := erasure.Chunk{Index: q.GetValidator(), Proof: proof}
	blob := q.GetChunk().GetBlob()
	if blob == nil {
		c.Bytes = q.GetChunk().GetChunk()
		s.keepChunk(m, id, c)
		return
	}
	s.sub.Blobs().Get(blob, 0, -1, func(b subsystem.Blob, err error) {
		if err != nil {
			replyChunk(m, availabilitystorev1.StoreChunkResponse_OUTCOME_BLOB_MISSING)
			return
		}
		c.Bytes = append([]byte(nil), b.Bytes()...)
		_ = b.Close() // it was read
		s.keepChunk(m, id, c)
	})
}

func replyChunk(m *subsystem.Message, o availabilitystorev1.StoreChunkResponse_Outcome) {
	m.Reply(&availabilitystorev1.StoreChunkResponse{Outcome: o})
}

func (s *store) keepChunk(m *subsystem.Message, id primitives.Hash, c erasure.Chunk) {
	switch {
	case s.disk == nil:
		replyChunk(m, availabilitystorev1.StoreChunkResponse_OUTCOME_DISK_FAILED)
		return
	case s.low != "":
		replyChunk(m, availabilitystorev1.StoreChunkResponse_OUTCOME_NO_SPACE)
		return
	}
	bytes := encodeChunk(c)
	if s.chunksWriting+len(bytes) > maxWriting {
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d bytes of chunks wait for the disk", s.chunksWriting))
		return
	}
	s.chunksWriting += len(bytes)
	end := func(o availabilitystorev1.StoreChunkResponse_Outcome) {
		s.chunksWriting -= len(bytes)
		replyChunk(m, o)
	}
	a, b := s.core.StoreChunk(id, c.Index, int64(len(bytes)), s.sub.Now())
	w := Work{Batch: b, ChunkSize: len(bytes), Chunk: func(uint32) []byte { return bytes }}
	s.sub.About(id[:], "chunk", func() {
		s.settle(w, a, func() { end(chunkOutcomes[a.Outcome]) },
			func() { end(availabilitystorev1.StoreChunkResponse_OUTCOME_DISK_FAILED) })
	})
}
