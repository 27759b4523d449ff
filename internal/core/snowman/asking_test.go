package snowman

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// testAsking asks two nodes for a block.
func testAsking() (a *asking, id uint32) {
	a = newAsking(testTurn(), primitives.Hash{1}, 100)
	id = a.nextID()
	a.open(id, requests.Put, func(n primitives.NodeID) Action { return SendGet{Node: n, RequestID: id} }, node(1),
		node(2))
	return a, id
}

// untilRepeated lets time go by as far as the questions ask for it, and counts what is sent again to each.
func untilRepeated(a *asking) (again map[primitives.NodeID]int) {
	again = map[primitives.NodeID]int{}
	for at, ok := a.next(); ok; at, ok = a.next() {
		a.after(at.Sub(a.now))
		a.repeat()
		for _, act := range a.out {
			again[act.(SendGet).Node]++
		}
	}
	return again
}

func TestWhatMayBeLostIsSentAgainTwiceWithinItsTimeout(t *testing.T) {
	a, id := testAsking()
	begin := a.now
	deadline, _ := a.table.Next()
	again := untilRepeated(a)
	if again[node(1)] != mostResends || again[node(2)] != mostResends {
		t.Errorf("it was sent again %v times", again)
	}
	if a.now.After(deadline) {
		t.Errorf("the last time was after %v, the timeout is %v", a.now.Sub(begin), deadline.Sub(begin))
	}
	if _, open := a.failed(node(1), id, requests.Put); !open {
		t.Error("sending it again ended it")
	}
}

func TestWhoHasAnsweredIsntAskedAgainAndCantAnswerTwice(t *testing.T) {
	a, id := testAsking()
	if !a.answered(node(1), id, requests.Put) {
		t.Fatal("nobody waited for the answer")
	}
	if again := untilRepeated(a); again[node(1)] != 0 || again[node(2)] != mostResends {
		t.Errorf("it was sent again %v times", again)
	}
	if _, open := a.failed(node(1), id, requests.Put); open || a.answered(node(1), id, requests.Put) {
		t.Error("the question ended twice")
	}
}

func TestAnAnswerOfAnotherKindOrFromSomebodyElseIsNone(t *testing.T) {
	a, id := testAsking()
	for what, yes := range map[string]bool{
		"of another kind":     a.answered(node(1), id, requests.Chits),
		"of a stranger":       a.answered(node(9), id, requests.Put),
		"with another number": a.answered(node(1), id+1, requests.Put),
	} {
		if yes {
			t.Errorf("an answer %s was taken", what)
		}
	}
}

func TestANumberThatIsOutstandingIsntUsedAgainWithTheSameNode(t *testing.T) {
	a, id := testAsking()
	get := func(n primitives.NodeID) Action { return SendGet{Node: n, RequestID: id} }
	if sent := a.open(id, requests.Put, get, node(1), node(3)); len(sent) != 1 || sent[0] != node(3) {
		t.Errorf("it was asked of %v", sent)
	}
	if a.nextID() == id {
		t.Error("the number came again")
	}
}

func TestAQuestionThatIsRepeatedLaterIsNeverDueBeforeNow(t *testing.T) {
	a, _ := testAsking()
	a.after(time.Hour)
	a.table.Expire(a.now)
	if a.repeat(); len(a.out) != 0 || len(a.lost) != 0 {
		t.Errorf("%d questions whose time is over were sent again, %d are left", len(a.out), len(a.lost))
	}
}

// One question isn't answered, and behind it wait the repetitions of all that were.
func TestWhatIsAnsweredIsntKeptToBeRepeated(t *testing.T) {
	a, _ := testAsking()
	for range 4 * maxRequests {
		id := a.nextID()
		a.open(id, requests.Put, func(n primitives.NodeID) Action { return SendGet{Node: n, RequestID: id} }, node(1))
		a.answered(node(1), id, requests.Put)
	}
	if len(a.lost) > maxResends {
		t.Errorf("%d questions are kept", len(a.lost))
	}
}

func TestQuestionsAreBounded(t *testing.T) {
	a, _ := testAsking()
	for range 2 * maxRequests {
		id := a.nextID()
		a.open(id, requests.Put, func(n primitives.NodeID) Action { return SendGet{Node: n, RequestID: id} }, node(1))
	}
	if len(a.lost) > maxRequests || a.table.Len() != maxRequests {
		t.Errorf("%d questions are open, %d are kept to be repeated", a.table.Len(), len(a.lost))
	}
}
