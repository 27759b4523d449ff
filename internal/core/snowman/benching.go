package snowman

import (
	"cmp"
	"slices"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// Who lets requests time out is benched: it isn't asked any more, but for the frontier check. Of the validators never
// so many are benched that the others don't make a quorum: without them nothing can be decided, however slow they are.

// benchedAfter is the number of timeouts in a row after which a peer may be benched.
const benchedAfter = 2

// missed counts a request that a peer let time out, answered ends the row.
func (r *roster) missed(n primitives.NodeID) {
	p := r.peers[n]
	if p == nil {
		return
	}
	if r.misses++; p.misses == 0 {
		p.silent = r.misses
	}
	if p.misses++; p.misses >= benchedAfter && !p.bench {
		r.benching()
	}
}

func (r *roster) answered(n primitives.NodeID) {
	if p := r.peers[n]; p != nil && p.misses > 0 {
		p.misses = 0
		r.benching()
	}
}

// forgive gives everybody another chance: who was slow while this node caught up may have been so because of it.
func (r *roster) forgive() {
	for _, p := range r.peers {
		p.misses = min(p.misses, benchedAfter-1)
	}
	r.benching()
}

// benching chooses who is benched: those who have been silent the longest, as far as a quorum can spare them.
func (r *roster) benching() {
	type candidate struct {
		*peer
		node  primitives.NodeID
		stake uint64
	}
	var candidates []candidate
	for n, p := range r.peers { // sorted below
		if p.bench = false; p.misses >= benchedAfter {
			candidates = append(candidates, candidate{p, n, r.set.Stake(n)})
		}
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(compare(a.silent, b.silent), a.node.Compare(b.node))
	})
	left, quorum := r.stake, finality.Quorum(r.set.TotalStake())
	for _, c := range candidates {
		if c.stake == 0 || left >= quorum+c.stake {
			c.bench = true
			left -= c.stake
		}
	}
}
