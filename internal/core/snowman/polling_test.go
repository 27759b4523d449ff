package snowman

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/history"
	"github.com/reevenet/reeve/internal/core/snowman/poll"
)

func testPolling(t *testing.T, connected ...int) *polling {
	v, turn, r := testVotes(t), testTurn(), testRoster(t, 5, connected...)
	return &polling{
		turn: turn, rand: testRand(), params: r.params, asking: newAsking(turn, primitives.Hash{1}, 0), roster: r,
		votes: v, history: history.New(5), tree: v.tree, open: poll.NewSet(v.tree),
	}
}

// heardFrom has peers prefer the tip.
func (p *polling) heardFrom(nodes ...int) {
	tip, _ := p.tree.Preference()
	for _, i := range nodes {
		p.roster.hint(node(i), tip)
	}
}

// all answers the oldest poll for the tip.
func (p *polling) all(id uint32, nodes ...int) {
	tip, _ := p.tree.Preference()
	for _, i := range nodes {
		p.open.Vote(id, node(i), tip, p.now)
	}
}

func TestOnePollIsOpenUntilItConfirms(t *testing.T) {
	p := testPolling(t, 1, 2, 3, 4)
	p.heardFrom(1, 2, 3, 4)
	opened := 0
	for ; p.due(); opened++ {
		p.pull(primitives.Hash{})
	}
	if opened != 1 {
		t.Errorf("%d polls are open", opened)
	}
	for _, a := range p.out {
		if q := a.(SendPullQuery); len(q.Nodes) != 4 {
			t.Errorf("a poll asks %v", q.Nodes)
		}
	}
	p.all(p.asking.number, 1, 2, 3, 4)
	if p.take(); p.due() || !p.tree.Confident() {
		t.Error("it polls on although it is confident")
	}
}

func TestOneWithoutSupportPollsAloneAndMoreAndMoreSeldom(t *testing.T) {
	p := testPolling(t, 1, 2, 3, 4) // nobody is known to prefer the tip
	last := time.Duration(0)
	for range 6 {
		if !p.due() {
			t.Fatal("it doesn't poll although it may")
		}
		p.pull(primitives.Hash{})
		if p.due() {
			t.Fatal("it opens a second poll")
		}
		for i := range 4 { // nobody knows the block
			p.open.Vote(p.asking.number, node(i+1), primitives.Hash{}, p.now)
		}
		if p.take(); p.open.Len() > 0 {
			t.Fatal("the poll isn't finished")
		}
		if p.due() {
			t.Fatal("it polls again at once")
		}
		at, wanted := p.next()
		pause := at.Sub(p.now)
		if !wanted || pause < last || pause > mostPause {
			t.Errorf("after a pause of %v comes one of %v", last, pause)
		}
		last = pause
		p.after(pause)
	}
	if last != mostPause {
		t.Errorf("the longest pause is %v", last)
	}
}

func TestAHintOfAPeerEndsThePause(t *testing.T) {
	p := testPolling(t, 1, 2, 3, 4)
	p.fruitless(p.now)
	if p.due() {
		t.Fatal("it polls during the pause")
	}
	p.heardFrom(1, 2, 3, 4)
	p.heard = true
	if !p.due() {
		t.Error("all are heard to prefer the tip, and it waits")
	}
}

func TestAPollThatConfirmsEndsThePause(t *testing.T) {
	p := testPolling(t, 1, 2, 3, 4)
	p.fruitless(p.now)
	p.after(leastPause)
	p.pull(primitives.Hash{})
	p.all(p.asking.number, 1, 2, 3, 4)
	if p.take(); p.open.Len() > 0 || p.pause != 0 || p.notBefore.After(p.now) {
		t.Errorf("the next poll is in %v", p.notBefore.Sub(p.now))
	}
}

func TestWhoIsBenchedIsntAskedAndCountsAsMissing(t *testing.T) {
	p := testPolling(t, 1, 2, 3, 4)
	p.roster.missed(node(2))
	p.roster.missed(node(2))
	p.pull(primitives.Hash{})
	if q := p.out[0].(SendPullQuery); len(q.Nodes) != 3 {
		t.Errorf("it asks %v", q.Nodes)
	}
	p.all(p.asking.number, 1, 3, 4)
	if r, ok := p.open.Take(p.now); !ok || r.Missing != p.roster.set.UnitsOf(2) {
		t.Errorf("finished %v, %d units missing", ok, r.Missing)
	}
}

func TestNothingIsPolledWithoutEnoughStakeOrAnythingToDecide(t *testing.T) {
	if p := testPolling(t, 1); p.due() {
		t.Error("two of five poll")
	}
	p := testPolling(t, 1, 2, 3, 4)
	for _, b := range chainOf(t, 3, 10) {
		p.tree.Accept(b.ID())
	}
	if p.due() {
		t.Error("it polls about nothing")
	}
}
