package snowman

import (
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/pause"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
)

// doubting is issuing with room for many blocks, and doubts.
func doubting(t *testing.T) *issuing {
	s := testIssuing(t)
	s.places, s.doubts = newPlaces(256, 5), make(doubts)
	s.building.doubts = s.doubts
	return s
}

// by is a block on another one by a validator, in the first slot that is that validator's.
func (s *issuing) by(t *testing.T, who uint32, parent Anchor, text string) *block.Block {
	t.Helper()
	h := block.Header{Height: parent.Height + 1, Parent: parent.ID, Proposer: who}
	for s.building.proposers(h.Height)[h.Slot] != int(who) {
		h.Slot++
	}
	h.Time = proposer.Earliest(parent.Time, h.Slot)
	b, err := block.New(testChain, h, block.Body(nil, []byte(text)), make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// shown is what the VM has been shown since the last time.
func (s *issuing) shown() (list []Verify) {
	for _, a := range s.took() {
		if v, ok := a.(Verify); ok {
			list = append(list, v)
		}
	}
	return list
}

func (s *issuing) failed(b *block.Block) { s.unjudged(Unjudged{ID: b.ID(), Why: "the VM died"}) }

func TestABlockThatCantBeJudgedHoldsUpNothing(t *testing.T) {
	s := doubting(t)
	deadly := s.by(t, 1, s.tip(), "deadly")
	above := s.by(t, 2, anchorOf(deadly), "above")
	beside := s.by(t, 3, s.tip(), "beside")
	for _, b := range []*block.Block{deadly, above} {
		s.receive(b, node(4), true)
	}
	s.took()
	if s.failed(deadly); s.tree.Knows(deadly.ID()) || s.pool.atVM != 0 {
		t.Fatal("it is issued, or has its place at the VM still")
	}
	v := &votes{tree: s.tree, pool: s.pool, accepted: s.accepted}
	for _, b := range []*block.Block{deadly, above} {
		if got, ok := v.resolve(b.ID()); !ok || got != deadly.Parent {
			t.Errorf("a vote for height %d counts for %s", b.Height, got.Short())
		}
	}
	if s.look(deadly.ID(), node(2)); len(s.took()) != 0 {
		t.Error("it is asked for or verified again at once")
	}
	s.receive(deadly, node(2), true)
	s.receive(beside, node(4), true)
	if out := s.took(); len(out) != 1 || !verifies(out, beside) {
		t.Fatalf("then comes another one: %v", out)
	}
	if s.verified(beside.ID()) == nil {
		t.Error("the other one isn't issued")
	}
}

func TestABlockThatCantBeJudgedIsShownToTheVMAgainEverMoreSeldom(t *testing.T) {
	s := doubting(t)
	b := s.by(t, 1, s.tip(), "deadly")
	s.receive(b, node(1), true)
	since := s.now
	pauses := []time.Duration{pause.Least, time.Second, 4 * time.Second, 16 * time.Second, pause.Most, pause.Most}
	for _, pause := range pauses {
		s.took()
		s.failed(b)
		at, waits := s.future.next()
		if !waits || at.Sub(s.now) != pause {
			t.Fatalf("it waits %v for %v, want %v", waits, at.Sub(s.now), pause)
		}
		s.after(pause - time.Millisecond)
		s.advanceAll()
		if s.open(); len(s.took()) != 0 {
			t.Fatal("it is verified before its time")
		}
		s.after(time.Millisecond)
		s.open()
		if out := s.took(); len(out) != 1 || out[0] != (Verify{Block: b, Doubted: true}) {
			t.Fatalf("after %v: %v", pause, out)
		}
	}
	want := []Doubt{{Block: b.ID(), Height: b.Height, Proposer: 1, Since: since, Why: "the VM died"}}
	if list := s.doubts.list(s.pool); !slices.Equal(list, want) {
		t.Errorf("it says %v", list)
	}
	if s.verified(b.ID()) == nil || len(s.doubts.list(s.pool)) != 0 || s.doubts.of(1) {
		t.Error("in the end it is judged, and the doubt stays")
	}
}

func TestWhatTheVMTookCountsInThePauseAndItsOwnWordMore(t *testing.T) {
	for what, c := range map[string]struct {
		in   Unjudged
		want time.Duration
	}{
		"it hung":          {Unjudged{Took: 10 * time.Second}, doubtShare * 10 * time.Second},
		"it hung for long": {Unjudged{Took: time.Hour}, pause.Most},
		"it says when": {Unjudged{Took: time.Second, After: 30 * time.Millisecond},
			30 * time.Millisecond},
		"it says when, far too late":  {Unjudged{After: time.Hour}, pause.Most},
		"it died before it could say": {Unjudged{}, pause.Least},
	} {
		s := doubting(t)
		b := s.by(t, 1, s.tip(), "deadly")
		s.receive(b, node(1), true)
		c.in.ID = b.ID()
		s.unjudged(c.in)
		if at, _ := s.future.next(); at.Sub(s.now) != c.want {
			t.Errorf("%s: a pause of %v, want %v", what, at.Sub(s.now), c.want)
		}
	}
}

// A validator that knows how to make VMs hang makes one block after another of that kind. They are looked at one at a
// time, and the pauses are theirs together.
func TestAProposerInDoubtIsGivenOneBlockAtATime(t *testing.T) {
	s := doubting(t)
	one, two, three := s.by(t, 1, s.tip(), "one"), s.by(t, 1, s.tip(), "two"), s.by(t, 1, s.tip(), "three")
	s.receive(one, node(1), true)
	s.failed(one)
	s.shown()
	s.receive(two, node(1), true)
	s.receive(three, node(2), true) // whoever sends it
	if out := s.shown(); len(out) != 0 {
		t.Fatalf("the next ones are verified at once: %v", out)
	}
	for _, pause := range []time.Duration{pause.Least, time.Second, 4 * time.Second} {
		s.after(pause)
		s.open()
		out := s.shown()
		if len(out) != 1 || !out[0].Doubted {
			t.Fatalf("after %v: %v", pause, out)
		}
		s.failed(out[0].Block)
		if out := s.shown(); len(out) != 0 {
			t.Fatalf("one failed, and the next is verified at once: %v", out)
		}
	}
	if other := s.by(t, 2, s.tip(), "other"); true {
		s.receive(other, node(2), true)
		if out := s.shown(); len(out) != 1 || out[0] != (Verify{Block: other}) {
			t.Errorf("another proposer's: %v", out)
		}
	}
}

// The block on which a VM has just died isn't the next one of its proposer that the VM sees, if there is another.
func TestTheBlockThatFailedComesAfterItsProposersOthers(t *testing.T) {
	s := doubting(t)
	var blocks []*block.Block
	for i := range 8 {
		blocks = append(blocks, s.by(t, 1, s.tip(), "deadly "+string(rune('a'+i))))
	}
	seen := make(map[primitives.Hash]bool)
	s.receive(blocks[0], node(1), true)
	for i := range blocks {
		v := s.shown()[0].Block
		if seen[v.ID()] {
			t.Fatalf("block %d is a block that the VM has failed on", i)
		}
		seen[v.ID()] = true
		s.failed(v)
		if i == 0 {
			for _, b := range blocks[1:] {
				s.receive(b, node(1), true)
			}
		}
		s.after(pause.Most)
		s.open()
	}
	if !seen[s.shown()[0].Block.ID()] {
		t.Error("all have failed, and none is tried again")
	}
}

// An honest proposer whose block came to nothing through no fault of its own is in doubt until its next one is judged.
func TestDoubtEndsWithAVerdictAlsoAfterTheBlockHasGone(t *testing.T) {
	for what, judge := range map[string]func(*issuing, *block.Block){
		"valid":   func(s *issuing, b *block.Block) { s.verified(b.ID()) },
		"invalid": func(s *issuing, b *block.Block) { s.invalid(b.ID(), "bad") },
	} {
		s := doubting(t)
		b, next := s.by(t, 1, s.tip(), "unlucky"), s.by(t, 1, s.tip(), "next")
		s.receive(b, node(1), true)
		s.failed(b)
		s.lose(s.pool.get(b.ID()))
		if len(s.doubts.list(s.pool)) != 0 || !s.doubts.of(1) {
			t.Errorf("%s: a block that has gone is listed, or its proposer's pause is over", what)
		}
		s.after(pause.Least)
		s.receive(next, node(1), true)
		if judge(s, next); s.doubts.of(1) {
			t.Errorf("%s: the doubt stays", what)
		}
	}
}

func TestWhatIsSetAsideIsDroppedWhenAnotherBlockIsAccepted(t *testing.T) {
	s := doubting(t)
	rival := s.by(t, 1, testRoot, "rival")
	above := s.by(t, 2, anchorOf(rival), "above")
	s.receive(rival, node(1), true)
	s.receive(above, node(2), true)
	s.failed(rival)
	s.decide(t)
	if s.pool.get(rival.ID()) != nil || s.pool.get(above.ID()) != nil || !s.pool.isLost(rival.ID()) {
		t.Error("it is kept")
	}
	s.took()
	s.after(pause.Most)
	if s.open(); len(s.took()) != 0 {
		t.Error("the VM is asked about it all the same")
	}
}

func TestAnAnswerAboutABlockThatIsDecidedLetsItsProposersNextOneGo(t *testing.T) {
	s := doubting(t)
	one, two := s.by(t, 1, s.tip(), "one"), s.by(t, 1, s.tip(), "two")
	s.receive(one, node(1), true)
	s.failed(one)
	s.after(pause.Least)
	s.open()
	s.receive(two, node(1), true)
	s.pool.forget(s.pool.get(one.ID())) // as adopting does
	s.took()
	if s.failed(one); !verifies(s.took(), two) {
		t.Error("it waits for ever")
	}
}

// What this node's own VM builds isn't held back for a block of its that failed: nobody else pays for that.
func TestANewBlockOfItsOwnDoesntWaitForTheOneThatFailed(t *testing.T) {
	s := doubting(t)
	deadly, next := s.by(t, 0, s.tip(), "deadly"), s.by(t, 0, s.tip(), "next")
	s.receive(deadly, node(0), true)
	s.failed(deadly)
	s.took()
	if s.receive(next, node(0), true); !verifies(s.took(), next) {
		t.Error("it waits")
	}
}

// Neither a block that the VM can't judge nor one of this node's own that it can't keeps it from proposing another.
func TestNobodysProposalWaitsForABlockInDoubt(t *testing.T) {
	for what, from := range map[string]int{"another one's": 1, "its own": 0} {
		s := doubting(t)
		b := s.by(t, uint32(from), s.tip(), "deadly")
		s.receive(b, node(from), from == 0)
		s.building.tree, s.building.pool, s.building.roster = s.tree, s.pool, testRoster(t, 5, 1, 2, 3, 4)
		s.building.params.OptimalProcessing, s.building.pending = 16, true
		if s.building.may() {
			t.Errorf("%s: it doesn't wait for the VM's answer", what)
		}
		s.failed(b)
		if !s.building.may() {
			t.Errorf("%s: the VM can't judge it, and it is waited for", what)
		}
		s.after(pause.Least)
		s.open() // the VM looks at it again
		own := s.by(t, 0, s.tip(), "own")
		own.Slot = b.Slot + 1
		if !s.building.may() || s.building.overtaken(own) {
			t.Errorf("%s: it is waited for while the VM looks at it again", what)
		}
	}
}
