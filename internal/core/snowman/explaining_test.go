package snowman

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// decided is a network that has decided a height, and its first node.
func decided(t *testing.T) (*simnet, *simnode) {
	t.Helper()
	n := newSimnet(1, equal(4), nil)
	n.run(3*time.Second, nil)
	n.offer()
	n.check(t, 1, n.run(n.now+time.Second, func() bool { return n.agree(1) }))
	n.run(n.now+100*time.Millisecond, nil) // the last votes come, too
	return n, n.nodes[0]
}

func TestAHeightIsRememberedWithItsBlockVotesAndCertificate(t *testing.T) {
	n, s := decided(t)
	h, b := s.core.Remembered(1), s.committed[0]
	if h == nil || len(h.Blocks) != 1 || h.Blocks[0].ID != b.ID() || h.Certificate == nil ||
		h.Certificate.Block != b.ID() {
		t.Fatalf("%+v", h)
	}
	times := h.Blocks[0]
	if times.Issued.Before(times.Came) || h.Decided.Before(times.Came) || h.Durable.Before(h.Decided) {
		t.Errorf("came %v, issued %v, decided %v, durable %v", times.Came, times.Issued, h.Decided, h.Durable)
	}
	votes := map[int]int{}
	for _, v := range h.Votes() {
		votes[v.Validator]++
		if v.Block != b.ID() || v.Late != v.At.After(h.Decided) {
			t.Errorf("%s at %v, decided %v", v.Vote, v.At, h.Decided)
		}
	}
	for i := range n.nodes {
		if votes[i] != 2 {
			t.Errorf("%d votes of validator %d", votes[i], i)
		}
	}
	if state, height := s.core.StateOf(b.ID()); state != Decided || height != 1 {
		t.Errorf("state %d at height %d", state, height)
	}
	if state, height := s.core.StateOf(primitives.Hash{9}); state != Unknown || height != 0 {
		t.Errorf("an unknown block has state %d at height %d", state, height)
	}
	absences, of := s.core.Absences()
	for i, missing := range absences {
		for height := range s.committed {
			if !signs(s.core.Remembered(uint64(height+1)).Certificate, i) {
				missing--
			}
		}
		if missing != 0 || of != len(s.committed) {
			t.Errorf("validator %d: %d absences are too many, of %d certificates", i, missing, of)
		}
	}
}

func signs(p *finality.Proof, validator int) bool {
	for _, v := range p.Votes {
		if v.Validator == validator {
			return true
		}
	}
	return false
}

func TestItIsKnownWhoseVotesAreMissing(t *testing.T) {
	n, s := decided(t)
	next := uint64(len(s.committed)) + 1
	if at := s.core.Standing(); at == nil || at.Height != next || at.Begun || len(at.Silent) != 0 {
		t.Fatalf("an idle chain: %+v", at)
	}
	n.cut = func(a, b int) bool { return (a < 2) != (b < 2) } // and nobody has noticed yet
	n.offer()
	n.run(n.now+time.Second, nil)
	at := s.core.Standing()
	if at == nil || at.Height != next || !at.Begun || len(at.Silent) != 2 || at.Silent[0] != 2 || at.Silent[1] != 3 {
		t.Errorf("%+v", at)
	}
	n.cut = nil
	n.check(t, 1, n.run(n.now+20*time.Second, func() bool { return uint64(len(s.committed)) >= next }))
}

// accusations counts what is said of a validator's votes.
func accusations(actions []Action) (count int) {
	for _, a := range actions {
		if _, ok := a.(Accuse); ok {
			count++
		}
	}
	return count
}

// Whoever votes twice may have shown the other vote to somebody else, in time.
func TestAVoteThatComesTooLateStillShowsThatThereAreTwo(t *testing.T) {
	n, s := decided(t)
	liar := n.nodes[3]
	other := finality.Vote{Validator: 3, Phase: finality.Commit, Block: primitives.Hash{'x'}}
	say := func(height uint64, v finality.Signed) []Action {
		return s.core.Step(n.clock(), Votes{Node: n.nodes[1].id, Height: height, Votes: []finality.Signed{v}})
	}
	forged := signVote(1, other)
	forged.Signature[0]++
	out := say(1, forged)
	if len(out) != 1 || out[0].(Report).Cost != costForged {
		t.Fatalf("a forged one: %v", out)
	}
	n.run(n.now+2*muteTime, nil)
	if count := accusations(say(1, signVote(1, other))); count != 1 {
		t.Fatalf("%d accusations", count)
	}
	other.Block[0]++
	if count := accusations(say(1, signVote(1, other))); count != 0 {
		t.Error("it is accused again")
	}
	same := finality.Vote{Validator: 2, Phase: finality.Commit, Block: s.committed[0].ID()}
	if out := say(1, signVote(1, same)); accusations(out) != 0 {
		t.Errorf("who voted once: %v", out)
	}
	if liar.core == nil {
		t.Error("the network ended")
	}
}
