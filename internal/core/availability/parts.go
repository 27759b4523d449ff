package availability

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Outcome is what became of something that was to be kept.
type Outcome uint8

// The outcomes.
const (
	// Stored: it is kept as soon as the batch is durable.
	Stored Outcome = iota + 1
	// AlreadyStored: it is here, or on its way to the disk; nothing is written.
	AlreadyStored
	// UnknownCandidate: no block is known to have backed the candidate, or it is forgotten.
	UnknownCandidate
	// IndexMismatch: there is no such validator, or the session has another number of them.
	IndexMismatch
	// NoSpace: the room is used up by what must not go.
	NoSpace
)

// Answer says what became of it, and after which batch has become durable that may be told.
type Answer struct {
	Outcome
	After uint64
}

// writing are parts that are on their way to the disk, in the batch with the number.
type writing struct {
	Put
	number uint64
}

// dataPart stands for the data where the number of a chunk does otherwise. No session has so many validators.
const dataPart = ^uint32(0)

func (w writing) holds(candidate primitives.Hash, part uint32) bool {
	_, chunk := slices.BinarySearch(w.Chunks, part)
	return w.Candidate == candidate && (chunk || part == dataPart && w.Data)
}

// StoreChunk is asked to keep a validator's chunk of so many bytes, with its proof.
func (s *Store) StoreChunk(hash primitives.Hash, validator uint32, size int64, now time.Time) (Answer, Batch) {
	s.advance(now)
	c := s.candidates[hash]
	switch {
	case c == nil:
		return Answer{Outcome: UnknownCandidate}, Batch{}
	case validator >= c.Validators:
		return Answer{Outcome: IndexMismatch}, Batch{}
	case c.Chunks.Has(validator):
		return Answer{AlreadyStored, s.after(hash, validator)}, Batch{}
	}
	return s.put(c, Put{Candidate: hash, Chunks: []uint32{validator}}, size)
}

// StoreData is asked to keep a candidate's data and the chunks of all validators, of so many bytes and of so many each.
// The candidate may be unknown.
func (s *Store) StoreData(hash primitives.Hash, validators uint32, data, chunk int64, now time.Time) (Answer, Batch) {
	s.advance(now)
	c := s.candidates[hash]
	switch {
	case c == nil:
		c = &candidate{Record: Record{Candidate: hash, Validators: validators}}
	case c.Validators != validators:
		return Answer{Outcome: IndexMismatch}, Batch{}
	case c.Data:
		return Answer{AlreadyStored, s.after(hash, dataPart)}, Batch{}
	}
	p := Put{Candidate: hash, Data: true}
	for v := range validators {
		if !c.Chunks.Has(v) {
			p.Chunks = append(p.Chunks, v)
		}
	}
	return s.put(c, p, data+chunk*int64(len(p.Chunks)))
}

// put has parts of a candidate, which may be new, written, if there is room for them.
func (s *Store) put(c *candidate, p Put, size int64) (Answer, Batch) {
	more := amount{bytes: size}
	if c.place == nil {
		more.count = 1
	}
	dropped, ok := s.makeRoom(c, more)
	if !ok {
		return Answer{Outcome: NoSpace}, Batch{}
	}
	if c.place == nil {
		s.enter(c, Proposed)
	}
	c.Bytes += size
	s.used[c.State].bytes += size
	c.has(p)
	b := s.batch(append(dropped, p, c.record())...)
	s.writing = append(s.writing, writing{p, b.Number})
	return Answer{Stored, b.Number}, b
}

// has notes that parts are here, or on their way.
func (c *candidate) has(p Put) {
	c.Data = c.Data || p.Data
	if c.Chunks.Length == 0 {
		c.Chunks = primitives.NewBits(c.Validators)
	}
	for _, v := range p.Chunks {
		c.Chunks.Set(v)
	}
}

// after is the number of the batch with which a part becomes durable; 0: it is.
func (s *Store) after(candidate primitives.Hash, part uint32) uint64 {
	for _, w := range slices.Backward(s.writing) { // one before may have been dropped
		if w.holds(candidate, part) {
			return w.number
		}
	}
	return 0
}

// Written tells that the batches up to a number are durable.
func (s *Store) Written(number uint64) {
	s.writing = slices.DeleteFunc(s.writing, func(w writing) bool { return w.number <= number })
}

// HasData tells whether all of a candidate's data is here, durably.
func (s *Store) HasData(hash primitives.Hash) bool {
	c := s.candidates[hash]
	return c != nil && c.Data && s.after(hash, dataPart) == 0
}

// HasChunk tells whether a validator's chunk is here, durably: what it may sign that it holds.
func (s *Store) HasChunk(hash primitives.Hash, validator uint32) bool {
	c := s.candidates[hash]
	return c != nil && c.Chunks.Has(validator) && s.after(hash, validator) == 0
}

// Chunks lists the chunks of a candidate that are here, durably, ascending.
func (s *Store) Chunks(hash primitives.Hash) (validators []uint32) {
	c := s.candidates[hash]
	if c == nil {
		return nil
	}
	return slices.DeleteFunc(c.Chunks.Ones(), func(v uint32) bool { return s.after(hash, v) > 0 })
}

// Record is what is known of a candidate.
func (s *Store) Record(hash primitives.Hash) (Record, bool) {
	if c := s.candidates[hash]; c != nil {
		return c.copy(), true
	}
	return Record{}, false
}
