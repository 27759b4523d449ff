package addrbook

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

var start = time.Unix(1000, 0)

func id(n int) primitives.NodeID { return primitives.NodeID{byte(n >> 8), byte(n)} }

func book(self int) *Book { return New(id(self), rand.New(rand.NewPCG(1, 2))) }

func anyone(primitives.NodeID, bool) bool { return true }

func TestTheSmallerIdCallsAtOnce(t *testing.T) {
	b := book(5)
	b.Keep(id(3), []string{"/ip4/127.0.0.1/tcp/3"}, start)
	b.Keep(id(8), []string{"/ip4/127.0.0.1/tcp/8"}, start)
	if due := b.Due(start, 10, anyone); len(due) != 1 || due[0].Node != id(8) {
		t.Fatalf("due at once: %v", due)
	}
	if due := b.Due(start.Add(time.Second), 10, anyone); len(due) != 1 || due[0].Node != id(3) {
		t.Fatalf("due a second later: %v", due)
	}
}

func TestPausesGrowAndEndWithSuccess(t *testing.T) {
	b := book(1)
	b.Keep(id(2), []string{"a"}, start)
	now, last := start, time.Duration(0)
	for range 12 {
		b.Lost(id(2), now)
		next, ok := b.Next()
		if !ok || next.Sub(now) > longest*3/2 || next.Sub(now) < last/4 {
			t.Fatalf("pause %v after %v", next.Sub(now), last)
		}
		last, now = next.Sub(now), next
		if due := b.Due(now, 1, anyone); len(due) != 1 {
			t.Fatal("not due when the pause is over")
		}
	}
	b.Connected(id(2))
	b.Proven(id(2), "")
	if _, ok := b.Next(); ok {
		t.Fatal("a connected node is due")
	}
	b.Lost(id(2), now)
	if next, _ := b.Next(); next.Sub(now) > shortest*3/2 {
		t.Fatalf("the first pause after a success is %v", next.Sub(now))
	}
}

// by is a teller of its own for each number.
func by(n int) Teller { return Teller{Name: fmt.Sprint(n)} }

func TestWhatPeersTellIsBounded(t *testing.T) {
	b := book(1)
	for i := range 3 * maxLearned {
		b.Learn(id(i+10), []string{"a"}, by(i), start)
	}
	if len(b.nodes) != maxLearned {
		t.Fatalf("%d nodes were learned", len(b.nodes))
	}
	for i := range 50 {
		b.Learn(id(10), []string{fmt.Sprint("address ", i)}, by(i), start)
	}
	if n := len(b.nodes[id(10)].places); n != MaxAddresses {
		t.Fatalf("%d addresses of one node", n)
	}
	for name, at := range map[string][]string{
		"none": nil, "too many": make([]string, MaxAddresses+1), "a long one": {strings.Repeat("x", MaxAddressLen+1)},
	} {
		b := book(1)
		if b.Learn(id(2), at, by(1), start); len(b.nodes) != 0 {
			t.Errorf("%s: learned", name)
		}
	}
	b.Learn(id(1), []string{"myself"}, by(1), start)
	if b.Knows(id(1)) {
		t.Error("the node learned its own address from a peer")
	}
}

func TestOneTellerFillsItsOwnAccountOnly(t *testing.T) {
	b := book(1)
	for i := range 500 {
		b.Learn(id(i+10), []string{"a", "b"}, by(1), start)
	}
	if told := b.tellers["1"].told; told != maxTold || len(b.nodes) != maxTold/2 {
		t.Fatalf("one teller has %d addresses of %d nodes in the book", told, len(b.nodes))
	}
	if b.Learn(id(9), []string{"c"}, by(2), start); !b.Knows(id(9)) {
		t.Error("another one finds no room")
	}
	b.Answered(id(10), "a")
	if told := b.tellers["1"].told; told != maxTold-1 {
		t.Errorf("what was true still counts: %d", told)
	}
	for n := range 2 * maxTellers {
		b.Learn(id(10), []string{fmt.Sprint(n)}, by(n), start)
	}
	if len(b.tellers) > maxTellers {
		t.Errorf("%d tellers are remembered", len(b.tellers))
	}
}

func TestOneTellerHasFewCallsMade(t *testing.T) {
	b := book(1)
	for i := range maxTold / 2 {
		b.Learn(id(i+10), []string{fmt.Sprint(i), fmt.Sprint("also ", i)}, by(1), start)
	}
	calls, now := 0, start
	for range 600 {
		for _, due := range b.Due(now, 100, anyone) {
			calls += len(due.At)
			b.Lost(due.Node, now)
		}
		now = now.Add(100 * time.Millisecond)
	}
	if most := callsTold + int((time.Minute-1)/callAgain); calls != most {
		t.Errorf("%d calls in a minute, want %d", calls, most)
	}
}

func TestARumourAboutAKeptNodeIsForgottenAfterAFewCalls(t *testing.T) {
	b := book(1)
	b.Keep(id(2), []string{"operator's"}, start)
	b.Learn(id(2), []string{"rumour"}, by(1), start)
	now, rumoured := start, 0
	for range 100 {
		for _, due := range b.Due(now, 1, anyone) {
			rumoured += len(due.At) - 1
			b.Lost(id(2), now)
		}
		now = now.Add(time.Minute)
	}
	if rumoured != maxTries || b.tellers["1"].told != 0 {
		t.Errorf("it was called %d times", rumoured)
	}
}

func TestPeersCanNotReplaceWhatTheOperatorSaidNorWhereANodeWasReached(t *testing.T) {
	b := book(1)
	b.Keep(id(2), []string{"operator's"}, start)
	b.Proven(id(2), "reached")
	for i := range 20 {
		b.Learn(id(2), []string{fmt.Sprint("rumour ", i)}, by(i), start)
	}
	b.Learn(id(2), []string{"its own word"}, Teller{Name: "2", Itself: true}, start)
	due := b.Due(start, 1, anyone)
	if len(due) != 1 || len(due[0].At) != MaxAddresses ||
		!slices.Equal(due[0].At[:2], []string{"operator's", "reached"}) || due[0].At[MaxAddresses-1] != "its own word" {
		t.Fatalf("it is called at %v", due)
	}
	if good := b.Good(id(2)); !slices.Equal(good, []string{"reached"}) {
		t.Errorf("%v would be passed on", good)
	}
}

func TestALearnedNodeThatNeverAnswersIsForgotten(t *testing.T) {
	b := book(1)
	b.Learn(id(2), []string{"a"}, by(1), start)
	b.Keep(id(3), []string{"b"}, start)
	for range patience + 1 {
		b.Lost(id(2), start)
		b.Lost(id(3), start)
	}
	if b.Knows(id(2)) || b.learned != 0 || b.tellers["1"].told != 0 {
		t.Error("it is still known")
	}
	if !b.Knows(id(3)) {
		t.Error("a kept node was forgotten")
	}
}
