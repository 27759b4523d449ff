package inherent

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
)

func hash(name string) primitives.Hash { return primitives.HashOf([]byte(name)) }

// signatures hold but for those that are named.
type signatures struct {
	badBitfields, badCandidates map[int]bool
	checked                     *int
}

func (s signatures) Bitfield(i int) bool { *s.checked++; return !s.badBitfields[i] }

func (s signatures) Candidate(i int, _ []uint32) bool { *s.checked++; return !s.badCandidates[i] }

// data is the validation data of a test: another one for each para and assumption.
func data(para uint32, a Assumption) primitives.Hash {
	return hash(string(rune(para)) + string(rune(a)))
}

// example is a chain of four validators in four groups of one. On core 0, of para 10, lies a candidate that two hold;
// on core 1, of para 11, one that nobody holds and that has had its time; on core 2, of para 12, one that has
// time; core 3 is scheduled, for para 13 and a certain collator; core 4 is free.
func example() *Context {
	on := func(para uint32, timeOut uint64, who ...uint32) *scheduler.Occupied {
		next := &scheduler.Assignment{Para: para}
		return &scheduler.Occupied{
			Para: para, TimeOutAt: timeOut, Votes: primitives.NewBits(4, who...), OnAvailable: next, OnTimeOut: next,
		}
	}
	return &Context{
		Height: 20, Validators: 4,
		Cores: []scheduler.CoreState{
			{Group: 1, Occupied: on(10, 30, 0, 1)},
			{Group: 2, Occupied: on(11, 19)},
			{Group: 3, Occupied: on(12, 21)},
			{Group: 0, Scheduled: &scheduler.Assignment{Para: 13, Collator: hash("collator")}},
			{Group: 9},
		},
		Groups:       [][]uint32{{0}, {1}, {2}, {3}},
		RelayParents: []primitives.Hash{hash("parent")},
		ValidationData: func(para uint32, a Assumption, relayParent primitives.Hash) (primitives.Hash, bool) {
			return data(para, a), relayParent == hash("parent") && para != 99
		},
		Signatures: signatures{checked: new(int)},
		Limits:     Limits{Bitfields: 100, Candidates: 100, Bytes: 1 << 20},
	}
}

func bits(validator uint32, cores ...uint32) Bitfield {
	return Bitfield{Validator: validator, Cores: primitives.NewBits(5, cores...), Size: 100}
}

func backed(para uint32, a Assumption) Candidate {
	return Candidate{
		Para: para, RelayParent: hash("parent"), Collator: hash("collator"), ValidationData: data(para, a),
		Voters: primitives.NewBits(1, 0), Votes: 1, Size: 1000,
	}
}

// want holds a selection against what should be chosen, and the reasons for everything else, in order.
func want(t *testing.T, s Selection, bitfields, candidates []int, reasons ...Reason) {
	t.Helper()
	var got []Reason
	for _, l := range s.LeftOut {
		got = append(got, l.Reason)
	}
	if diff := cmp.Diff([][]int{bitfields, candidates}, [][]int{s.Bitfields, s.Candidates}); diff != "" {
		t.Errorf("chosen: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(reasons, got); diff != "" {
		t.Errorf("left out: (-want +got)\n%s", diff)
	}
}

// pick is what a selection is of what was offered.
func pick(of Inherent, s Selection) (in Inherent) {
	for _, i := range s.Bitfields {
		in.Bitfields = append(in.Bitfields, of.Bitfields[i])
	}
	for _, i := range s.Candidates {
		in.Candidates = append(in.Candidates, of.Candidates[i])
	}
	return in
}

func TestAnEmptyInherentIsAlwaysValid(t *testing.T) {
	for name, ctx := range map[string]*Context{"of a chain": example(), "of a chain without anything": {}} {
		if s, err := Check(ctx, Inherent{}); err != nil || len(s.LeftOut) != 0 {
			t.Errorf("%s: %v", name, err)
		}
		want(t, Select(ctx, Inherent{}), nil, nil)
	}
}

func TestOfOneValidatorTheBitfieldWithMoreBitsWinsAndTheOutputIsSorted(t *testing.T) {
	s := Select(example(), Inherent{Bitfields: []Bitfield{
		bits(3, 0), bits(1, 1), bits(3, 1, 2), bits(1, 1, 2), bits(1, 2, 1), bits(0, 2),
	}})
	want(t, s, []int{5, 3, 2}, nil, Superseded, Superseded, Superseded)
}

func TestOnlyBitsOfWhatIsNotKnownYetCount(t *testing.T) {
	ctx := example()
	ctx.Cores[2].Occupied.Votes = primitives.NewBits(4, 1, 2, 3) // available, whatever the block says
	s := Select(ctx, Inherent{Bitfields: []Bitfield{
		bits(0, 0, 2), bits(0, 1), // says less, and more that is new
		bits(1, 0), // has said that before
		bits(2),
	}})
	want(t, s, []int{1}, nil, Superseded, NothingNew, NothingNew)
}

func TestABitfieldThatDoesNotFitTheCoresIsDropped(t *testing.T) {
	malformed := bits(0, 1)
	malformed.Cores.Bytes = []byte{0xff}
	s := Select(example(), Inherent{Bitfields: []Bitfield{
		malformed, {Validator: 1, Cores: primitives.NewBits(4, 1)}, bits(2, 1, 3), bits(3, 4), bits(4, 1),
	}})
	want(t, s, nil, nil, MalformedBits, WrongLength, UnoccupiedCore, UnoccupiedCore, UnknownValidator)
}

func TestACandidateComesToItsCoreAfterWhatBecameOfTheOneThere(t *testing.T) {
	s := Select(example(), Inherent{
		Bitfields: []Bitfield{bits(2, 0)}, // with which core 0 is available
		Candidates: []Candidate{
			backed(13, Free), backed(12, Included), backed(11, TimedOut), backed(10, Included), backed(14, Free),
		},
	})
	want(t, s, []int{0}, []int{3, 2, 0}, CoreOccupied, NotScheduled)
	if diff := cmp.Diff([]uint32{0, 1, 3}, s.Cores); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAvailabilityTakesASupermajorityAndNotTwoThirds(t *testing.T) {
	ctx := example()
	ctx.Validators = 6
	ctx.Cores[0].Occupied.Votes = primitives.NewBits(6, 0, 1, 2) // and 3 makes four, of which two thirds of six are
	offered := Inherent{Bitfields: []Bitfield{bits(3, 0)}, Candidates: []Candidate{backed(10, Included)}}
	want(t, Select(ctx, offered), []int{0}, nil, CoreOccupied)
	offered.Bitfields = append(offered.Bitfields, bits(4, 0))
	want(t, Select(ctx, offered), []int{0, 1}, []int{0})
}

func TestAnotherParasClaimComesWithoutAnythingBeforeIt(t *testing.T) {
	ctx := example()
	ctx.Cores[1].Occupied.OnTimeOut = &scheduler.Assignment{Para: 77}
	ctx.Cores[0].Occupied.OnAvailable = nil
	s := Select(ctx, Inherent{
		Bitfields:  []Bitfield{bits(2, 0)},
		Candidates: []Candidate{backed(10, Included), backed(77, Free), backed(11, TimedOut)},
	})
	want(t, s, []int{0}, []int{1}, NotScheduled, NotScheduled)
}

// Each candidate of this table is wrong in one way, and the right one that comes after it takes the core all the same.
func TestACandidateThatIsWrongIsLeftOutByItself(t *testing.T) {
	none := hash("")
	for name, c := range map[string]struct {
		why    Reason
		change func(*Context, *Candidate)
	}{
		"unscheduled":           {NotScheduled, func(_ *Context, c *Candidate) { c.Para = 14 }},
		"para still pending":    {CoreOccupied, func(_ *Context, c *Candidate) { c.Para = 12 }},
		"not in parent context": {RelayParentOutOfRange, func(_ *Context, c *Candidate) { c.RelayParent = none }},
		"wrong collator":        {WrongCollator, func(_ *Context, c *Candidate) { c.Collator = hash("other") }},
		"other validation data": {ValidationDataMismatch, func(_ *Context, c *Candidate) { c.ValidationData = none }},
		"insufficient backing": {BelowQuorum, func(_ *Context, c *Candidate) {
			c.Voters, c.Votes = primitives.NewBits(1), 0
		}},
		"voters of two": {MalformedVotes, func(_ *Context, c *Candidate) {
			c.Voters = primitives.NewBits(2, 0)
		}},
		"more votes":           {MalformedVotes, func(_ *Context, c *Candidate) { c.Votes = 2 }},
		"malformed voters":     {MalformedVotes, func(_ *Context, c *Candidate) { c.Voters.Bytes = []byte{3} }},
		"larger than a block":  {NoRoom, func(_ *Context, c *Candidate) { c.Size = math.MaxInt }},
		"smaller than nothing": {NoRoom, func(_ *Context, c *Candidate) { c.Size = -1 }},
		"not signed": {BadSignature, func(ctx *Context, c *Candidate) {
			ctx.Signatures = signatures{badCandidates: map[int]bool{0: true}, checked: new(int)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, wrong := example(), backed(13, Free)
			c.change(ctx, &wrong)
			s := Select(ctx, Inherent{Candidates: []Candidate{wrong, backed(13, Free)}})
			want(t, s, nil, []int{1}, c.why)
			_, err := Check(ctx, Inherent{Candidates: []Candidate{wrong}})
			if fault := (LeftOut{}); !errors.As(err, &fault) || fault != (LeftOut{true, 0, c.why}) {
				t.Errorf("checked: %v", err)
			}
		})
	}
}

func TestAParaWithoutValidationDataAndACoreWithoutAGroupTakeNothing(t *testing.T) {
	ctx := example()
	ctx.Cores[3].Scheduled = &scheduler.Assignment{Para: 99}
	ctx.Cores[4].Scheduled = &scheduler.Assignment{Para: 98}
	s := Select(ctx, Inherent{Candidates: []Candidate{backed(99, Free), backed(98, Free)}})
	want(t, s, nil, nil, ValidationDataMismatch, MalformedVotes)
}

func TestAGroupOfWhichHalfVouchesIsNoQuorum(t *testing.T) {
	ctx := example()
	ctx.Groups[0] = []uint32{0, 1, 2, 3}
	two, three := backed(13, Free), backed(13, Free)
	two.Voters, two.Votes = primitives.NewBits(4, 0, 3), 2
	three.Voters, three.Votes = primitives.NewBits(4, 0, 2, 3), 3
	want(t, Select(ctx, Inherent{Candidates: []Candidate{two, three}}), nil, []int{1}, BelowQuorum)
}

func TestAtMostOneCodeUpgradeIsAmongTheSelected(t *testing.T) {
	up := func(c Candidate) Candidate { c.Upgrade = true; return c }
	offered := Inherent{Candidates: []Candidate{up(backed(13, Free)), up(backed(11, TimedOut)), backed(13, Free)}}
	want(t, Select(example(), offered), nil, []int{1, 2}, SecondUpgrade)
	three := Inherent{
		Bitfields:  []Bitfield{bits(2, 0)},
		Candidates: []Candidate{up(backed(10, Included)), backed(11, TimedOut), up(backed(13, Free))},
	}
	want(t, Select(example(), three), []int{0}, []int{0, 1}, SecondUpgrade)
	_, err := Check(example(), Inherent{Candidates: []Candidate{offered.Candidates[1], offered.Candidates[0]}})
	if err == nil || !strings.Contains(err.Error(), "candidate 1") {
		t.Errorf("two upgrades: %v", err)
	}
}

func TestForOneCoreThereIsOneCandidateAndTheFirstThatIsOffered(t *testing.T) {
	s := Select(example(), Inherent{Candidates: []Candidate{backed(13, Free), backed(13, Free)}})
	want(t, s, nil, []int{0}, CoreTaken)
}

func TestABlockWhoseInherentIsInAnotherOrderIsRefused(t *testing.T) {
	for name, in := range map[string]Inherent{
		"bitfields":           {Bitfields: []Bitfield{bits(1, 1), bits(0, 1)}},
		"bitfields of one":    {Bitfields: []Bitfield{bits(1, 1), bits(1, 2)}},
		"candidates":          {Candidates: []Candidate{backed(13, Free), backed(11, TimedOut)}},
		"candidates for one":  {Candidates: []Candidate{backed(13, Free), backed(13, Free)}},
		"bitfield of nothing": {Bitfields: []Bitfield{bits(1, 1), bits(2)}},
	} {
		_, err := Check(example(), in)
		if fault := (LeftOut{}); !errors.As(err, &fault) || fault.Index != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABlockIsLookedAtUpToItsFirstFault(t *testing.T) {
	ctx := example()
	checked := new(int)
	ctx.Signatures = signatures{badBitfields: map[int]bool{1: true}, checked: checked}
	_, err := Check(ctx, Inherent{
		Bitfields:  []Bitfield{bits(0, 1), bits(1, 1), bits(2, 1)},
		Candidates: []Candidate{backed(11, TimedOut)},
	})
	if fault := (LeftOut{}); !errors.As(err, &fault) || fault != (LeftOut{false, 1, BadSignature}) || *checked != 2 {
		t.Errorf("%v after %d signatures", err, *checked)
	}
}

func TestWhatABlockHoldsIsBoundedInNumberAndBytes(t *testing.T) {
	offered := Inherent{
		Bitfields:  []Bitfield{bits(0, 1), bits(1, 1), bits(2, 2), bits(3, 2)},
		Candidates: []Candidate{backed(11, TimedOut), backed(13, Free)},
	}
	offered.Bitfields[1].Size = 200
	for name, c := range map[string]struct {
		Limits
		bitfields, candidates []int
		reasons               []Reason
	}{
		"all":          {Limits{4, 2, 2500}, []int{0, 1, 2, 3}, []int{0, 1}, nil},
		"few of each":  {Limits{2, 1, 2500}, []int{0, 1}, []int{0}, []Reason{TooMany, TooMany, TooMany}},
		"few bytes":    {Limits{4, 2, 299}, []int{0, 2}, nil, []Reason{NoRoom, NoRoom, NoRoom, NoRoom}},
		"a byte short": {Limits{4, 2, 2499}, []int{0, 1, 2, 3}, []int{0}, []Reason{NoRoom}},
		"nothing":      {Limits{}, nil, nil, []Reason{TooMany, TooMany, TooMany, TooMany, TooMany, TooMany}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := example()
			ctx.Limits = c.Limits
			s := Select(ctx, offered)
			want(t, s, c.bitfields, c.candidates, c.reasons...)
			if _, err := Check(ctx, pick(offered, s)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFewWrongSignaturesAreLookedAtInOnePlace(t *testing.T) {
	ctx := example()
	bad := signatures{badBitfields: map[int]bool{}, badCandidates: map[int]bool{}, checked: new(int)}
	ctx.Signatures = bad
	var offered Inherent
	for i := range 50 {
		offered.Bitfields = append(offered.Bitfields, bits(1, 1))
		offered.Candidates = append(offered.Candidates, backed(11, TimedOut))
		bad.badBitfields[i], bad.badCandidates[i] = true, true
	}
	offered.Bitfields = append(offered.Bitfields, bits(0, 1))
	offered.Candidates = append(offered.Candidates, backed(13, Free))
	s := Select(ctx, offered)
	if diff := cmp.Diff([]int{50, 50}, append(s.Bitfields, s.Candidates...)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if *bad.checked != 2*mostTries+2 {
		t.Errorf("%d were checked", *bad.checked)
	}
}

func TestASignatureIsCheckedOnlyOfWhatCouldPassWithIt(t *testing.T) {
	ctx := example()
	ctx.Limits.Bytes = 1100
	late := backed(13, Free)
	late.RelayParent = hash("old")
	offered := Inherent{
		Bitfields:  []Bitfield{bits(0, 3), bits(1), bits(9, 1), bits(2, 1)},
		Candidates: []Candidate{late, backed(11, TimedOut), backed(13, Free)},
	}
	s := Select(ctx, offered)
	want(t, s, []int{3}, []int{1}, UnoccupiedCore, NothingNew, UnknownValidator, RelayParentOutOfRange, NoRoom)
	if n := *ctx.Signatures.(signatures).checked; n != 2 {
		t.Errorf("%d were checked", n)
	}
}

func TestEveryReasonIsASentence(t *testing.T) {
	for r := MalformedBits; r <= BadSignature; r++ {
		if strings.HasPrefix(r.String(), "reason") {
			t.Errorf("%d has no words", uint8(r))
		}
	}
	if got := (LeftOut{Index: 3, Reason: 99}).Error(); got != "bitfield 3 of the inherent can't be there: reason 99" {
		t.Error(got)
	}
}
