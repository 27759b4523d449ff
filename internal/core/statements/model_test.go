package statements

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// model is the table as one would explain it: it keeps every statement that it was ever given, and reads the answer to
// each question from them all.
type model struct {
	cfg  Config
	all  []heard
	seen map[Kind]map[uint32]bool // of whom it has told what
}

type heard struct {
	Signed
	para uint32
	kept bool
}

// kept lists what it keeps, in order.
func (m *model) kept(wanted func(Signed) bool) (list []Signed) {
	for _, h := range m.all {
		if h.kept && wanted(h.Signed) {
			list = append(list, h.Signed)
		}
	}
	return list
}

func (m *model) about(id primitives.Hash) []Signed {
	return m.kept(func(s Signed) bool { return s.Candidate == id })
}

func (m *model) group(id primitives.Hash, para uint32) []uint32 {
	for _, h := range m.all {
		if h.kept && h.Candidate == id && h.Verdict == signbytes.Seconded {
			return m.cfg.Groups[h.para]
		}
	}
	return m.cfg.Groups[para]
}

// first is the first word of a validator about a candidate.
func (m *model) first(v uint32, id primitives.Hash) (Signed, bool) {
	words := m.kept(func(s Signed) bool { return s.Validator == v && s.Candidate == id })
	if len(words) == 0 {
		return Signed{}, false
	}
	return words[0], true
}

func (m *model) seconds(v uint32) []Signed {
	return m.kept(func(s Signed) bool { return s.Validator == v && s.Verdict == signbytes.Seconded })
}

func (m *model) votes(id primitives.Hash, group []uint32) (votes, words []Signed) {
	for _, v := range group {
		s, any := m.first(v, id)
		if !any {
			continue
		}
		words = append(words, s)
		if s.Verdict == signbytes.Valid || s.Verdict == signbytes.Seconded && m.seconds(v)[0] == s {
			votes = append(votes, s)
		}
	}
	return votes, words
}

// Import says what the table should.
func (m *model) Import(s Signed, para uint32) (out Outcome) {
	group := m.group(s.Candidate, para)
	before := m.about(s.Candidate)
	if int(s.Validator) >= m.cfg.Validators || len(before) == 0 && s.Verdict != signbytes.Seconded {
		return out
	}
	had, _ := m.votes(s.Candidate, group)
	keep := slices.Contains(group, s.Validator)
	if !keep {
		m.tell(&out, Unauthorized, s)
	}
	for _, b := range before {
		if b.Validator == s.Validator && b.Verdict == s.Verdict {
			keep = false
			if b != s {
				m.tell(&out, DoubleSign, b, s)
			}
		}
	}
	if others := m.seconds(s.Validator); keep && s.Verdict == signbytes.Seconded && len(others) > 0 {
		m.tell(&out, DoubleVote, others[0], s)
		keep = len(others) < 2
	}
	m.all = append(m.all, heard{s, para, keep})
	if !keep {
		return out
	}
	out.New = true
	if first, _ := m.first(s.Validator, s.Candidate); first != s {
		m.tell(&out, SelfContradiction, first, s)
		return out
	}
	votes, words := m.votes(s.Candidate, group)
	earlier := slices.DeleteFunc(slices.Clone(words), func(w Signed) bool { return w == s })
	outvoted := func(words []Signed) int { return m.outvoted(words, len(group)) }
	if m.bothSides(words) && (!m.bothSides(earlier) || outvoted(words) > outvoted(earlier)) {
		out.Misbehavior = append(out.Misbehavior, Misbehavior{Disagreement, words})
	}
	if quorum := len(group)/2 + 1; len(had) < quorum && len(votes) >= quorum {
		out.Backable = &Attested{Candidate: s.Candidate, Para: m.para(s.Candidate), Group: group, Votes: votes}
	}
	return out
}

func (m *model) para(id primitives.Hash) uint32 {
	i := slices.IndexFunc(m.all, func(h heard) bool { return h.kept && h.Candidate == id })
	return m.all[i].para
}

// outvoted is how many have said the opposite of what more than half of the group have.
func (m *model) outvoted(words []Signed, group int) int {
	against := 0
	for _, s := range words {
		if s.Verdict == signbytes.Invalid {
			against++
		}
	}
	switch {
	case 2*against > group:
		return len(words) - against
	case 2*(len(words)-against) > group:
		return against
	}
	return 0
}

func (m *model) bothSides(words []Signed) bool {
	against := 0
	for _, s := range words {
		if s.Verdict == signbytes.Invalid {
			against++
		}
	}
	return against > 0 && against < len(words)
}

func (m *model) tell(out *Outcome, k Kind, proof ...Signed) {
	if m.seen[k] == nil {
		m.seen[k] = map[uint32]bool{}
	}
	if !m.seen[k][proof[0].Validator] {
		m.seen[k][proof[0].Validator] = true
		out.Misbehavior = append(out.Misbehavior, Misbehavior{k, proof})
	}
}

// anything is some statement, and the para of its candidate, which the candidate's hash fixes.
func anything(t *rapid.T) (Signed, uint32) {
	s := says(
		rapid.Uint32Range(0, 7).Draw(t, "validator"),
		signbytes.Verdict(rapid.IntRange(1, 3).Draw(t, "verdict")),
		rapid.ByteRange(0, 7).Draw(t, "candidate"),
	)
	s.Signature[0] = rapid.ByteRange(1, 2).Draw(t, "signature")
	return s, []uint32{1, 1, 1, 1, 2, 2, 2, 3}[s.Candidate[0]]
}

func answersLikeTheModel(t *rapid.T) {
	table, m := New(config()), &model{cfg: config(), seen: map[Kind]map[uint32]bool{}}
	var backable []Attested
	for range rapid.IntRange(1, 60).Draw(t, "statements") {
		s, para := anything(t)
		got, should := table.Import(s, para), m.Import(s, para)
		if diff := compare(should, got); diff != "" {
			t.Fatalf("%+v: (-want +got)\n%s", s, diff)
		}
		if got.Backable != nil {
			backable = append(backable, *got.Backable)
		}
		a, known := table.Attested(s.Candidate)
		votes, _ := m.votes(s.Candidate, m.group(s.Candidate, para))
		if diff := compare(votes, a.Votes); diff != "" || known != (len(m.about(s.Candidate)) > 0) {
			t.Fatalf("candidate %d: (-want +got)\n%s", s.Candidate[0], diff)
		}
		of := m.kept(func(k Signed) bool { return k.Validator == s.Validator })
		if _, kept := table.Kept(s.Validator); kept != len(of) {
			t.Fatalf("%d statements of validator %d are kept, not %d", kept, s.Validator, len(of))
		}
	}
	if diff := compare(backable, table.Backable()); diff != "" {
		t.Fatalf("what is backable: (-want +got)\n%s", diff)
	}
}

func TestTheTableAnswersLikeOneThatKeepsAllStatements(t *testing.T) {
	rapid.Check(t, answersLikeTheModel)
}

func FuzzTable(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(answersLikeTheModel))
}

// In whatever order they come, once a candidate is known.
func TestHonestStatementsBackTheSameCandidatesInAnyOrderAndAccuseNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var first, rest []Signed
		for i, v := range config().Groups[1] {
			if i == 0 || rapid.Bool().Draw(t, "seconds") {
				first = append(first, says(v, seconded, byte(v)))
			}
		}
		for _, s := range first {
			for _, v := range config().Groups[1] {
				if v != s.Validator && rapid.Bool().Draw(t, "has checked") {
					rest = append(rest, says(v, valid, s.Candidate[0]))
				}
			}
		}
		one, other := New(config()), New(config())
		told(one, slices.Concat(first, rest)...)
		order := slices.Concat(rapid.Permutation(first).Draw(t, "first"), rapid.Permutation(rest).Draw(t, "then"))
		for _, s := range order {
			if out := other.Import(s, 1); !out.New || out.Misbehavior != nil {
				t.Fatalf("%+v: %+v", s, out)
			}
		}
		for _, s := range first {
			a, _ := one.Attested(s.Candidate)
			b, _ := other.Attested(s.Candidate)
			if diff := compare(a, b); diff != "" {
				t.Fatal(diff)
			}
		}
		if len(one.Backable()) != len(other.Backable()) {
			t.Fatal("another number is backable")
		}
	})
}
