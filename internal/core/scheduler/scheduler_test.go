package scheduler

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func hash(name string) primitives.Hash { return primitives.HashOf([]byte(name)) }

func begin(params Params, validators uint32, paras ...uint32) *State {
	return Begin(nil, Session{Params: params, Validators: validators, Seed: hash("seed"), Parachains: paras})
}

// backs puts candidates on cores at a height.
func backs(t *testing.T, s *State, height uint64, cores ...uint32) {
	t.Helper()
	var b []Backing
	for _, c := range cores {
		b = append(b, Backing{Core: c, Candidate: hash("candidate")})
	}
	if err := s.Close(height, b); err != nil {
		t.Fatal(err)
	}
}

// say is what so many validators say of the cores.
func say(s *State, voters uint32, cores ...uint32) (votes []Vote) {
	for v := range voters {
		votes = append(votes, Vote{Validator: v, Cores: primitives.NewBits(uint32(len(s.Cores)), cores...)})
	}
	return votes
}

func cores(freed []Freed) []uint32 {
	out := []uint32{}
	for _, f := range freed {
		out = append(out, f.Core)
	}
	return out
}

func TestACoreIsAvailableWhenASupermajorityHoldsItsChunks(t *testing.T) {
	for n, needed := range []uint32{1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 6: 5, 7: 5} {
		if n == 0 {
			continue
		}
		s := begin(Params{ChainPeriod: 4}, uint32(n), 7)
		backs(t, s, 1, 0)
		if freed, _ := s.Open(2, say(s, needed-1, 0)); len(freed) != 0 {
			t.Errorf("%d of %d are enough", needed-1, n)
		}
		freed, timedOut := s.Open(3, say(s, needed, 0))
		if len(freed) != 1 || len(timedOut) != 0 || freed[0].Candidate != hash("candidate") || s.Cores[0] != nil {
			t.Errorf("%d of %d: %v, %v", needed, n, freed, timedOut)
		}
	}
}

func TestVotesAddUpOverBlocksAndOneValidatorCountsOnce(t *testing.T) {
	s := begin(Params{ChainPeriod: 9}, 4, 7)
	backs(t, s, 1, 0)
	for i, v := range []uint32{3, 3, 1} {
		if freed, _ := s.Open(uint64(2+i), []Vote{{v, primitives.NewBits(1, 0)}}); len(freed) != 0 {
			t.Fatalf("available at %d", 2+i)
		}
	}
	if freed, _ := s.Open(5, []Vote{{0, primitives.NewBits(1, 0)}}); len(freed) != 1 {
		t.Error("three of four aren't enough")
	}
}

func TestWhatMakesNoSenseInAVoteMeansNothing(t *testing.T) {
	s := begin(Params{ChainPeriod: 9}, 1, 7, 8)
	backs(t, s, 1, 0)
	before := s.Clone()
	freed, timedOut := s.Open(2, []Vote{
		{5, primitives.NewBits(2, 0)},                      // nobody
		{0, primitives.NewBits(2, 1)},                      // of an empty core
		{0, primitives.Bits{Length: 99, Bytes: []byte{1}}}, // no row of bits
		{0, primitives.NewBits(0)},                         // of no core
	})
	if diff := cmp.Diff(before, s); diff != "" || freed != nil || timedOut != nil {
		t.Errorf("%v, %v (-want +got)\n%s", freed, timedOut, diff)
	}
}

func TestTheTimeoutPredicateHoldsOnlyWithinThePeriodAfterARotation(t *testing.T) {
	s := begin(Params{RotationFrequency: 10, ChainPeriod: 3, ThreadPeriod: 5, ThreadCores: 1}, 4, 7)
	for _, c := range []struct {
		since  uint64
		core   int
		at     []uint64
		within uint64
	}{
		{since: 0, core: 0, at: []uint64{10, 11, 12, 20, 21, 22}, within: 25},
		{since: 0, core: 1, at: []uint64{10, 11, 12, 13, 14, 20, 21, 22, 23, 24}, within: 26},
		{since: 8, core: 0, at: []uint64{11, 12, 20}, within: 21},
		{since: 9, core: 1, at: []uint64{14, 20}, within: 21},
		{since: 10, core: 1, at: []uint64{20}, within: 21},
	} {
		var at []uint64
		for h := range c.within {
			if s.timesOut(c.core, c.since, h) {
				at = append(at, h)
			}
		}
		if diff := cmp.Diff(c.at, at); diff != "" || s.timeOutAt(c.core, c.since) != c.at[0] {
			t.Errorf("core %d since %d: %d; (-want +got)\n%s", c.core, c.since, s.timeOutAt(c.core, c.since), diff)
		}
	}
}

func TestWhereGroupsNeverRotateACandidateHasItsPeriodAndNoMore(t *testing.T) {
	s := begin(Params{}, 4, 7) // a period of 0 counts as 1
	backs(t, s, 5, 0)
	if at := s.CoreStates(6)[0].Occupied.TimeOutAt; at != 6 {
		t.Errorf("it times out at %d", at)
	}
	s.ChainPeriod = math.MaxUint64
	if at := s.CoreStates(6)[0].Occupied.TimeOutAt; at != math.MaxUint64 || s.timesOut(0, 5, math.MaxUint64-1) {
		t.Errorf("it times out at %d", at)
	}
}

func TestWhatHasHadItsTimeIsFreedWithTheCandidateThatTimedOut(t *testing.T) {
	s := begin(Params{ChainPeriod: 2}, 4, 7, 8, 9)
	backs(t, s, 1, 0, 2)
	s.Open(2, nil)
	backs(t, s, 2, 1)
	available, timedOut := s.Open(3, say(s, 3, 2))
	if diff := cmp.Diff([]uint32{2}, cores(available)); diff != "" {
		t.Errorf("available: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]uint32{0}, cores(timedOut)); diff != "" || timedOut[0].Para != 7 {
		t.Errorf("timed out: (-want +got)\n%s", diff)
	}
	if s.Cores[1] == nil {
		t.Error("what had time left was freed")
	}
}

func TestASessionChangeWipesWhatIsPendingAndReplacesTheValidators(t *testing.T) {
	s := begin(Params{ChainPeriod: 4}, 4, 7)
	backs(t, s, 1, 0)
	s.Open(2, say(s, 2, 0))
	before := s.Clone()
	next := Begin(s, Session{
		Params: s.Params, Start: 3, Validators: 7, Seed: hash("other"), Parachains: []uint32{9, 7, 9},
	})
	if next.Cores[0] != nil || next.Validators != 7 || len(next.Groups) != 2 || next.Start != 3 {
		t.Errorf("%+v", next)
	}
	if diff := cmp.Diff([]uint32{7, 9}, next.Parachains); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(before, s); diff != "" {
		t.Errorf("the session before was changed: (-want +got)\n%s", diff)
	}
}

func TestGroupsAreEvenAndTheFirstOnesHaveWhatIsLeftOver(t *testing.T) {
	for _, c := range []struct {
		validators uint32
		cores      uint32
		sizes      []int
	}{
		{8, 3, []int{3, 3, 2}}, {7, 3, []int{3, 2, 2}}, {6, 3, []int{2, 2, 2}}, {2, 3, []int{1, 1, 0}}, {4, 0, []int{}},
	} {
		s := begin(Params{ThreadCores: c.cores}, c.validators)
		sizes, all := []int{}, []uint32{}
		for _, g := range s.Groups {
			sizes, all = append(sizes, len(g)), append(all, g...)
		}
		if diff := cmp.Diff(c.sizes, sizes); diff != "" {
			t.Errorf("%d in %d: (-want +got)\n%s", c.validators, c.cores, diff)
		}
		slices.Sort(all)
		for i, v := range all {
			if uint32(i) != v || c.cores > 0 && len(all) != int(c.validators) {
				t.Fatalf("not everybody is in one group: %v", s.Groups)
			}
		}
	}
}

// The order is consensus: a change of it, by whatever new version of anything, splits the chain.
func TestTheShuffleOfASeedIsTheSameForEver(t *testing.T) {
	s := begin(Params{ThreadCores: 3}, 8)
	if diff := cmp.Diff([][]uint32{{4, 2, 5}, {0, 1, 3}, {6, 7}}, s.Groups); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAGroupStandsAtTheNextCoreAfterEachRotation(t *testing.T) {
	s := Begin(nil, Session{
		Params: Params{RotationFrequency: 10}, Start: 100, Validators: 3, Parachains: []uint32{1, 2, 3},
	})
	for _, c := range []struct {
		height      uint64
		core, group uint32
	}{{100, 0, 0}, {109, 2, 2}, {110, 0, 1}, {110, 2, 0}, {129, 0, 2}, {130, 0, 0}} {
		group, _ := s.GroupForCore(c.core, c.height)
		core, _ := s.CoreForGroup(c.group, c.height)
		if group != c.group || core != c.core || s.CoreStates(c.height)[c.core].Group != c.group {
			t.Errorf("at %d: group %d for core %d, core %d for group %d", c.height, group, c.core, core, c.group)
		}
	}
	backs(t, s, 110, 0)
	if o := s.CoreStates(120)[0].Occupied; o.Group != 1 {
		t.Errorf("group %d has backed what is on core 0, and another one stands there now", o.Group)
	}
	_, none := s.GroupForCore(3, 100)
	_, nowhere := s.CoreForGroup(3, 100)
	if none || nowhere {
		t.Error("there are three cores and groups")
	}
	for group, members := range s.Groups {
		if g, ok := s.GroupOf(members[0]); !ok || int(g) != group {
			t.Errorf("validator %d is in group %d", members[0], g)
		}
	}
	if _, ok := s.GroupOf(3); ok {
		t.Error("nobody is in a group")
	}
}

func TestThereAreNoMoreCoresThanABitfieldHasBits(t *testing.T) {
	many := make([]uint32, MaxCores+5)
	for i := range many {
		many[i] = uint32(i)
	}
	if s := begin(Params{ThreadCores: 9}, 4, many...); len(s.Cores) != MaxCores || s.threads() != 0 {
		t.Errorf("%d cores", len(s.Cores))
	}
	if s := begin(Params{ThreadCores: math.MaxUint32}, 4, 1); len(s.Cores) != MaxCores {
		t.Errorf("%d cores", len(s.Cores))
	}
}

func TestACandidateForACoreThatHasNoRoomForItChangesNothing(t *testing.T) {
	s := begin(Params{ThreadCores: 2, Lookahead: 1, ChainPeriod: 9}, 4, 7, 8)
	backs(t, s, 1, 0)
	if err := s.Claim(9, primitives.Hash{}); err != nil {
		t.Fatal(err)
	}
	before := s.Clone()
	for name, b := range map[string][]Backing{
		"no such core":    {{Core: 4}},
		"occupied":        {{Core: 0}},
		"nobody's":        {{Core: 3}},
		"twice":           {{Core: 1}, {Core: 1}},
		"in wrong order":  {{Core: 2}, {Core: 1}},
		"the second only": {{Core: 1}, {Core: 3}},
	} {
		if s.Close(2, b) == nil {
			t.Errorf("%s: no error", name)
		}
		if diff := cmp.Diff(before, s); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestOfAParaThereIsOneClaimAndInAllThoseThatLookaheadAllows(t *testing.T) {
	s := begin(Params{ThreadCores: 2, Lookahead: 2, ThreadRetries: 9, ThreadPeriod: 9}, 4, 7)
	want := func(para uint32, want error) {
		t.Helper()
		if err := s.Claim(para, hash("collator")); !errors.Is(err, want) {
			t.Errorf("para %d: %v, not %v", para, err, want)
		}
	}
	want(7, ErrParachain)
	for para := uint32(11); para <= 14; para++ {
		want(para, nil)
	}
	want(11, ErrClaimed)
	want(15, ErrFull)
	backs(t, s, 1, 1)
	want(11, ErrClaimed) // it is on a core
	want(15, nil)        // in the place of that one
	want(16, ErrFull)
	s.Open(2, say(s, 3, 1))
	s.Queue = s.Queue[1:]
	want(11, nil) // it has been included
	if err := begin(Params{Lookahead: 9}, 4, 7).Claim(1, hash("collator")); !errors.Is(err, ErrNoThreads) {
		t.Errorf("without thread cores: %v", err)
	}
}

func TestARetryIsCountedOnlyIfAClaimWasScheduledAndNotOccupied(t *testing.T) {
	s := begin(Params{ThreadCores: 1, Lookahead: 3, ThreadRetries: 1, ThreadPeriod: 1}, 4)
	for para := uint32(1); para <= 3; para++ {
		if err := s.Claim(para, primitives.Hash{}); err != nil {
			t.Fatal(err)
		}
	}
	queue := func(height uint64, want ...Claim) {
		t.Helper()
		if diff := cmp.Diff(want, s.Queue); diff != "" {
			t.Fatalf("after %d: (-want +got)\n%s", height, diff)
		}
	}
	claim := func(para, retries uint32) Claim { return Claim{Assignment: Assignment{Para: para}, Retries: retries} }
	backs(t, s, 1) // 1 isn't used; 2 and 3 weren't scheduled
	queue(1, claim(2, 0), claim(3, 0), claim(1, 1))
	backs(t, s, 2, 0) // 2 is
	queue(2, claim(3, 0), claim(1, 1))
	if st := s.CoreStates(3)[0].Occupied; st.OnAvailable.Para != 3 || st.OnTimeOut.Para != 3 || st.Para != 2 {
		t.Errorf("%+v", st)
	}
	s.Open(3, nil) // 2 times out without a retry, and 3 could be there already
	backs(t, s, 3, 0)
	queue(3, claim(1, 1), claim(2, 0))
	s.Open(4, nil)
	backs(t, s, 4) // 1 has had its chances
	queue(4, claim(2, 0), claim(3, 0))
}

func TestAClaimThatTimesOutIsNextWhenNobodyElseWaits(t *testing.T) {
	s := begin(Params{ThreadCores: 1, Lookahead: 1, ThreadPeriod: 2}, 4)
	if err := s.Claim(5, hash("collator")); err != nil {
		t.Fatal(err)
	}
	if st := s.CoreStates(1)[0]; st.Scheduled.Para != 5 || st.Scheduled.Collator != hash("collator") {
		t.Errorf("%+v", st)
	}
	backs(t, s, 1, 0)
	if st := s.CoreStates(2)[0].Occupied; st.OnAvailable != nil || st.OnTimeOut.Para != 5 {
		t.Errorf("%+v", st)
	}
	s.Open(3, nil)
	if st := s.CoreStates(3)[0]; st.Scheduled.Para != 5 {
		t.Errorf("%+v", st)
	}
}

func TestClaimsOutliveASessionUnlessTheyAreOfNoUse(t *testing.T) {
	s := begin(Params{ThreadCores: 2, Lookahead: 3, ThreadPeriod: 9, ThreadRetries: 5}, 4)
	for para := uint32(1); para <= 6; para++ {
		if err := s.Claim(para, primitives.Hash{}); err != nil {
			t.Fatal(err)
		}
	}
	backs(t, s, 1, 1) // 2 is on a core, 1 was scheduled and not used
	params := Params{ThreadCores: 2, Lookahead: 2}
	next := Begin(s, Session{Params: params, Start: 2, Validators: 4, Parachains: []uint32{4}})
	want := []Claim{
		{Assignment: Assignment{Para: 2}, Lane: 0}, {Assignment: Assignment{Para: 3}, Lane: 1},
		{Assignment: Assignment{Para: 5}, Lane: 0}, {Assignment: Assignment{Para: 6}, Lane: 1},
	}
	if diff := cmp.Diff(want, next.Queue); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if none := Begin(next, Session{Start: 3, Validators: 4}); len(none.Queue) != 0 {
		t.Errorf("without thread cores: %v", none.Queue)
	}
}
