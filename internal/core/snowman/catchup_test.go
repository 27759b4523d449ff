package snowman

import (
	"slices"
	"testing"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// lagging is the first of five validators, which has nothing of the chain that the others have accepted. It stands for
// the rest of its core itself.
type lagging struct {
	*catchUp
	blocks []*block.Block
	events []string
}

func (l *lagging) suspend()             { l.events = append(l.events, "suspend") }
func (l *lagging) resume()              { l.events = append(l.events, "resume") }
func (l *lagging) arrived()             { l.events = append(l.events, "arrived") }
func (l *lagging) adopt(b *block.Block) { l.accepted.push(b) }

func newLagging(t *testing.T, blocks int) *lagging {
	turn := testTurn()
	l := &lagging{blocks: chainOf(t, blocks, 10)}
	l.catchUp = &catchUp{
		turn: turn, chain: testChain, rand: testRand(), sample: 5, asking: newAsking(turn, testChain.ID, 0),
		roster: testRoster(t, 5, 1, 2, 3, 4), accepted: newAccepted(testRoot), rest: l,
	}
	return l
}

func (l *lagging) tip() *block.Block { return l.blocks[len(l.blocks)-1] }

// claim has nodes say that they have accepted the tip.
func (l *lagging) claim(nodes ...int) {
	for _, i := range nodes {
		l.roster.reported(node(i), l.tip().ID(), l.tip().Height)
	}
}

// run lets the VM commit and the others answer until nothing happens any more. lies is what a peer sends in place of
// ancestors; nil: it is honest.
func (l *lagging) run(lies func(primitives.NodeID) Input) {
	for {
		l.follow()
		out, pending := l.out, l.accepted.pending
		if _, waits := l.next(); len(out) == 0 && len(pending) == 0 && !(l.active() && waits) {
			return
		}
		for _, b := range pending {
			l.accepted.commit(b.ID())
		}
		l.after(catchUpWait)
		for _, a := range out {
			l.answer(a, lies)
		}
	}
}

func (l *lagging) answer(a Action, lies func(primitives.NodeID) Input) {
	switch a := a.(type) {
	case SendGetAcceptedFrontier:
		for _, n := range a.Nodes {
			l.onAcceptedFrontier(AcceptedFrontier{Node: n, RequestID: a.RequestID, ID: l.tip().ID()})
		}
	case SendGetAccepted:
		for _, n := range a.Nodes {
			l.onAccepted(Accepted{Node: n, RequestID: a.RequestID, IDs: a.IDs})
		}
	case SendGetAncestors:
		in := Input(Ancestors{Node: a.Node, RequestID: a.RequestID, Containers: answer(l.blocks, a.ID, 7)})
		if lies != nil {
			if lie := lies(a.Node); lie != nil {
				in = lie
			}
		}
		if failed, ok := in.(RequestFailed); ok {
			l.requestFailed(l.asking.key(a.Node, a.RequestID, failed.Answer))
			return
		}
		got := in.(Ancestors)
		got.Node, got.RequestID = a.Node, a.RequestID
		l.onAncestors(got)
	}
}

func TestWhatTheNetworkHasDecidedIsAdoptedInOrder(t *testing.T) {
	l := newLagging(t, 100)
	l.claim(1, 2, 3)
	l.run(nil)
	if l.accepted.stable != anchorOf(l.tip()) || l.active() {
		t.Errorf("it stands at %d, active %v", l.accepted.stable.Height, l.active())
	}
	if !slices.Equal(l.events, []string{"suspend", "arrived"}) {
		t.Errorf("the rest of the core saw %v", l.events)
	}
}

func TestAFewWhoClaimToBeAheadStartNothing(t *testing.T) {
	l := newLagging(t, 100)
	l.claim(1, 2)
	if l.run(nil); len(l.events) != 0 {
		t.Errorf("two of five said so: %v", l.events)
	}
}

func TestABlockThatOnlyAFewHaveAcceptedIsNoTarget(t *testing.T) {
	l := newLagging(t, 100)
	l.claim(1, 2, 3)
	l.follow()
	for _, stage := range []int{1, 2} {
		out := l.out
		l.out = nil
		for _, n := range []int{1, 2, 3, 4} {
			switch a := out[0].(type) {
			case SendGetAcceptedFrontier:
				l.onAcceptedFrontier(AcceptedFrontier{Node: node(n), RequestID: a.RequestID, ID: primitives.Hash{66}})
			case SendGetAccepted:
				in := Accepted{Node: node(n), RequestID: a.RequestID}
				if n <= 2 {
					in.IDs = a.IDs
				}
				l.onAccepted(in)
			default:
				t.Fatalf("stage %d: %T", stage, a)
			}
		}
	}
	if l.active() || !slices.Equal(l.events, []string{"suspend", "resume"}) {
		t.Errorf("two of five have it: active %v, %v", l.active(), l.events)
	}
}

func TestAPeerThatDoesntDeliverIsAskedLast(t *testing.T) {
	for what, lie := range map[string]Input{
		"nonsense": Ancestors{Containers: [][]byte{[]byte("nonsense")}}, "nothing": Ancestors{},
		"silence": RequestFailed{Answer: requests.Ancestors},
	} {
		l := newLagging(t, 100)
		l.claim(1, 2, 3)
		asked := 0
		l.run(func(n primitives.NodeID) Input {
			if n != node(1) {
				return nil
			}
			asked++
			return lie
		})
		if l.accepted.stable != anchorOf(l.tip()) {
			t.Errorf("%s of one peer: it stands at %d", what, l.accepted.stable.Height)
		}
		if asked > 1 {
			t.Errorf("%s: the peer was asked %d times", what, asked)
		}
	}
}

func TestWhenNobodyDeliversAnotherRoundBeginsAfterAPause(t *testing.T) {
	l := newLagging(t, 100)
	l.claim(1, 2, 3)
	for round := range 2 {
		for try := 0; len(l.events) < 2*round+2; try++ {
			if try > 100 {
				t.Fatalf("it goes on for ever: %v", l.events)
			}
			l.follow()
			out := l.out
			l.after(catchUpWait)
			for _, a := range out {
				l.answer(a, func(primitives.NodeID) Input { return Ancestors{} })
			}
		}
	}
	if want := []string{"suspend", "resume", "suspend", "resume"}; !slices.Equal(l.events[:4], want) {
		t.Errorf("the rest of the core saw %v", l.events)
	}
}

func TestANodeThatIsBehindByAFewBlocksWaitsForPolls(t *testing.T) {
	l := newLagging(t, 3)
	l.claim(1, 2, 3)
	l.follow()
	if l.active() {
		t.Fatal("it catches up at once")
	}
	at, ok := l.next()
	if !ok || at.Sub(l.now) != nearBehind {
		t.Errorf("it looks again in %v", at.Sub(l.now))
	}
	l.after(nearBehind)
	if l.run(nil); l.accepted.stable != anchorOf(l.tip()) {
		t.Errorf("it stands at %d", l.accepted.stable.Height)
	}
}
