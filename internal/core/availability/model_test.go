package availability

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// model is a store as one would explain it: what is kept of each candidate, and from when. It is asked in full for
// everything.
type model struct {
	age  time.Duration
	all  map[primitives.Hash]*thing
	next int // counts what came into a state, to tell which was first
}

type thing struct {
	state  State
	since  time.Duration
	order  int
	data   bool
	chunks map[uint32]bool
	blocks map[Block]bool
}

const modelValidators = 4

func (m *model) at(h primitives.Hash, to State) *thing {
	if m.all[h] == nil {
		m.all[h] = &thing{chunks: map[uint32]bool{}, blocks: map[Block]bool{}}
	}
	m.next++
	x := m.all[h]
	x.state, x.since, x.order = to, m.age, m.next
	return x
}

func (m *model) backed(h primitives.Hash) {
	if x := m.all[h]; x == nil || x.state == Proposed {
		m.at(h, Backed)
	}
}

func (m *model) included(h primitives.Hash, b Block) {
	x := m.all[h]
	if x != nil && x.state == Finalized {
		return
	}
	if x == nil || x.state != Unfinalized {
		x = m.at(h, Unfinalized)
	}
	x.blocks[b] = true
}

func (m *model) finalized(final Block) {
	for h, x := range m.all {
		if x.blocks[final] {
			x = m.at(h, Finalized)
			x.blocks = map[Block]bool{}
		}
		for b := range x.blocks {
			if b.Number == final.Number {
				delete(x.blocks, b)
			}
		}
		if x.state == Unfinalized && len(x.blocks) == 0 {
			m.at(h, Backed)
		}
	}
}

func (m *model) chunk(h primitives.Hash, v uint32) {
	if x := m.all[h]; x != nil && v < modelValidators {
		x.chunks[v] = true
	}
}

func (m *model) stored(h primitives.Hash) {
	x := m.all[h]
	if x == nil {
		x = m.at(h, Proposed)
	}
	x.data = true
	for v := range uint32(modelValidators) {
		x.chunks[v] = true
	}
}

func (m *model) prune() {
	for h, x := range m.all {
		term := map[State]time.Duration{
			Proposed: time.Hour, Backed: time.Hour, Unfinalized: math.MaxInt64, Finalized: 25 * time.Hour,
		}[x.state]
		if m.age-x.since >= term {
			delete(m.all, h)
		}
	}
}

// draw is one of a few candidates, or of a few blocks.
func draw(t *rapid.T, what string) primitives.Hash {
	return hash(fmt.Sprint(what, rapid.IntRange(0, 4).Draw(t, what)))
}

func drawBlock(t *rapid.T) Block {
	return Block{rapid.Uint64Range(0, 3).Draw(t, "number"), draw(t, "block")}
}

// TestAStoreKeepsWhatASlowModelKeeps also restarts the store again and again from what it has had written.
func TestAStoreKeepsWhatASlowModelKeeps(t *testing.T) {
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		s, m := play(outer, wide), &model{all: map[primitives.Hash]*thing{}}
		steps := map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute
				s.wait(d)
				m.age += d
				for s.Next(s.now) == 0 {
					s.prune()
				}
				m.prune()
			},
			"back": func(t *rapid.T) {
				h := draw(t, "candidate")
				_, b := s.Backed(h, modelValidators, s.now)
				s.does(b)
				m.backed(h)
			},
			"include": func(t *rapid.T) {
				h, in := draw(t, "candidate"), drawBlock(t)
				_, b := s.Included(h, modelValidators, in, s.now)
				s.does(b)
				m.included(h, in)
			},
			"finalize": func(t *rapid.T) {
				in := drawBlock(t)
				s.does(s.Finalized([]Block{in}, s.now))
				m.finalized(in)
			},
			"chunk": func(t *rapid.T) {
				h, v := draw(t, "candidate"), rapid.Uint32Range(0, modelValidators).Draw(t, "validator")
				_, b := s.StoreChunk(h, v, 7, s.now)
				s.does(b)
				m.chunk(h, v)
			},
			"data": func(t *rapid.T) {
				h := draw(t, "candidate")
				_, b := s.StoreData(h, modelValidators, 100, 7, s.now)
				s.does(b)
				m.stored(h)
			},
			"restart": func(*rapid.T) { s.restart(); m.age = s.Store.age },
			"":        func(t *rapid.T) { m.compare(t, s) },
		}
		t.Repeat(steps)
	})
}

func (m *model) compare(t *rapid.T, s *scene) {
	var used [states]amount
	awaited := []uint64{}
	for h, x := range m.all {
		bytes := int64(7 * len(x.chunks))
		if x.data {
			bytes += 100
		}
		used[x.state].add(1, bytes)
		for b := range x.blocks {
			awaited = append(awaited, b.Number)
		}
		r, ok := s.Record(h)
		if !ok || r.State != x.state || r.Since != x.since || s.HasData(h) != x.data || len(r.Blocks) != len(x.blocks) {
			t.Fatalf("%s: %+v, %v, not %+v", h.Short(), r, ok, x)
		}
		for v := range uint32(modelValidators + 1) {
			if s.HasChunk(h, v) != x.chunks[v] {
				t.Fatalf("%s: chunk %d", h.Short(), v)
			}
		}
	}
	if diff := cmp.Diff(fmt.Sprint(used), fmt.Sprint(s.used)); diff != "" {
		t.Fatalf("used: (-want +got)\n%s", diff)
	}
	slices.Sort(awaited)
	if diff := cmp.Diff(fmt.Sprint(slices.Compact(awaited)), fmt.Sprint(s.Awaiting(9))); diff != "" {
		t.Fatalf("awaited: (-want +got)\n%s", diff)
	}
}

// TestAStoreNeverTakesMoreThanItsLimitsWhateverComes also holds that what is included and not final stays whole.
func TestAStoreNeverTakesMoreThanItsLimitsWhateverComes(t *testing.T) {
	outer, size := t, rapid.Int64Range(0, 90)
	rapid.Check(t, func(t *rapid.T) {
		s := play(outer, Limits{Bytes: 200, Candidates: 6})
		pinned := map[primitives.Hash]int{} // chunks of those that may not go
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			h := hash(fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "candidate")))
			var b Batch
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				_, b = s.Backed(h, modelValidators, s.now)
			case 1:
				_, b = s.Included(h, modelValidators, block(1, "b"), s.now)
			case 2:
				_, b = s.StoreChunk(h, rapid.Uint32Range(0, 3).Draw(t, "v"), size.Draw(t, "size"), s.now)
			case 3:
				_, b = s.StoreData(h, modelValidators, size.Draw(t, "size"), 3, s.now)
			case 4:
				b = s.Finalized([]Block{block(1, rapid.SampledFrom([]string{"b", "x"}).Draw(t, "final"))}, s.now)
				clear(pinned)
			}
			s.does(b)
			s.wait(time.Duration(rapid.IntRange(0, 8).Draw(t, "minutes")) * time.Minute)
			for h, chunks := range pinned {
				if len(s.Chunks(h)) < chunks {
					t.Fatalf("%s was given up", h.Short())
				}
			}
			var sum amount
			for h, c := range s.candidates {
				sum.add(1, c.Bytes)
				if c.State == Unfinalized {
					pinned[h] = len(s.Chunks(h))
				}
			}
			if sum.bytes > 200 || sum.count > 6 || len(s.disk) != sum.count {
				t.Fatalf("%+v, %d on disk", sum, len(s.disk))
			}
		}
	})
}
