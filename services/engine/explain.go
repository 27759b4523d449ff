package engine

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/internal/core/snowman/history"
	"github.com/reevenet/reeve/internal/core/snowman/poll"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// explain answers who asks why a block was decided, or isn't.
func (e *engine) explain(m *subsystem.Message, q *enginev1.QueryHeight) {
	if !e.driver.started() {
		m.Fail(subsystem.Failf(subsystem.Unavailable, "%s", notStarted))
		return
	}
	core, r := e.driver.core, &enginev1.QueryHeightResponse{Height: q.GetHeight()}
	at := core.Standing()
	if id, err := primitives.HashFrom(q.GetBlockId()); err == nil {
		state, height := core.StateOf(id)
		r.State, r.Height = enginev1.BlockState(state), height
	} else if r.Height == 0 && at != nil {
		r.Height = at.Height
	}
	if at != nil && at.Height == r.Height {
		r.Standing = standingOf(at)
	}
	if h := core.Remembered(r.Height); h != nil {
		enter(r, h)
	}
	absences, certificates := core.Absences()
	r.Absences, r.Certificates = indices(absences), uint32(certificates)
	m.Reply(r)
}

func enter(r *enginev1.QueryHeightResponse, h *history.Height) {
	for _, b := range h.Blocks {
		r.Blocks = append(r.Blocks, &enginev1.IssuedBlock{
			BlockId: b.ID[:], Proposer: b.Proposer, Slot: b.Slot, From: b.From[:],
			Came: stamp(b.Came), Issued: stamp(b.Issued),
		})
	}
	for _, p := range h.Polls {
		r.Polls = append(r.Polls, pollOf(p))
	}
	for _, v := range h.Votes() {
		r.Votes = append(r.Votes, &enginev1.SeenVote{Vote: voteOf(v.Signed), Seen: stamp(v.At), Late: v.Late})
	}
	if h.Certificate != nil {
		r.Certificate = h.Certificate.Encode(h.Number)
	}
	r.Decided, r.Durable = stamp(h.Decided), stamp(h.Durable)
}

// pollOf adds up what was answered.
func pollOf(p poll.Result) *enginev1.FinishedPoll {
	m := &enginev1.FinishedPoll{Began: stamp(p.Began), Missing: uint32(p.Missing)}
	for _, v := range p.Votes {
		i := slices.IndexFunc(m.Preferences, func(o *enginev1.Preference) bool {
			return primitives.Hash(o.GetBlockId()) == v.Block
		})
		if i < 0 {
			i = len(m.Preferences)
			m.Preferences = append(m.Preferences, &enginev1.Preference{BlockId: v.Block[:]})
		}
		m.Preferences[i].Units += uint32(v.Units)
	}
	slices.SortStableFunc(m.Preferences, func(a, b *enginev1.Preference) int { return cmp.Compare(b.Units, a.Units) })
	return m
}

func standingOf(s *snowman.Standing) *enginev1.Standing {
	m := &enginev1.Standing{Round: s.Round, Begun: s.Begun, Silent: indices(s.Silent)}
	if !s.Locked.IsZero() {
		m.Locked = s.Locked[:]
	}
	if !s.Valid.IsZero() {
		m.Valid = s.Valid[:]
	}
	return m
}

func indices(list []int) []uint32 {
	out := make([]uint32, len(list))
	for i, n := range list {
		out[i] = uint32(n)
	}
	return out
}

// stamp is a time on the wire; nil for one that isn't known.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
