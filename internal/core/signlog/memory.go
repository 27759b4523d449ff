package signlog

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

// Memory is what a signer remembers. It isn't safe for concurrent use.
type Memory struct {
	limits Limits
	seq    uint64
	held   map[place]Record
	chains map[chainID]*chain
	votes  votes
	coll   []Record // collations, oldest first
	raised bool     // there is a floor of all chains,
	height uint64   // at this height
}

// NewMemory returns a memory in which nothing was signed yet.
func NewMemory(limits Limits) *Memory {
	return &Memory{
		limits: limits,
		held:   map[place]Record{},
		chains: map[chainID]*chain{},
		votes:  votes{sessions: map[uint32][]Record{}},
	}
}

// Admit decides about a payload. It returns its record, and whether it is a new one, which must be durable before the
// payload is signed; from then on the memory holds it, so if it can't be made durable the memory must be thrown away. A
// payload that was admitted before gives the record of that time. The error is a *ConflictError, *PassedError,
// *PrunedError, *FullError, or signbytes.ErrMalformed.
func (m *Memory) Admit(p signbytes.Payload) (rec Record, isNew bool, err error) {
	encoded, err := p.Encode()
	if err != nil {
		return Record{}, false, err
	}
	places := placesOf(p)
	if len(places) == 0 {
		return Record{}, false, fmt.Errorf("%w: there is no rule for a %T", signbytes.ErrMalformed, p)
	}
	for _, at := range places {
		before, taken := m.held[at]
		if taken && !bytes.Equal(before.Payload, encoded) {
			return Record{}, false, &ConflictError{Before: before, Now: encoded}
		}
		if taken {
			rec = before
		}
	}
	if rec.Seq != 0 {
		return rec, false, nil
	}
	if err := m.room(p); err != nil {
		return Record{}, false, err
	}
	m.seq++
	rec = Record{Seq: m.seq, Payload: encoded}
	m.insert(p, rec)
	return rec, true, nil
}

// room refuses what is not above its floor, and makes room for what is.
func (m *Memory) room(p signbytes.Payload) error {
	switch p := p.(type) {
	case signbytes.Block:
		return m.roomForBlock(p)
	case signbytes.Vote:
		return m.roomForBallot(p)
	case signbytes.Statement:
		return m.roomForVote(p, p.Session)
	case signbytes.Bitfield:
		return m.roomForVote(p, p.Session)
	}
	return nil
}

// insert remembers a record and may forget others to keep within the limits.
func (m *Memory) insert(p signbytes.Payload, rec Record) {
	for _, at := range placesOf(p) {
		m.held[at] = rec
	}
	switch p := p.(type) {
	case signbytes.Block:
		m.insertBlock(p, rec)
	case signbytes.Vote:
		m.insertBallot(p, rec)
	case signbytes.Statement:
		m.votes.insert(p.Session, rec)
	case signbytes.Bitfield:
		m.votes.insert(p.Session, rec)
	case signbytes.Collation:
		m.coll = append(m.coll, rec)
		if len(m.coll) > m.limits.Collations {
			m.forget(m.coll[0])
			m.coll = m.coll[1:]
		}
	}
}

// forget empties a record's places.
func (m *Memory) forget(rec Record) {
	p, err := signbytes.Decode(rec.Payload)
	if err != nil {
		return // it was decoded before, so this doesn't happen; its places stay taken
	}
	for _, at := range placesOf(p) {
		delete(m.held, at)
	}
}

// Records is the number of records there ever were, and Remembered of those that are still remembered.
func (m *Memory) Records() uint64 { return m.seq }

// Remembered counts the records that a request is still compared with.
func (m *Memory) Remembered() int {
	n := len(m.coll)
	for _, c := range m.chains {
		n += len(c.blocks.entries) + len(c.votes.entries)
	}
	for _, s := range m.votes.sessions {
		n += len(s)
	}
	return n
}

// forgotten makes room for a record that was signed, and tells whether it is at or below its floor. Having no room is
// no reason to leave it out.
func (m *Memory) forgotten(p signbytes.Payload) bool {
	var pruned *PrunedError
	return errors.As(m.room(p), &pruned)
}

// RefuseHeight lifts the floor of all chains, those included that aren't known yet: no block and no vote for a block at
// or below the height is signed from then on.
func (m *Memory) RefuseHeight(height uint64) {
	if !m.raised || height > m.height {
		m.raised, m.height = true, height
	}
	for _, c := range m.chains { // the order doesn't show in the result
		m.raise(&c.blocks, endOf(height))
		m.raiseBallots(&c.votes, endOf(height))
	}
}
