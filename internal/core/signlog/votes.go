package signlog

import (
	"fmt"
	"maps"
	"slices"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

// recordOverhead is about what a record takes in memory besides its payload: its places and its entry in a list.
const recordOverhead = 256

// votes is what is remembered of statements and bitfields: the floor, if a session was forgotten, and the sessions
// above it.
type votes struct {
	pruned   bool
	floor    uint32
	sessions map[uint32][]Record
	bytes    int
}

func (v *votes) insert(session uint32, rec Record) {
	v.sessions[session] = append(v.sessions[session], rec)
	v.bytes += len(rec.Payload) + recordOverhead
}

func (v *votes) below(session uint32) bool { return v.pruned && session <= v.floor }

func (m *Memory) roomForVote(p signbytes.Payload, session uint32) error {
	for m.votes.bytes >= m.limits.VoteBytes {
		lowest := slices.Min(slices.Collect(maps.Keys(m.votes.sessions)))
		if lowest >= session {
			break
		}
		m.RefuseSession(lowest)
	}
	switch {
	case m.votes.below(session):
		return &PrunedError{What: p.String(), Floor: fmt.Sprintf("session %d", m.votes.floor)}
	case m.votes.bytes >= m.limits.VoteBytes:
		return &FullError{What: p.String(),
			Limit: fmt.Sprintf("%d MiB of statements of one session", m.limits.VoteBytes>>20)}
	}
	return nil
}

// RefuseSession lifts the floor of the sessions and forgets what isn't above it: no statement and no bitfield of a
// session up to this one is signed from then on.
func (m *Memory) RefuseSession(floor uint32) {
	if m.votes.below(floor) {
		return
	}
	m.votes.pruned, m.votes.floor = true, floor
	for session, records := range m.votes.sessions { // the order doesn't show in the result
		if session > floor {
			continue
		}
		for _, rec := range records {
			m.forget(rec)
			m.votes.bytes -= len(rec.Payload) + recordOverhead
		}
		delete(m.votes.sessions, session)
	}
}
