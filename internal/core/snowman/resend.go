package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// A request that isn't answered within a third of its timeout is sent once more, and at two thirds again: a lost message then costs a
// fraction of a timeout, and not a poll. Who has answered twice is heard once; the request table sees to that.

// resend is one request that may have been lost.
type resend struct {
	key   requests.Key
	at    time.Time
	pause time.Duration
	tries int
	again func(primitives.NodeID) Action
}

const mostResends = 2

// resends are in the order in which they are due, nearly: the pauses differ by peer. A late one harms nobody.
type resends []resend

func (r resends) next() (time.Time, bool) {
	if len(r) == 0 {
		return time.Time{}, false
	}
	return r[0].at, true
}

// request makes a number outstanding with the nodes; those with which it can't be are left out. again repeats the message to one.
func (c *Core) request(id uint32, answer requests.Answer, again func(primitives.NodeID) Action, nodes ...primitives.NodeID) []primitives.NodeID {
	sent := nodes[:0:0]
	for _, n := range nodes {
		k := c.key(n, id, answer)
		deadline, err := c.table.Add(k, c.now, 0)
		if err != nil {
			continue
		}
		sent = append(sent, n)
		pause := deadline.Sub(c.now) / (mostResends + 1)
		c.lost = append(c.lost, resend{key: k, at: c.now.Add(pause), pause: pause, again: again})
	}
	return sent
}

// repeat sends again what is due.
func (c *Core) repeat() {
	for len(c.lost) > 0 && (!c.now.Before(c.lost[0].at) || !c.table.Open(c.lost[0].key)) {
		r := c.lost[0]
		c.lost = c.lost[1:]
		if !c.table.Open(r.key) {
			continue
		}
		c.emit(r.again(r.key.Node))
		if r.tries++; r.tries < mostResends {
			r.at = c.now.Add(r.pause)
			c.lost = append(c.lost, r)
		}
	}
}

// pull is a query by id, for openPoll and the frontier check.
func (c *Core) pull(id uint32) func(primitives.NodeID) Action {
	tip, _ := c.tree.Preference()
	height := c.root.Height + 1
	return func(n primitives.NodeID) Action {
		return SendPullQuery{Nodes: []primitives.NodeID{n}, RequestID: id, ID: tip, Height: height}
	}
}
