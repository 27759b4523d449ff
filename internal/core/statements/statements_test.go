package statements

import (
	"crypto/ed25519"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

const (
	seconded = signbytes.Seconded
	valid    = signbytes.Valid
	invalid  = signbytes.Invalid
)

// The paras of these tests and their groups, as in the scenarios: para 1 has the group 2, 0, 3, 5; para 2 has 1, 4, 6.
// Nobody is assigned to para 3.
func config() Config {
	return Config{Validators: 7, Groups: map[uint32][]uint32{1: {2, 0, 3, 5}, 2: {1, 4, 6}}}
}

// says is a statement of a validator about a candidate.
func says(validator uint32, v signbytes.Verdict, candidate byte) Signed {
	return Signed{Verdict: v, Candidate: primitives.Hash{candidate}, Validator: validator, Signature: [64]byte{1}}
}

// again is the same with another signature.
func again(s Signed) Signed {
	s.Signature[0]++
	return s
}

// told imports statements about candidates of para 1, and returns the last outcome.
func told(t *Table, statements ...Signed) (out Outcome) {
	for _, s := range statements {
		out = t.Import(s, 1)
	}
	return out
}

// compare tells where the two differ; nothing and an empty list don't.
func compare(want, got any) string {
	if reflect.DeepEqual(want, got) { // much faster, and nearly always true
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty())
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// B2.
func TestACandidateOfAGroupOfFourIsBackedByThreeVotesInTheOrderOfTheBits(t *testing.T) {
	table := New(config())
	second, other, third := says(2, seconded, 1), says(5, valid, 1), says(0, valid, 1)
	want(t, told(table, second), Outcome{New: true})
	want(t, told(table, other), Outcome{New: true})
	backed := Attested{
		Candidate: second.Candidate, Para: 1, Group: []uint32{2, 0, 3, 5}, Votes: []Signed{second, third, other},
	}
	want(t, told(table, third), Outcome{New: true, Backable: &backed})
	want(t, backed.Bits().Bytes, []byte{0b1011}) // 1, 1, 0, 1 from the first member on
}

// B17, and the traps of counting too much.
func TestMoreThanHalfOfTheGroupIsAQuorum(t *testing.T) {
	for size, quorum := range map[int]int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4} {
		group := make([]uint32, size)
		for i := range group {
			group[i] = uint32(i)
		}
		table := New(Config{Validators: size, Groups: map[uint32][]uint32{1: group}})
		for i := range uint32(size) {
			verdict := valid
			if i == 0 {
				verdict = seconded
			}
			if out := told(table, says(i, verdict, 1)); (out.Backable != nil) != (int(i) == quorum-1) {
				t.Errorf("group of %d, after %d votes: %+v", size, i+1, out)
			}
		}
	}
}

// B16. The peer that this is read from counted Invalid as a vote, and died of it.
func TestSecondedByOneAndInvalidForTwoOfFourIsNotBackableAndIsADisagreement(t *testing.T) {
	table := New(config())
	one, two, three := says(3, seconded, 1), says(5, invalid, 1), says(2, invalid, 1)
	told(table, one)
	want(t, told(table, two), Outcome{New: true, Misbehavior: []Misbehavior{{Disagreement, []Signed{one, two}}}})
	want(t, told(table, three), Outcome{New: true}) // two are not more than half of four
	a, _ := table.Attested(one.Candidate)
	want(t, a.Votes, []Signed{one})
	want(t, table.Backable(), []Attested(nil))
}

// A disagreement is one offence, and not one for each statement.
func TestADisagreementIsReportedWhenItBeginsWhenItIsDecidedAndWithEachWhoIsOutvotedLater(t *testing.T) {
	table := New(config())
	one, two, three, four := says(3, seconded, 1), says(5, invalid, 1), says(2, invalid, 1), says(0, invalid, 1)
	told(table, one)
	want(t, told(table, two).Misbehavior, []Misbehavior{{Disagreement, []Signed{one, two}}})
	want(t, told(table, three).Misbehavior, []Misbehavior(nil))
	want(t, told(table, four).Misbehavior, []Misbehavior{{Disagreement, []Signed{three, four, one, two}}})

	table = New(config())
	told(table, one, says(2, valid, 1), says(0, valid, 1))
	want(t, told(table, two).Misbehavior, []Misbehavior{{Disagreement, []Signed{
		says(2, valid, 1), says(0, valid, 1), one, two,
	}}})

	five := New(Config{Validators: 5, Groups: map[uint32][]uint32{1: {0, 1, 2, 3, 4}}})
	told(five, says(0, seconded, 1), says(1, valid, 1), says(2, valid, 1))
	outvoted := []int{}
	for _, s := range []Signed{says(3, invalid, 1), says(4, invalid, 1)} {
		for _, m := range told(five, s).Misbehavior {
			outvoted = append(outvoted, len(m.Statements))
		}
	}
	want(t, outvoted, []int{4, 5})
}

// B15.
func TestTwoCandidatesByOneValidatorAreADoubleVoteAndTheFirstHasItsVote(t *testing.T) {
	table := New(config())
	first, second := says(2, seconded, 1), says(2, seconded, 2)
	told(table, first)
	want(t, told(table, second), Outcome{New: true, Misbehavior: []Misbehavior{{DoubleVote, []Signed{first, second}}}})
	want(t, told(table, second), Outcome{})
	want(t, told(table, says(2, seconded, 3)), Outcome{})
	if table.Knows(primitives.Hash{3}) || !table.Knows(primitives.Hash{2}) {
		t.Error("of a validator's candidates two are known")
	}
	for candidate, votes := range map[byte]int{1: 1, 2: 0} {
		if a, _ := table.Attested(primitives.Hash{candidate}); len(a.Votes) != votes {
			t.Errorf("candidate %d has the votes %v", candidate, a.Votes)
		}
	}
}

// Each node may have heard of another one of the two first. The honest members' votes aren't lost for that.
func TestTheSecondCandidateOfADoubleVoteNeedsTheOthersVotes(t *testing.T) {
	table := New(config())
	told(table, says(2, seconded, 1), says(2, seconded, 2), says(0, valid, 2))
	if out := told(table, says(3, valid, 2)); out.Backable != nil {
		t.Errorf("two of four: %+v", out)
	}
	if out := told(table, says(5, valid, 2)); out.Backable == nil || len(out.Backable.Votes) != 3 {
		t.Errorf("three of four: %+v", out)
	}
}

// B15.
func TestAVoteByWhoIsNotInTheGroupIsUnauthorizedAndCountsNothing(t *testing.T) {
	table := New(config())
	told(table, says(2, seconded, 1))
	for _, s := range []Signed{says(1, valid, 1), says(4, seconded, 1), says(6, seconded, 9)} {
		want(t, told(table, s), Outcome{Misbehavior: []Misbehavior{{Unauthorized, []Signed{s}}}})
	}
	want(t, told(table, says(4, invalid, 1)), Outcome{})
	s := says(5, seconded, 8)
	want(t, table.Import(s, 3), Outcome{Misbehavior: []Misbehavior{{Unauthorized, []Signed{s}}}})
	if table.Knows(primitives.Hash{9}) || table.Knows(primitives.Hash{8}) {
		t.Error("a candidate is known that nobody may second")
	}
	a, _ := table.Attested(primitives.Hash{1})
	want(t, a.Votes, []Signed{says(2, seconded, 1)})
}

// B15.
func TestOneStatementWithTwoSignaturesIsADoubleSignature(t *testing.T) {
	for _, v := range []signbytes.Verdict{seconded, valid, invalid} {
		table := New(config())
		told(table, says(2, seconded, 1))
		s := says(3, v, 1)
		told(table, s)
		want(t, told(table, again(s)), Outcome{Misbehavior: []Misbehavior{{DoubleSign, []Signed{s, again(s)}}}})
		want(t, told(table, again(again(s))), Outcome{}) // once is enough
	}
}

// B15.
func TestWhatIsSaidOfAnUnknownCandidateOrTwiceIsNothing(t *testing.T) {
	table := New(config())
	want(t, told(table, says(2, valid, 1)), Outcome{})
	want(t, told(table, says(2, invalid, 1)), Outcome{})
	if _, known := table.Attested(primitives.Hash{1}); known {
		t.Error("it is known")
	}
	told(table, says(2, seconded, 1))
	want(t, told(table, says(2, seconded, 1)), Outcome{})
	want(t, told(table, says(3, 0, 1)), Outcome{})
	want(t, told(table, says(3, invalid+1, 1)), Outcome{})
	want(t, told(table, says(7, valid, 1)), Outcome{}) // there are seven validators
}

func TestWhoSaysTwoThingsOfOneCandidateContradictsHimselfAndTheFirstCounts(t *testing.T) {
	for _, c := range []struct {
		first, second signbytes.Verdict
		votes         int
	}{
		{seconded, valid, 2}, {seconded, invalid, 2}, {valid, invalid, 2},
		{valid, seconded, 2}, {invalid, seconded, 1}, {invalid, valid, 1},
	} {
		table := New(config())
		first, second := says(3, c.first, 1), says(3, c.second, 1)
		told(table, says(2, seconded, 1), first)
		want(t, told(table, second), Outcome{
			New: true, Misbehavior: []Misbehavior{{SelfContradiction, []Signed{first, second}}},
		})
		if a, _ := table.Attested(first.Candidate); len(a.Votes) != c.votes {
			t.Errorf("%s, then %s: %d votes", c.first, c.second, len(a.Votes))
		}
		out := told(table, again(second))
		want(t, out.Misbehavior, []Misbehavior{{DoubleSign, []Signed{second, again(second)}}})
	}
}

func TestAWatcherIsToldWhatIsBackableAlreadyThenWhatBecomesSo(t *testing.T) {
	table := New(config())
	told(table, says(2, seconded, 1), says(0, valid, 1))
	early := table.Backable()
	out := told(table, says(3, valid, 1))
	early, late := append(early, *out.Backable), table.Backable()

	table.Import(says(4, seconded, 2), 2)
	out = table.Import(says(6, valid, 2), 2)
	early, late = append(early, *out.Backable), append(late, *out.Backable)

	want(t, told(table, says(5, valid, 1)), Outcome{New: true}) // it is known to be backable
	want(t, early, late)
	want(t, early, table.Backable())
	if len(early) != 2 || early[0].Para != 1 || early[1].Para != 2 || len(early[0].Votes) != 3 {
		t.Errorf("%+v", early)
	}
	if a, _ := table.Attested(primitives.Hash{1}); len(a.Votes) != 4 {
		t.Errorf("votes come in after the quorum: %v", a.Votes)
	}
}

func TestTheStatementsOfAMisbehaviorProveItToWhoKnowsTheKeys(t *testing.T) {
	seed := make([]byte, ed25519.SeedSize)
	key := ed25519.NewKeyFromSeed(seed)
	in := signbytes.Context{Session: 4, RelayParent: primitives.Hash{9}}
	sign := func(v signbytes.Verdict, candidate byte) Signed {
		s := says(2, v, candidate)
		payload, err := s.Payload(in).Encode()
		if err != nil {
			t.Fatal(err)
		}
		s.Signature = [64]byte(ed25519.Sign(key, payload))
		return s
	}
	out := told(New(config()), sign(seconded, 1), sign(seconded, 2))
	for _, s := range out.Misbehavior[0].Statements {
		payload, err := s.Payload(in).Encode()
		if err != nil || !ed25519.Verify(key.Public().(ed25519.PublicKey), payload, s.Signature[:]) {
			t.Errorf("%+v proves nothing: %v", s, err)
		}
	}
}

func TestWhatOneValidatorMakesTheTableKeepIsBounded(t *testing.T) {
	table := New(config())
	reports := 0
	for _, honest := range []uint32{0, 3, 5} { // as many candidates as they can make
		told(table, says(honest, seconded, byte(100+honest)), says(honest, seconded, byte(200+honest)))
	}
	for candidate := range byte(250) {
		for _, v := range []signbytes.Verdict{seconded, valid, invalid} {
			for para := range uint32(4) {
				s := says(2, v, candidate)
				reports += len(table.Import(s, para).Misbehavior) + len(table.Import(again(s), para).Misbehavior)
			}
		}
	}
	most, words := MostKept(4)
	if seconded, kept := table.Kept(2); seconded != most || kept != words {
		t.Errorf("%d candidates and %d statements of one validator, not %d and %d", seconded, kept, most, words)
	}
	// Each kind against itself once, and a disagreement about each of the candidates at most.
	if reports > 4+2*4 {
		t.Errorf("%d reports because of one validator", reports)
	}
}

func TestEveryKindOfMisbehaviorHasAName(t *testing.T) {
	names := map[string]bool{}
	for k := Disagreement; k <= DoubleSign+1; k++ {
		names[k.String()] = true
	}
	if len(names) != 6 || !names["double vote"] || !names["misbehavior of unknown kind 6"] {
		t.Error(names)
	}
}
