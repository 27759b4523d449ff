package snowball

import "testing"

// The story of thirteen, of whom three lie: seven honest ones prefer a block, and the liars say the same to one of them
// only, who is about to decide with ten votes. The others see their block ahead, eight to five, and no decision for
// long. If they went over to the other block at once, that one would decide for a block which nobody else prefers any
// more.
func deadlocked(t *testing.T) (Parameters, *Flake, func(own, low, claims int)) {
	t.Helper()
	p, f := For(13), &Flake{}
	own, low := opt(1), opt(0)
	f.Add(own)
	f.Add(low)
	poll := func(ownVotes, lowVotes, claims int) {
		f.Record(&p, []Tally{{Choice: own, Votes: ownVotes, Claims: claims}, {Choice: low, Votes: lowVotes}}, false)
	}
	for polls := 0; !f.Wavers(); polls++ {
		if f.Preference() != own {
			t.Fatal("it went over to the other block while it still voted for its own")
		}
		if polls > 2*p.Beta {
			t.Fatal("it stands still for ever")
		}
		poll(8, 5, 0)
	}
	return p, f, poll
}

func TestWhoGivesUpAMajorityFirstVotesForNothing(t *testing.T) {
	p, f, poll := deadlocked(t)
	for polls := 1; f.Preference() == opt(1); polls++ {
		if !f.Wavers() {
			t.Fatal("it votes for its own block again, and nothing has spoken for that")
		}
		if polls > 3*p.Beta {
			t.Fatal("it wavers for ever")
		}
		poll(7, 5, 0)
	}
	if f.Wavers() || f.Preference() != opt(0) {
		t.Errorf("it wavers: %v, and prefers %s", f.Wavers(), f.Preference().Short())
	}
}

func TestWhoWaversStaysWhenSomebodyHasDecided(t *testing.T) {
	_, f, poll := deadlocked(t)
	poll(7, 5, 0)
	poll(7, 5, 1)
	if f.Wavers() || f.Preference() != opt(1) {
		t.Errorf("one has accepted its block: it wavers %v and prefers %s", f.Wavers(), f.Preference().Short())
	}
}

func TestWhoWaversStaysWhenEnoughOthersDo(t *testing.T) {
	_, f, poll := deadlocked(t)
	poll(10, 3, 0)
	if f.Wavers() || f.Preference() != opt(1) || f.Confidence() != 1 {
		t.Errorf("it wavers: %v, prefers %s, confidence %d", f.Wavers(), f.Preference().Short(), f.Confidence())
	}
}

func TestWhoWaversFollowsAMajorityAtOnce(t *testing.T) {
	_, f, poll := deadlocked(t)
	poll(5, 7, 0)
	if f.Wavers() || f.Preference() != opt(0) {
		t.Errorf("it wavers: %v, prefers %s", f.Wavers(), f.Preference().Short())
	}
}
