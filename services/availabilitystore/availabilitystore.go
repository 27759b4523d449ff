// Package availabilitystore keeps candidates' data and erasure chunks on disk: an hour if nothing comes of the
// candidate, until finality once it is included, and 25 hours after. What it has acknowledged survives the death of its
// process, and of the machine.
//
// It receives StoreAvailableData from candidate-backing, which it encodes and compares with the promised root;
// StoreChunk from availability-distribution; and queries. What becomes of candidates it learns from the relay chain:
// of each leaf, and of the blocks below it that it hasn't seen, it asks runtime-api for the events (chain.go). Which
// candidates are kept for how long, what gives way to what, and what may be told when, is a core's business
// (internal/core/availability); this package reads and writes.
//
// Large bytes come and go by reference, through the node's blob store. It sends nothing. It says that something is here
// only when it is durable, since validators sign what it says.
package availabilitystore

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "availability-store"

// Disk is the port to what is kept. Reads may be made at any time, by any goroutine; Write by one at a time. Close
// waits for what is under way, and what comes after it gets an error.
type Disk interface {
	// Load returns what is known of the candidates, and the age of the last batch. Parts of candidates of which nothing
	// is known are deleted.
	Load() ([]availability.Record, time.Duration, error)
	// Write performs batches in their order and returns when they are durable; after an error none may be.
	Write(works []Work) error
	// Data and Chunk read what Write has put; nil: it isn't there.
	Data(candidate primitives.Hash) ([]byte, error)
	Chunk(candidate primitives.Hash, validator uint32) ([]byte, error)
	// Room is how many bytes are free.
	Room() (uint64, error)
	Close() error
}

// Work is a batch, with the bytes of the parts that it puts: of one candidate at most.
type Work struct {
	availability.Batch
	Data      []byte
	Chunk     func(validator uint32) []byte
	ChunkSize int // of each, in bytes
}

// Config is what the store needs. A zero value in a field with a default takes it.
type Config struct {
	// Chain is the relay chain.
	Chain string
	// Open opens the disk. The error is shown, and it is tried again.
	Open func() (Disk, error)
	// Limits bound what is kept; default 10 GiB of 100,000 candidates.
	Limits availability.Limits
	// MinFree is how many bytes stay free on the disk; default 512 MiB. Below it nothing new is kept.
	MinFree uint64
}

func (c Config) withDefaults() Config {
	if c.Limits.Bytes == 0 {
		c.Limits.Bytes = 10 << 30
	}
	if c.Limits.Candidates == 0 {
		c.Limits.Candidates = 100_000
	}
	if c.MinFree == 0 {
		c.MinFree = 512 << 20
	}
	return c
}

// Spec declares the store.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Single,
		Asks:  leaf.Asks(0),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			s := &store{sub: sub, cfg: cfg.withDefaults()}
			s.chain = &chain{sub: sub, store: s, leaves: map[primitives.Hash]task{}}
			s.encoder = &encoder{sub: sub}
			s.open()
			return s, nil
		},
	}
}

// store is the handler.
type store struct {
	sub     *subsystem.Sub
	cfg     Config
	core    *availability.Store
	disk    Disk // nil while it can't be used
	writer  writer
	chain   *chain
	encoder *encoder

	chunksWriting int // bytes

	pause   time.Duration
	trouble string // why nothing can be kept or found
	low     string // why nothing new is kept
	unprune func()
	unlook  func()
}

// Signal follows the relay chain.
func (s *store) Signal(sig *overseerv1.Signal) {
	if sig.GetChain() == s.cfg.Chain {
		s.chain.signal(sig)
	}
}

// Handle takes one message.
func (s *store) Handle(m *subsystem.Message) {
	if s.disk == nil {
		m.Fail(subsystem.Failf(subsystem.Unavailable, "the availability store has no disk: %s", s.trouble))
		return
	}
	switch body := m.Body.(type) {
	case *availabilitystorev1.StoreAvailableData:
		s.onStoreAvailableData(m, body)
	case *availabilitystorev1.StoreChunk:
		s.onStoreChunk(m, body)
	case *availabilitystorev1.QueryPoV:
		s.onQueryPoV(m, body)
	case *availabilitystorev1.QueryAvailableData:
		s.onQueryAvailableData(m, body)
	case *availabilitystorev1.QueryChunk:
		s.onQueryChunk(m, body)
	case *availabilitystorev1.QueryAllChunks:
		s.onQueryAllChunks(m, body)
	case *availabilitystorev1.QueryDataAvailability:
		m.Reply(&availabilitystorev1.QueryDataAvailabilityResponse{
			Available: s.core.HasData(hashOf(body.GetCandidate()))})
	case *availabilitystorev1.QueryChunkAvailability:
		m.Reply(&availabilitystorev1.QueryChunkAvailabilityResponse{
			Available: s.core.HasChunk(hashOf(body.GetCandidate()), body.GetValidator())})
	default:
		m.Unknown()
	}
}

// hashOf is the candidate that is named; a name of another length is nobody's.
func hashOf(b []byte) primitives.Hash {
	h, _ := primitives.HashFrom(b)
	return h
}

// Close gives the disk back.
func (s *store) Close() {
	if s.disk != nil {
		_ = s.disk.Close() // all that was acknowledged is durable
	}
}

// Status says how the store is.
func (s *store) Status(st *subsystem.Status) {
	st.Check("disk", s.trouble)
	st.Check("room", s.low)
	if s.core == nil {
		return
	}
	for state, name := range map[availability.State]string{
		availability.Proposed: "proposed", availability.Backed: "backed", availability.Unfinalized: "included",
		availability.Finalized: "finalized",
	} {
		candidates, bytes := s.core.Used(state)
		st.Number(name+"-candidates", int64(candidates))
		st.Number(name+"-bytes", bytes)
	}
	st.Number("writing", int64(len(s.writer.works)))
	st.Number("waiting-blocks", int64(len(s.chain.behind)))
	st.Text("followed-to", fmt.Sprint(s.chain.height))
}
