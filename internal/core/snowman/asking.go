package snowman

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// asking is what this node has asked of peers. Every question has a number of its own, and with each peer that is asked
// it ends exactly once: it is answered, it fails, or its time is over. One that isn't answered within a third of its
// timeout is sent once more, and at two thirds again: a lost message then costs a fraction of a timeout, and not a
// poll. Who has answered twice is heard once.
type asking struct {
	*turn
	chain  primitives.Hash
	table  *requests.Table
	number uint32
	// lost are in the order in which they are due, nearly: the pauses differ by peer. A late one harms nobody.
	lost []resend
}

// resend is one request that may have been lost.
type resend struct {
	key   requests.Key
	at    time.Time
	pause time.Duration
	tries int
	again func(primitives.NodeID) Action
}

const (
	maxRequests = 4096
	maxResends  = 2 * maxRequests // waiting, of questions that may have been answered
	mostResends = 2
)

func newAsking(t *turn, chain primitives.Hash, first uint32) *asking {
	return &asking{turn: t, chain: chain, table: requests.New(maxRequests), number: first}
}

// nextID is the number of the next question.
func (a *asking) nextID() uint32 {
	a.number++
	return a.number
}

func (a *asking) key(n primitives.NodeID, id uint32, answer requests.Answer) requests.Key {
	return requests.Key{Node: n, Chain: a.chain, ID: id, Answer: answer}
}

// open makes a question outstanding with the nodes, and returns those with which it is. The caller sends it; again
// repeats it to one of them.
func (a *asking) open(
	id uint32, answer requests.Answer, again func(primitives.NodeID) Action, nodes ...primitives.NodeID,
) []primitives.NodeID {
	sent := nodes[:0:0]
	for _, n := range nodes {
		k := a.key(n, id, answer)
		deadline, err := a.table.Add(k, a.now, 0)
		if err != nil {
			continue
		}
		sent = append(sent, n)
		pause := deadline.Sub(a.now) / (mostResends + 1)
		if len(a.lost) >= maxResends {
			a.lost = slices.DeleteFunc(a.lost, func(r resend) bool { return !a.table.Open(r.key) })
		}
		a.lost = append(a.lost, resend{key: k, at: a.now.Add(pause), pause: pause, again: again})
	}
	return sent
}

// answered ends a question with its answer. False: nobody waits for it.
func (a *asking) answered(n primitives.NodeID, id uint32, answer requests.Answer) bool {
	return a.table.Answer(a.key(n, id, answer), a.now)
}

// failed ends a question without an answer. False: nobody waits for it.
func (a *asking) failed(n primitives.NodeID, id uint32, answer requests.Answer) (requests.Key, bool) {
	k := a.key(n, id, answer)
	return k, a.table.Fail(k)
}

// repeat sends again what is due.
func (a *asking) repeat() {
	for len(a.lost) > 0 && (!a.now.Before(a.lost[0].at) || !a.table.Open(a.lost[0].key)) {
		r := a.lost[0]
		a.lost = a.lost[1:]
		if !a.table.Open(r.key) {
			continue
		}
		a.emit(r.again(r.key.Node))
		if r.tries++; r.tries < mostResends {
			r.at = a.now.Add(r.pause)
			a.lost = append(a.lost, r)
		}
	}
}

// next is when something is to be repeated.
func (a *asking) next() (time.Time, bool) {
	if len(a.lost) == 0 {
		return time.Time{}, false
	}
	return a.lost[0].at, true
}
