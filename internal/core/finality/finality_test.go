package finality

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// The blocks of the tests.
var (
	blockA = primitives.Hash{'A'}
	blockB = primitives.Hash{'B'}
)

// pace is that of the tests; only the played network runs it.
var pace = Pace{
	Choice:  100 * time.Millisecond,
	Prepare: 50 * time.Millisecond,
	Commit:  50 * time.Millisecond,
	Votes:   300 * time.Millisecond,
	Growth:  20 * time.Millisecond,
}

// setOf makes validators of these stakes.
func setOf(t interface{ Fatal(...any) }, stakes ...uint64) *validators.Set {
	var members []validators.Validator
	for i, s := range stakes {
		members = append(members, validators.Validator{Node: primitives.NodeID{byte(i)}, Stake: s})
	}
	set, err := validators.New(members)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// four is validator 0 of four equal ones, which lead in their order: 1 in round 1.
func four(t *testing.T, own ...Signed) *Instance {
	return New(Config{Validators: setOf(t, 1, 1, 1, 1), Self: 0, Order: []int{0, 1, 2, 3}, Own: own, Pace: pace})
}

func signed(validator int, r uint32, p Phase, block primitives.Hash) Signed {
	return Signed{Vote: Vote{Validator: validator, Round: r, Phase: p, Block: block}}
}

func received(validator int, r uint32, p Phase, block primitives.Hash) Received {
	return Received{Vote: signed(validator, r, p, block)}
}

// feed gives the inputs in turn and returns what follows, in words; votes of its own are recorded at once.
func feed(n *Instance, inputs ...Input) (said []string) {
	for len(inputs) > 0 {
		in := inputs[0]
		inputs = inputs[1:]
		for _, a := range n.Step(in) {
			switch a := a.(type) {
			case Record:
				said = append(said, a.Vote.String())
				inputs = append([]Input{Recorded{Vote: Signed{Vote: a.Vote}}}, inputs...)
			case Decide:
				c := a.Certificate
				said = append(said, fmt.Sprintf("decided %s in round %d by %d", c.Block.Short(), c.Round, len(c.Votes)))
			case Accuse:
				said = append(said, fmt.Sprintf("validator %d signed twice", a.First.Validator))
			case Fetch:
				said = append(said, "fetch "+a.Block.Short())
			case Build:
				said = append(said, fmt.Sprintf("build for round %d", a.Round))
			case Ask:
				said = append(said, fmt.Sprintf("ask for votes of round %d", a.Round))
			}
		}
	}
	return said
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

var (
	shortA = blockA.Short()
	shortB = blockB.Short()
)

func TestAQuietHeightTakesOneRound(t *testing.T) {
	n := four(t)
	want(t, feed(n, Preferred{Block: blockA, Confident: true}), "prepare of "+shortA+" in round 0 by validator 0")
	want(t, feed(n, received(1, 0, Prepare, blockA)))
	want(t, feed(n, received(2, 0, Prepare, blockA)), "commit of "+shortA+" in round 0 by validator 0")
	want(t, feed(n, received(1, 0, Commit, blockA)))
	want(t, feed(n, received(3, 0, Commit, blockA)), "decided "+shortA+" in round 0 by 3")
	want(t, feed(n, received(2, 0, Commit, blockA)))
}

func TestAnIdleChainVotesForNothingAndRunsNoTimer(t *testing.T) {
	n := four(t)
	if a := n.Begin(); len(a) > 0 {
		t.Error(a)
	}
	if a := n.Step(received(1, 0, Prepare, blockA)); len(a) != 1 { // one voter of four may be a liar
		t.Error(a)
	} else if _, ok := a[0].(Fetch); !ok {
		t.Error(a)
	}
	if !startsTimer(n.Step(received(2, 0, Prepare, blockA)), ForChoice) {
		t.Error("more than a third voted, and the height doesn't begin")
	}
}

func startsTimer(actions []Action, w Wait) bool {
	for _, a := range actions {
		if s, ok := a.(Start); ok && s.Timer.Wait == w {
			return true
		}
	}
	return false
}

func TestItWaitsForAPollBeforeItVotesAndVotesForItsPreferenceWhenThereIsNone(t *testing.T) {
	n := four(t)
	want(t, feed(n, Preferred{Block: blockA}))
	want(
		t,
		feed(n, Timeout{Timer: Timer{Round: 0, Wait: ForChoice}}),
		"prepare of "+shortA+" in round 0 by validator 0",
	)
	want(t, feed(n, Preferred{Block: blockB, Confident: true})) // it has voted
}

func TestAVoteForAnUnknownBlockFetchesItAndItIsVotedForWhenItIsVerified(t *testing.T) {
	n := four(t)
	want(t, feed(n, received(1, 0, Prepare, blockA)), "fetch "+shortA)
	want(t, feed(n, received(2, 0, Prepare, blockA), received(3, 0, Prepare, blockA)))
	want(t, feed(n, Verified{Block: blockA}), "commit of "+shortA+" in round 0 by validator 0")
}

func TestWhoSignsTwoThingsIsAccusedOnceAndCountsOnce(t *testing.T) {
	n := four(t)
	feed(n, Verified{Block: blockA}, Verified{Block: blockB})
	want(t, feed(n, received(1, 0, Prepare, blockA), received(1, 0, Prepare, blockB)), "validator 1 signed twice")
	want(t, feed(n, received(1, 0, Prepare, None), received(1, 0, Prepare, blockA)))
	want(t, feed(n, received(2, 0, Prepare, blockA))) // two of four for A
}

func TestWhoSignedAnotherVoteThanTheOneInAProofIsAccused(t *testing.T) {
	proof := func(p Phase, r uint32) Shown {
		return Shown{Proof: proofOf([]Signed{signed(0, r, p, blockA), signed(1, r, p, blockA),
			signed(2, r, p, blockA)})}
	}
	n := four(t)
	feed(n, Verified{Block: blockA}, Verified{Block: blockB}, received(1, 0, Prepare, blockB),
		received(3, 0, Prepare, blockB))
	want(t, feed(n, proof(Prepare, 0)), "validator 1 signed twice", "commit of "+shortA+" in round 0 by validator 0")
	want(t, feed(n, received(2, 0, Prepare, blockB)), "validator 2 signed twice")

	n = four(t)
	feed(n, Verified{Block: blockA}, received(2, 0, Commit, None))
	want(t, feed(n, proof(Commit, 0)), "validator 2 signed twice", "decided "+shortA+" in round 0 by 3")
}

func TestWithoutAgreementTheNextRoundHasALeader(t *testing.T) {
	n := four(t)
	feed(n, Preferred{Block: blockA, Confident: true}, Verified{Block: blockB})
	feed(n, received(1, 0, Prepare, blockB), received(2, 0, Prepare, blockB))
	want(t, feed(n, Timeout{Timer: Timer{Round: 0, Wait: ForPrepare}}), "commit of nothing in round 0 by validator 0")
	want(t, feed(n, received(1, 0, Commit, None), received(2, 0, Commit, None)))
	if r, _, _ := n.Round(); r != 1 {
		t.Fatalf("in round %d", r)
	}
	want(t, feed(n, received(2, 1, Prepare, blockA))) // 1 leads
	want(t, feed(n, received(1, 1, Prepare, blockB)), "prepare of "+shortB+" in round 1 by validator 0")
}

// Validators 1 to 3 prepared A, and 0 committed to it when it saw that. Then all lost power, and 3 is gone, with its
// vote. Nobody sees a quorum in round 0 again, and 0 has left it.
func TestARoundThatSomeHaveLeftEndsForTheOthers(t *testing.T) {
	waits := func(n *Instance, in Input, w Wait) {
		t.Helper()
		if !startsTimer(n.Step(in), w) {
			t.Errorf("after %+v the wait %d doesn't begin", in, w)
		}
	}
	n := New(Config{Validators: setOf(t, 1, 1, 1, 1), Self: 1, Order: []int{3, 0, 1, 2}, Pace: pace,
		Own: []Signed{signed(1, 0, Prepare, blockA)}})
	n.Begin()
	feed(n, Preferred{Block: blockA, Confident: true}, received(2, 0, Prepare, blockA))
	waits(n, received(0, 0, Commit, blockA), ForPrepare)
	want(t, feed(n, Timeout{Timer: Timer{Round: 0, Wait: ForPrepare}}), "commit of nothing in round 0 by validator 1")
	waits(n, received(2, 0, Commit, None), ForCommit)
	feed(n, Timeout{Timer: Timer{Round: 0, Wait: ForCommit}})
	want(t, feed(n, received(0, 1, Prepare, blockA)), "prepare of "+shortA+" in round 1 by validator 1") // 0 leads
	want(t, feed(n, received(2, 1, Prepare, blockA)), "commit of "+shortA+" in round 1 by validator 1")
}

// In round 1, too, who has gone on from a place counts there.
func TestWhoIsInALaterRoundHasLeftTheOnesBefore(t *testing.T) {
	n := four(t)
	feed(n, Preferred{Block: blockA, Confident: true}, received(1, 0, Prepare, blockB), received(2, 0, Prepare, None))
	feed(n, Timeout{Timer: Timer{Round: 0, Wait: ForPrepare}}, received(1, 0, Commit, None))
	if !startsTimer(n.Step(received(3, 1, Prepare, blockB)), ForCommit) {
		t.Error("it waits for a vote that doesn't come")
	}
}

// locked returns a node that has committed to A in round 0 and is in round 1.
func locked(t *testing.T) *Instance {
	n := four(t)
	feed(n, Preferred{Block: blockA, Confident: true}, Verified{Block: blockB})
	want(
		t,
		feed(n, received(1, 0, Prepare, blockA), received(2, 0, Prepare, blockA)),
		"commit of "+shortA+" in round 0 by validator 0",
	)
	feed(n, received(1, 0, Commit, None), received(2, 0, Commit, None))
	feed(n, Timeout{Timer: Timer{Round: 0, Wait: ForCommit}})
	if r, l, _ := n.Round(); r != 1 || l != blockA {
		t.Fatalf("in round %d, locked on %s", r, l.Short())
	}
	return n
}

func TestALockedNodeVotesForNothingElseWithoutAQuorumForIt(t *testing.T) {
	n := locked(t)
	want(t, feed(n, received(1, 1, Prepare, blockB)))
	want(
		t,
		feed(n, Timeout{Timer: Timer{Round: 1, Wait: ForChoice}}),
		"prepare of "+shortA+" in round 1 by validator 0",
	)
}

func TestAQuorumOfALaterRoundOpensALock(t *testing.T) {
	n := locked(t)
	feed(n, Timeout{Timer: Timer{Round: 1, Wait: ForChoice}})
	feed(
		n,
		received(1, 1, Prepare, blockB),
		received(2, 1, Prepare, None),
		Timeout{Timer: Timer{Round: 1, Wait: ForPrepare}},
	)
	feed(n, received(1, 1, Commit, None), received(2, 1, Commit, None))
	if r, l, _ := n.Round(); r != 2 || l != blockA {
		t.Fatalf("in round %d, locked on %s", r, l.Short())
	}
	want(t, feed(n, received(2, 2, Prepare, blockB))) // its leader, and nothing to show
	want(t, feed(n, received(2, 1, Prepare, blockB)), "validator 2 signed twice")
	want(t, feed(n, received(3, 1, Prepare, blockB))) // one vote short: 2's first counts
	n = locked(t)
	feed(
		n,
		Timeout{Timer: Timer{Round: 1, Wait: ForChoice}},
		received(1, 1, Commit, None),
		received(2, 1, Commit, None),
	)
	feed(
		n,
		received(1, 1, Prepare, blockB),
		received(2, 1, Prepare, blockB),
		Timeout{Timer: Timer{Round: 1, Wait: ForPrepare}},
	)
	feed(n, received(3, 1, Commit, None))
	want(t, feed(n, received(2, 2, Prepare, blockB)))
	want(t, feed(n, received(3, 1, Prepare, blockB)), "prepare of "+shortB+" in round 2 by validator 0")
}

func TestMoreThanAThirdInALaterRoundTakesItThere(t *testing.T) {
	n := four(t)
	feed(n, Verified{Block: blockA})
	want(t, feed(n, received(1, 5, Prepare, blockA)))
	if r, _, _ := n.Round(); r != 0 {
		t.Fatalf("one voter took it to round %d", r)
	}
	want(t, feed(n, received(2, 7, Commit, None), Timeout{Timer: Timer{Round: 0, Wait: ForChoice}}),
		"prepare of "+shortA+" in round 5 by validator 0") // 1 leads it
	if r, _, _ := n.Round(); r != 5 {
		t.Fatalf("in round %d", r)
	}
}

func TestACertificateOfAnyRoundDecides(t *testing.T) {
	n := four(t)
	feed(n, Verified{Block: blockA}, received(1, 3, Commit, blockA), received(2, 5, Prepare, None))
	if r, _, _ := n.Round(); r != 3 {
		t.Fatalf("in round %d", r)
	}
	feed(n, received(3, 5, Prepare, None))
	want(
		t,
		feed(n, received(2, 3, Commit, blockA), received(3, 3, Commit, blockA)),
		"decided "+shortA+" in round 3 by 3",
	)
}

// After a crash a node has what its keystore wrote down.
func TestANodeThatStartsAgainKeepsItsVotesAndItsLock(t *testing.T) {
	n := four(t, signed(0, 0, Prepare, blockA), signed(0, 0, Commit, blockA), signed(0, 1, Prepare, None))
	actions := n.Begin()
	if r, l, v := n.Round(); r != 1 || l != blockA || v != blockA {
		t.Fatalf("in round %d, locked on %s, valid %s", r, l.Short(), v.Short())
	}
	if want := (Fetch{Block: blockA, By: byLock}); len(actions) == 0 || actions[0] != want {
		t.Errorf("it doesn't ask for the block that it is locked on: %v", actions)
	}
	feed(n, Verified{Block: blockA}, Verified{Block: blockB})
	// it has voted in round 1
	want(t, feed(n, received(1, 1, Prepare, blockB), Timeout{Timer: Timer{Round: 1, Wait: ForChoice}}))
}

func TestALeaderProposesWhatAQuorumPreparedElseItsPreferenceElseItBuilds(t *testing.T) {
	lead := func(before ...Input) []string {
		n := New(Config{Validators: setOf(t, 1, 1, 1, 1), Self: 1, Order: []int{0, 1, 2, 3}, Pace: pace})
		feed(n, before...)
		feed(n, Timeout{Timer: Timer{Round: 0, Wait: ForChoice}}, Timeout{Timer: Timer{Round: 0, Wait: ForPrepare}})
		return feed(n, received(0, 0, Commit, None), received(2, 0, Commit, None), received(3, 0, Commit, None))
	}
	want(
		t,
		lead(
			Verified{Block: blockA},
			Preferred{Block: blockB},
			received(0, 0, Prepare, blockA),
			received(2, 0, Prepare, blockA),
			Timeout{
				Timer: Timer{Round: 0, Wait: ForChoice},
			},
			Timeout{Timer: Timer{Round: 0, Wait: ForPrepare}},
			received(3, 0, Prepare, blockA),
		),
		"prepare of "+shortA+" in round 1 by validator 1",
	)
	want(t, lead(Preferred{Block: blockB}), "prepare of "+shortB+" in round 1 by validator 1")
	want(t, lead(Verified{Block: blockA}), "build for round 1")
}

// A quorum has prepared a block, and all of them have lost it in a power cut: its bytes are nowhere any more.
func TestWhatWasOnlyPreparedAndIsNowhereAnyMoreHoldsNothingUp(t *testing.T) {
	n := New(Config{
		Validators: setOf(t, 1, 1, 1, 1), Self: 1, Order: []int{0, 1, 2, 3}, Pace: pace,
		Own: []Signed{signed(1, 0, Prepare, blockA)},
	})
	n.Begin()
	want(t, feed(n, received(0, 0, Prepare, blockA)), "fetch "+shortA)
	want(t, feed(n, received(2, 0, Prepare, blockA), Timeout{Timer: Timer{Round: 0, Wait: ForPrepare}}),
		"commit of nothing in round 0 by validator 1")
	want(t, feed(n, received(0, 0, Commit, None), received(2, 0, Commit, None)), "build for round 1")
	want(t, feed(n, Preferred{Block: blockB}), "prepare of "+shortB+" in round 1 by validator 1")
}

// Who is locked on the lost block proposes nothing else: others may have decided it.
func TestALockOnABlockThatIsntHereIsALock(t *testing.T) {
	n := New(Config{
		Validators: setOf(t, 1, 1, 1, 1), Self: 1, Order: []int{0, 1, 2, 3}, Pace: pace,
		Own: []Signed{signed(1, 0, Commit, blockA)},
	})
	n.Begin()
	want(t, feed(n, Preferred{Block: blockB}, received(0, 0, Commit, None), received(2, 0, Commit, None),
		Timeout{Timer: Timer{Round: 0, Wait: ForCommit}}))
	if r, l, _ := n.Round(); r != 1 || l != blockA {
		t.Fatalf("in round %d, locked on %s", r, l.Short())
	}
	want(t, feed(n, Verified{Block: blockA}), "prepare of "+shortA+" in round 1 by validator 1")
}

func TestOneValidatorDecidesAlone(t *testing.T) {
	n := New(Config{Validators: setOf(t, 7), Self: 0, Order: []int{0}, Pace: pace})
	want(t, feed(n, Preferred{Block: blockA, Confident: true}), "prepare of "+shortA+" in round 0 by validator 0",
		"commit of "+shortA+" in round 0 by validator 0", "decided "+shortA+" in round 0 by 1")
}

func TestQuorumsOfAnyStake(t *testing.T) {
	for total := uint64(1); total < 200; total++ {
		q, third := Quorum(total), Third(total)
		if 3*q <= 2*total || 3*(q-1) > 2*total || 3*third <= total || 3*(third-1) > total || q > total {
			t.Errorf("of %d: quorum %d, third %d", total, q, third)
		}
		if 2*q-total < third {
			t.Errorf("of %d: two quorums of %d share less than a third", total, q)
		}
	}
	if q := Quorum(1<<64 - 1); q != 12297829382473034411 {
		t.Errorf("of all 64 bits: %d", q)
	}
}

func TestWhatOneValidatorMakesItKeepIsBounded(t *testing.T) {
	n := four(t)
	for r := range uint32(100_000) {
		for _, p := range []Phase{Prepare, Commit} {
			n.Step(received(1, r*7, p, primitives.Hash{byte(r), byte(r >> 8), byte(r >> 16), 1}))
		}
	}
	if votes, blocks := n.Kept(); votes > 2*(keepAhead+1) || blocks > 1 {
		t.Errorf("it keeps %d votes and waits for %d blocks", votes, blocks)
	}
}

// A liar goes through all rounds with this node, and votes for another block in each phase of each.
func TestTheBlocksThatOneValidatorNamesKeepNobodyElsesFromBeingAskedFor(t *testing.T) {
	n := four(t)
	feed(n, received(2, 0, Prepare, blockB))
	for r := range uint32(200) {
		n.Step(received(1, r, Prepare, primitives.Hash{byte(r), 1}))
		n.Step(received(1, r, Commit, primitives.Hash{byte(r), 2}))
		n.enter(r + 1)
	}
	asked := map[int]int{}
	for _, a := range n.Step(Timeout{Timer: Timer{Round: 200, Wait: ForVotes}}) {
		if f, ok := a.(Fetch); ok {
			asked[f.By]++
		}
	}
	if asked[1] != 1 || asked[2] != 1 {
		t.Errorf("asked for, by validator: %v", asked)
	}
	votes, blocks := n.Kept()
	if mostVotes, mostBlocks := MostKept(4); votes > mostVotes || blocks > mostBlocks || len(n.started) > 3 {
		t.Errorf("%d votes, %d blocks and %d timers are kept", votes, blocks, len(n.started))
	}
}

func TestAVoteForNothingDoesntMakeABlockUnwanted(t *testing.T) {
	n := four(t)
	feed(n, received(1, 0, Prepare, blockA), received(1, 1, Prepare, None))
	want(t, feed(n, Timeout{Timer: Timer{Round: 0, Wait: ForVotes}}), "ask for votes of round 0", "fetch "+shortA)
}
