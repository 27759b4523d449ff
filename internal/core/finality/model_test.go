package finality

import (
	"slices"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// The model explores everything that three honest validators and a faulty one of equal stake can come to in some rounds
// with two blocks. What an honest one does is what Instance does, called for each situation; the rest is a superset of
// what may happen:
//
//   - A state is what the honest ones have signed. All of it can be delivered to anybody or lost, in any order, so a
//     step begins with a node that has just restarted with its own votes, and is told any set of the quorums that there
//     are.
//   - The faulty one says anything to anybody: it completes every quorum that lacks one vote, and leads with any block.
//   - A node may go to a later round, or lead a round, whenever it likes, and may end between any two records.
//
// States that differ by the names of the honest validators or of the blocks are one.
type model struct {
	rounds int
	quorum int  // in votes
	forget bool // the control: locks don't survive a restart

	set       *validators.Set
	responses map[stimulus][]Vote
}

// cell is a vote in the model.
type cell uint8

const (
	open cell = iota // not given
	forA
	forB
	forNone
)

var cellBlocks = [...]primitives.Hash{forA: blockA, forB: blockB, forNone: None}

// maxRounds bounds the model's rounds; votes are indexed by round and phase.
const maxRounds = 3

type votesOf [2 * maxRounds]cell

// state is what the honest validators have signed, in a canonical order.
type state [3]votesOf

const faulty = 3

// stimulus is a situation of one node: what it has signed, the round it goes to, the quorums it is told of, and what
// happens then.
type stimulus struct {
	own    votesOf
	round  int
	known  [maxRounds]cell // for which block a prepare quorum of the round is delivered; open: none
	event  event
	prefer cell // what Snowman prefers, or the leader proposes
}

type event uint8

const (
	nothing event = iota
	confident
	choiceEnds
	leaderProposes
	leads
	events
)

func (v votesOf) last() int {
	for i := len(v) - 1; i >= 0; i-- {
		if v[i] != open {
			return i / 2
		}
	}
	return 0
}

// respond asks the code what it signs.
func (m *model) respond(s stimulus) []Vote {
	if known, ok := m.responses[s]; ok {
		return known
	}
	var own []Signed
	for i, c := range s.own {
		if c != open {
			own = append(own, signed(0, uint32(i/2), Phase(i%2+1), cellBlocks[c]))
		}
	}
	order := []int{faulty}
	if s.event == leads {
		order = []int{0}
	}
	n := New(Config{Validators: m.set, Self: 0, Order: order, Own: own, Pace: pace})
	n.quorum = uint64(m.quorum)
	if m.forget {
		n.locked, n.valid = lock{}, lock{}
	}
	n.Begin()
	inputs := []Input{Verified{Block: blockA}, Verified{Block: blockB}}
	if s.prefer != open && s.event != leaderProposes {
		inputs = append(inputs, Preferred{Block: cellBlocks[s.prefer], Confident: s.event == confident})
	}
	if uint32(s.round) > n.round {
		n.begun = true
		n.enter(uint32(s.round))
	}
	for r, c := range s.known {
		for voter := 1; c != open && voter < m.quorum+1 && voter <= faulty; voter++ {
			if voter == m.quorum && s.own[2*r] == c {
				break // its own is one of the quorum's
			}
			inputs = append(inputs, received(voter, uint32(r), Prepare, cellBlocks[c]))
		}
	}
	switch s.event {
	case choiceEnds:
		inputs = append(inputs, Timeout{Timer: Timer{Round: uint32(s.round), Wait: ForChoice}})
	case leaderProposes:
		inputs = append(inputs, received(faulty, uint32(s.round), Prepare, cellBlocks[s.prefer]))
	}
	var votes []Vote
	for len(inputs) > 0 {
		in := inputs[0]
		inputs = inputs[1:]
		for _, a := range n.Step(in) {
			if r, ok := a.(Record); ok {
				votes = append(votes, r.Vote)
				inputs = append([]Input{Recorded{Vote: Signed{Vote: r.Vote}}}, inputs...)
			}
		}
	}
	m.responses[s] = votes
	return votes
}

// available is the block for which a quorum can have voted in a phase of a round, with the faulty one's help.
func (m *model) available(s state, round, phase int) (both []cell) {
	for _, c := range []cell{forA, forB} {
		votes := 1
		for _, v := range s {
			if v[2*round+phase] == c {
				votes++
			}
		}
		if votes >= m.quorum {
			both = append(both, c)
		}
	}
	return both
}

// forked tells whether there can be certificates for both blocks.
func (m *model) forked(s state) bool {
	var certified [forNone]bool
	for r := range m.rounds {
		for _, c := range m.available(s, r, 1) {
			certified[c] = true
		}
	}
	return certified[forA] && certified[forB]
}

// knowledge lists the sets of prepare quorums that a node may be told of.
func (m *model) knowledge(s state, upTo int) [][maxRounds]cell {
	sets := [][maxRounds]cell{{}}
	for r := 0; r <= upTo; r++ {
		for _, with := range slices.Clone(sets) {
			for _, c := range m.available(s, r, 0) {
				with[r] = c
				sets = append(sets, with)
			}
		}
	}
	return sets
}

// next calls f with all states that may follow.
func (m *model) next(s state, f func(state)) {
	for i := range s {
		for r := s[i].last(); r < m.rounds; r++ {
			for _, known := range m.knowledge(s, r) {
				for e := range events {
					for _, prefer := range []cell{open, forA, forB} {
						after := s
						for _, v := range m.respond(stimulus{s[i], r, known, e, prefer}) {
							after[i][2*int(v.Round)+int(v.Phase)-1] = cellOf(v.Block)
							f(canonical(after))
						}
					}
				}
			}
		}
	}
}

func cellOf(block primitives.Hash) cell { return cell(slices.Index(cellBlocks[1:], block) + 1) }

// canonical gives states that mean the same the same form: what a node skipped it will never vote, which is as good as
// a vote for nothing; nodes are sorted; of the two names of the blocks the one that makes the smaller state is taken.
func canonical(s state) state {
	swapped := s
	for i := range s {
		for at := range s[i] {
			past := at/2 < s[i].last() || at%2 == 0 && s[i][at+1] != open
			if s[i][at] == open && past {
				s[i][at] = forNone
			}
			swapped[i][at] = [...]cell{open, forB, forA, forNone}[s[i][at]]
		}
	}
	compare := func(a, b votesOf) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(s[:], compare)
	slices.SortFunc(swapped[:], compare)
	if slices.CompareFunc(s[:], swapped[:], compare) > 0 {
		return swapped
	}
	return s
}

// explore visits every state and returns how many there are, and one that is forked.
func (m *model) explore() (visited int, fork *state) {
	m.responses = map[stimulus][]Vote{}
	seen := map[state]struct{}{{}: {}}
	todo := []state{{}}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if m.forked(s) {
			return len(seen), &s
		}
		m.next(s, func(after state) {
			if _, known := seen[after]; !known {
				seen[after] = struct{}{}
				todo = append(todo, after)
			}
		})
	}
	return len(seen), nil
}

func newModel(t *testing.T) *model {
	rounds := maxRounds
	if testing.Short() {
		rounds = 2
	}
	return &model{rounds: rounds, quorum: 3, set: setOf(t, 1, 1, 1, 1)}
}

func TestNoOrderOfEventsForksThreeHonestValidatorsAndAFaultyOne(t *testing.T) {
	m := newModel(t)
	visited, fork := m.explore()
	if fork != nil {
		t.Fatalf("certificates for two blocks: %v", *fork)
	}
	t.Logf("%d states of %d rounds, %d situations of a node: no fork", visited, m.rounds, len(m.responses))
	if visited < 1000 {
		t.Error("that is too few to mean anything")
	}
}

// The controls: the model has to find what is wrong with less.
func TestTheModelForksWithAQuorumOfHalfAndWithLocksThatAreForgotten(t *testing.T) {
	half := newModel(t)
	half.quorum = 2
	if visited, fork := half.explore(); fork == nil {
		t.Errorf("%d states, and no fork with a quorum of half", visited)
	}
	forgetful := newModel(t)
	forgetful.forget = true
	if visited, fork := forgetful.explore(); fork == nil {
		t.Errorf("%d states, and no fork when locks are forgotten", visited)
	}
}
