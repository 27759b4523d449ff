package twins

import (
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

var (
	start = time.Unix(1000, 0)
	a, b  = Run{1}, Run{2}
	node  = primitives.NodeID{7}
)

func TestTwoRunsThatTakeTurnsAreTwoNodes(t *testing.T) {
	w := New()
	for i, run := range []Run{a, b, a, b, a} {
		if news := w.Up(node, run, start); news != (i == 3) {
			t.Errorf("link %d: news %v", i+1, news)
		}
	}
	if !w.Of(node, start) || !slices.Equal(w.All(start), []primitives.NodeID{node}) {
		t.Error("nobody is named")
	}
	if w.Of(primitives.NodeID{8}, start) {
		t.Error("the wrong one is named, too")
	}
	if w.Of(node, start.Add(Lasts+1)) || len(w.All(start.Add(Lasts+1))) != 0 {
		t.Error("it never ends")
	}
	later := start.Add(time.Hour)
	for i, run := range []Run{b, a, b} {
		if news := w.Up(node, run, later); news != (i == 1) {
			t.Errorf("an hour later, link %d: news %v", i+1, news)
		}
	}
}

func TestANodeThatIsStartedAgainAndAgainIsOne(t *testing.T) {
	w := New()
	for i := range 100 {
		run := Run{byte(i)}
		for range 3 { // it calls several times
			w.Up(node, run, start)
		}
		if w.Of(node, start) {
			t.Fatalf("start %d: two nodes are seen", i)
		}
	}
	w.Up(node, Run{98}, start) // a call of its last run comes late
	if w.Of(node, start) {
		t.Error("one late call makes two nodes")
	}
	if n := len(w.nodes[node].runs); n > remembered {
		t.Errorf("%d runs are remembered", n)
	}
	if w.Keep(func(primitives.NodeID) bool { return false }); len(w.nodes) != 0 {
		t.Error("it is remembered when nobody wants it any more")
	}
}
