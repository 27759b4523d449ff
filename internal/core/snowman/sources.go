package snowman

import (
	"cmp"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Catching up asks the peer that brings the most blocks per second. The others are tried now and then: they may have
// become faster, and the fastest slower.

// pace is how fast a peer has brought ancestors.
type pace struct {
	blocks float64   // per second, from the question to the answer: an average in which the latest counts a quarter
	at     time.Time // measured last; zero: never
}

const (
	tryAnother = 4                // every so many questions one goes to a peer of which little is known
	paceLasts  = 10 * time.Second // after that little is known again
)

// brought counts blocks that a peer has brought. None: it comes last until it is tried again.
func (p *pace) brought(blocks int, took time.Duration, now time.Time) {
	p.at = now
	latest := float64(blocks) / max(took, time.Millisecond).Seconds()
	if p.blocks == 0 || blocks == 0 {
		p.blocks = latest
	} else {
		p.blocks += (latest - p.blocks) / 4
	}
}

// sources are those who can be asked for ancestors, the best choice first.
func (u *catchUp) sources() []primitives.NodeID {
	nodes := slices.DeleteFunc(slices.Clone(u.from), func(n primitives.NodeID) bool {
		p := u.roster.peers[n]
		return p == nil || !credible(p)
	})
	slices.SortStableFunc(nodes, func(a, b primitives.NodeID) int {
		return cmp.Compare(u.paceOf(b).blocks, u.paceOf(a).blocks)
	})
	if u.fetches++; u.fetches%tryAnother != 0 {
		return nodes
	}
	another := slices.IndexFunc(nodes, func(n primitives.NodeID) bool { return u.now.Sub(u.paceOf(n).at) >= paceLasts })
	if another > 0 {
		n := nodes[another]
		nodes = slices.Insert(slices.Delete(nodes, another, another+1), 0, n)
	}
	return nodes
}

func (u *catchUp) paceOf(n primitives.NodeID) *pace { return &u.roster.peers[n].pace }

// measure notes what a peer has brought in answer to the open request.
func (u *catchUp) measure(n primitives.NodeID, blocks int) {
	if p := u.roster.peers[n]; p != nil {
		p.pace.brought(blocks, u.now.Sub(u.requested), u.now)
	}
}
