package snowman

import (
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// frontierEvery is the slow check of a chain on which nothing happens.
const frontierEvery = time.Second

// frontier asks somebody now and then what it prefers: how an idle node learns of a block that it missed. It asks often
// while this node knows nothing of the others, but nobody again at once because somebody else has come.
type frontier struct {
	*turn
	rand   *rand.Rand
	most   int // nodes asked at once
	asking *asking
	roster *roster
	votes  *votes
	at     time.Time // of the next check
}

// soon has the next check made at once.
func (f *frontier) soon() { f.at = f.now }

func (f *frontier) check() {
	if f.now.Before(f.at) {
		return
	}
	f.at = f.now.Add(frontierEvery + time.Duration(f.rand.Int64N(int64(frontierEvery/4))))
	known := f.roster.network > 0
	nodes := f.roster.connected(func(p *peer) bool { return known || f.now.Sub(p.asked) >= frontierEvery })
	f.rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	count := min(f.most, len(nodes))
	if known {
		count = min(2, count)
	}
	f.ask(nodes[:count])
}

func (f *frontier) ask(nodes []primitives.NodeID) {
	for _, n := range nodes {
		f.roster.peers[n].asked = f.now
	}
	id := f.asking.nextID()
	if sent := f.asking.open(id, requests.Chits, f.votes.query(id), nodes...); len(sent) > 0 {
		f.emit(f.votes.queryAll(id, sent))
	}
}
