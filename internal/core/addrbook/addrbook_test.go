package addrbook

import (
	"fmt"
	"math/rand/v2"
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
	if due := b.Due(start, 10, anyone); len(due) != 1 || due[0] != id(8) {
		t.Fatalf("due at once: %v", due)
	}
	if due := b.Due(start.Add(time.Second), 10, anyone); len(due) != 1 || due[0] != id(3) {
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
	b.Proven(id(2))
	if _, ok := b.Next(); ok {
		t.Fatal("a connected node is due")
	}
	b.Lost(id(2), now)
	if next, _ := b.Next(); next.Sub(now) > shortest*3/2 {
		t.Fatalf("the first pause after a success is %v", next.Sub(now))
	}
}

func TestWhatPeersTellIsBounded(t *testing.T) {
	b := book(1)
	for i := range 3 * maxLearned {
		b.Learn(id(i+10), []string{"a"}, start)
	}
	if len(b.nodes) != maxLearned {
		t.Fatalf("%d nodes were learned", len(b.nodes))
	}
	for i := range 50 {
		b.Learn(id(10), []string{fmt.Sprint("address ", i)}, start)
	}
	if n := len(b.Addresses(id(10))); n != MaxAddresses {
		t.Fatalf("%d addresses of one node", n)
	}
	for name, at := range map[string][]string{
		"none": nil, "too many": make([]string, MaxAddresses+1), "a long one": {strings.Repeat("x", MaxAddressLen+1)},
	} {
		b := book(1)
		if b.Learn(id(2), at, start); len(b.nodes) != 0 {
			t.Errorf("%s: learned", name)
		}
	}
	b.Learn(id(1), []string{"myself"}, start)
	if b.Addresses(id(1)) != nil {
		t.Error("the node learned its own address from a peer")
	}
}

func TestPeersCanNotReplaceWhatTheOperatorSaid(t *testing.T) {
	b := book(1)
	b.Keep(id(2), []string{"operator's"}, start)
	b.Learn(id(2), []string{"rumour"}, start)
	if at := b.Addresses(id(2)); at[0] != "operator's" || len(at) != 2 {
		t.Fatalf("addresses %v", at)
	}
}

func TestALearnedNodeThatNeverAnswersIsForgotten(t *testing.T) {
	b := book(1)
	b.Learn(id(2), []string{"a"}, start)
	b.Keep(id(3), []string{"b"}, start)
	for range patience + 1 {
		b.Lost(id(2), start)
		b.Lost(id(3), start)
	}
	if b.Addresses(id(2)) != nil || b.learned != 0 {
		t.Error("it is still known")
	}
	if b.Addresses(id(3)) == nil {
		t.Error("a kept node was forgotten")
	}
}
