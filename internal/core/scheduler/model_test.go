package scheduler

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// model is a scheduler as one would explain it: a row of desks, each with a candidate or without, and a line of claims
// before each that isn't a parachain's.
type model struct {
	params     Params
	start      uint64
	validators int
	desks      []desk
}

type desk struct {
	para     uint32 // of a parachain
	thread   bool
	line     []claim
	busy     bool
	claim    claim // of who is there
	since    uint64
	heard    map[uint32]bool
	occupant primitives.Hash
}

type claim struct{ para, retries uint32 }

func (m *model) dropped(d desk, height uint64) bool {
	period := m.params.ChainPeriod
	if d.thread {
		period = m.params.ThreadPeriod
	}
	rotated := m.start // when groups moved on last
	for f := m.params.RotationFrequency; f > 0 && rotated+f <= height; {
		rotated += f
	}
	if m.params.RotationFrequency == 0 {
		rotated = height
	}
	return height >= d.since+period && height < rotated+period
}

func (m *model) open(height uint64, votes []Vote) (available, timedOut []uint32) {
	available, timedOut = []uint32{}, []uint32{}
	for i := range m.desks {
		d := &m.desks[i]
		if !d.busy {
			continue
		}
		for _, v := range votes {
			if v.Validator < uint32(m.validators) && v.Cores.Has(uint32(i)) {
				d.heard[v.Validator] = true
			}
		}
		switch {
		case 3*len(d.heard) > 2*m.validators: // more than two thirds: n - floor((n-1)/3) in other words
			d.busy = false
			available = append(available, uint32(i))
		case m.dropped(*d, height):
			d.busy = false
			timedOut = append(timedOut, uint32(i))
			if d.thread {
				d.line = append(d.line, d.claim)
			}
		}
	}
	return available, timedOut
}

func (m *model) close(height uint64, on map[int]primitives.Hash) {
	for i := range m.desks {
		d := &m.desks[i]
		candidate, comes := on[i]
		switch {
		case comes:
			d.busy, d.since, d.occupant, d.heard = true, height, candidate, map[uint32]bool{}
			d.claim = claim{para: d.para}
			if d.thread {
				d.claim, d.line = d.line[0], d.line[1:]
			}
		case !d.busy && len(d.line) > 0:
			c := d.line[0]
			d.line = d.line[1:]
			if c.retries++; c.retries <= m.params.ThreadRetries {
				d.line = append(d.line, c)
			}
		}
	}
}

func (m *model) next(i int) *Assignment {
	d := m.desks[i]
	switch {
	case !d.thread:
		return &Assignment{Para: d.para}
	case len(d.line) > 0:
		return &Assignment{Para: d.line[0].para}
	}
	return nil
}

func draw(t *rapid.T) (*State, *model) {
	small := rapid.Uint64Range(1, 6)
	params := Params{
		RotationFrequency: rapid.Uint64Range(0, 8).Draw(t, "frequency"),
		ChainPeriod:       small.Draw(t, "chain period"), ThreadPeriod: small.Draw(t, "thread period"),
		ThreadCores:   rapid.Uint32Range(0, 3).Draw(t, "threads"),
		ThreadRetries: rapid.Uint32Range(0, 2).Draw(t, "retries"),
		Lookahead:     rapid.Uint32Range(0, 3).Draw(t, "lookahead"),
	}
	m := &model{params: params, start: rapid.Uint64Range(0, 9).Draw(t, "start")}
	m.validators = rapid.IntRange(1, 7).Draw(t, "validators")
	paras := []uint32{}
	for p := range rapid.Uint32Range(0, 3).Draw(t, "paras") {
		paras, m.desks = append(paras, 10+p), append(m.desks, desk{para: 10 + p})
	}
	for range params.ThreadCores {
		m.desks = append(m.desks, desk{thread: true})
	}
	s := Begin(nil, Session{Params: params, Start: m.start, Validators: uint32(m.validators), Parachains: paras})
	return s, m
}

// TestTheSchedulerDoesWhatADeskAndALineOfClaimsDo goes through blocks with both, and also holds what CoreStates says
// before a block against what the block then finds.
func TestTheSchedulerDoesWhatADeskAndALineOfClaimsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := draw(t)
		lane := 0
		for height := m.start; height < m.start+20; height++ {
			if para := rapid.Uint32Range(0, 9).Draw(t, "para"); s.Claim(para, primitives.Hash{}) == nil {
				threads := int(m.params.ThreadCores)
				d := &m.desks[len(m.desks)-threads+lane]
				d.line, lane = append(d.line, claim{para: para}), (lane+1)%threads
			}
			states := s.CoreStates(height)
			votes := drawVotes(t, m)
			available, timedOut := s.Open(height, votes)
			wantAvailable, wantTimedOut := m.open(height, votes)
			if diff := cmp.Diff(wantAvailable, cores(available)) + cmp.Diff(wantTimedOut, cores(timedOut)); diff != "" {
				t.Fatalf("at %d, freed: (-want +got)\n%s", height, diff)
			}
			wasForeseen(t, m, states, wantAvailable, wantTimedOut, height)
			on, backed := drawBacked(t, m, height)
			if err := s.Close(height, backed); err != nil {
				t.Fatal(err)
			}
			m.close(height, on)
			same(t, m, s, height)
		}
	})
}

// wasForeseen holds what was said of each core before the block against what the block found.
func wasForeseen(t *rapid.T, m *model, states []CoreState, available, timedOut []uint32, height uint64) {
	for i, st := range states {
		said := st.Scheduled
		for _, c := range available {
			if int(c) == i {
				said = st.Occupied.OnAvailable
			}
		}
		for _, c := range timedOut {
			if int(c) == i {
				said = st.Occupied.OnTimeOut
				if st.Occupied.TimeOutAt != height {
					t.Fatalf("core %d times out at %d, not %d", i, height, st.Occupied.TimeOutAt)
				}
			}
		}
		if m.desks[i].busy {
			continue
		}
		if diff := cmp.Diff(m.next(i), said); diff != "" {
			t.Fatalf("at %d, core %d: (-found +said)\n%s", height, i, diff)
		}
	}
}

func drawVotes(t *rapid.T, m *model) (votes []Vote) {
	for range rapid.IntRange(0, 6).Draw(t, "votes") {
		said := rapid.SliceOfN(rapid.Uint32Range(0, 5), 0, 4).Draw(t, "cores")
		row := primitives.NewBits(uint32(len(m.desks)), said...)
		votes = append(votes, Vote{Validator: rapid.Uint32Range(0, uint32(m.validators)).Draw(t, "voter"), Cores: row})
	}
	return votes
}

func drawBacked(t *rapid.T, m *model, height uint64) (on map[int]primitives.Hash, backed []Backing) {
	on = map[int]primitives.Hash{}
	for i, d := range m.desks {
		if !d.busy && m.next(i) != nil && rapid.Bool().Draw(t, "backed") {
			on[i] = primitives.HashOf([]byte{byte(i), byte(height)})
			backed = append(backed, Backing{Core: uint32(i), Candidate: on[i]})
		}
	}
	return on, backed
}

// same holds the state after a block against the model.
func same(t *rapid.T, m *model, s *State, height uint64) {
	for i, st := range s.CoreStates(height + 1) {
		d := m.desks[i]
		if d.busy != (st.Occupied != nil) {
			t.Fatalf("at %d, core %d: %+v, not %+v", height, i, st, d)
		}
		if o := st.Occupied; o != nil && (o.Para != d.claim.para || o.Since != d.since || o.Candidate != d.occupant ||
			o.Votes.Count() != len(d.heard)) {
			t.Fatalf("at %d, core %d: %+v, not %+v", height, i, o, d)
		}
	}
	if most := m.params.ThreadCores * (m.params.Lookahead + 1); len(s.Queue) > int(most) {
		t.Fatalf("%d claims wait, and %d may", len(s.Queue), most)
	}
}
