package snowman

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// fetchAll catches up with peers who take so long for an answer, and counts how often each is asked. An answer brings a
// block. A peer that takes no time at all lets its requests fail.
func (l *lagging) fetchAll(t *testing.T,
	took func(n primitives.NodeID, blocks int) time.Duration) map[primitives.NodeID]int {
	t.Helper()
	asked := make(map[primitives.NodeID]int)
	l.askFrontier()
	for l.stage != fetchingAncestors {
		l.answer(l.out[len(l.out)-1], nil)
	}
	for !l.ancestry.whole {
		l.out = nil
		if l.execute(); len(l.out) == 0 {
			l.after(catchUpWait)
			continue
		}
		get := l.out[len(l.out)-1].(SendGetAncestors)
		asked[get.Node]++
		d := took(get.Node, l.ancestry.left())
		if l.after(d); d == 0 {
			l.requestFailed(l.asking.key(get.Node, get.RequestID, requests.Ancestors))
			continue
		}
		in := certified(answer(l.blocks, get.ID, 1))
		in.Node, in.RequestID = get.Node, get.RequestID
		l.onAncestors(in)
	}
	return asked
}

func TestTheFastestPeerIsAskedMost(t *testing.T) {
	l := newLagging(t, 200)
	asked := l.fetchAll(t, func(n primitives.NodeID, _ int) time.Duration {
		if n == node(3) {
			return 10 * time.Millisecond
		}
		return 50 * time.Millisecond
	})
	if asked[node(3)] < 180 {
		t.Errorf("of 200 questions it got %d", asked[node(3)])
	}
	for _, i := range []int{1, 2} {
		if asked[node(i)] == 0 {
			t.Errorf("nobody knows how fast peer %d is", i)
		}
	}
}

func TestAFastPeerThatBecomesSlowOrSilentIsLeft(t *testing.T) {
	for what, later := range map[string]time.Duration{"slow": 200 * time.Millisecond, "silent": 0} {
		l := newLagging(t, 200)
		late := 0
		l.fetchAll(t, func(n primitives.NodeID, blocks int) time.Duration {
			switch {
			case n != node(3):
				return 50 * time.Millisecond
			case blocks < 100:
				return 10 * time.Millisecond
			}
			late++
			return later
		})
		if late == 0 || late > 12 {
			t.Errorf("it is %s and was asked %d times for the last hundred blocks", what, late)
		}
	}
}

func TestABenchedPeerIsntAskedForAncestors(t *testing.T) {
	l := newLagging(t, 20)
	l.askFrontier()
	l.stage, l.target, l.ancestry = fetchingAncestors, l.tip().ID(), newAncestry(l.tip().ID())
	l.from = []primitives.NodeID{node(1), node(2)}
	l.roster.miss(benchedAfter, 1)
	if got := l.sources(); len(got) != 1 || got[0] != node(2) {
		t.Errorf("asked are %v", got)
	}
}
