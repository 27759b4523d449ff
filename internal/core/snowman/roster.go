package snowman

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/validators"
)

// roster is who is connected and what each was last heard to say. stake, enough and network always follow from that.
type roster struct {
	set    *validators.Set
	params snowball.Parameters
	self   primitives.NodeID
	own    int    // this node's index in the set; -1 for a node without a vote
	height uint64 // of this node's last durable block

	peers  map[primitives.NodeID]*peer
	voters []*peer // the connected ones among the validators, by their index; nil for the others and for this node

	stake   uint64 // connected, this node's own included
	enough  bool   // to decide anything: a quorum of all stake
	network uint64 // the greatest height that more than half of all stake has reported as accepted
}

// peer is what is known of a connected node.
type peer struct {
	accepted primitives.Hash // as it last said
	height   uint64
	hint     primitives.Hash // the block that it last showed to prefer
	misses   int             // requests in a row that it let time out
	asked    time.Time       // what it prefers, by the frontier check
}

// benchedAfter is the number of timeouts in a row after which a peer isn't asked any more, but for the frontier check.
const benchedAfter = 2

func (p *peer) benched() bool { return p.misses >= benchedAfter }

func newRoster(cfg *Config, height uint64) *roster {
	r := &roster{
		set: cfg.Validators, params: cfg.Parameters, self: cfg.Self, own: -1, height: height,
		peers: make(map[primitives.NodeID]*peer), voters: make([]*peer, cfg.Validators.Len()),
	}
	if i, ok := r.set.Index(r.self); ok {
		r.own = i
	}
	r.count()
	return r
}

// connect adds a peer. validator: it is one, and wasn't here before.
func (r *roster) connect(n primitives.NodeID) (validator bool) {
	if n == r.self || r.peers[n] != nil {
		return false
	}
	p := &peer{}
	r.peers[n] = p
	i, validator := r.set.Index(n)
	if validator {
		r.voters[i] = p
	}
	r.count()
	return validator
}

// disconnect removes a peer. False: it wasn't here.
func (r *roster) disconnect(n primitives.NodeID) bool {
	if r.peers[n] == nil {
		return false
	}
	delete(r.peers, n)
	if i, ok := r.set.Index(n); ok {
		r.voters[i] = nil
	}
	r.count()
	return true
}

// hint remembers what a peer was last seen to prefer, and tells whether that is new.
func (r *roster) hint(n primitives.NodeID, id primitives.Hash) bool {
	p := r.peers[n]
	if p == nil || p.hint == id {
		return false
	}
	p.hint = id
	return true
}

// reported remembers what a peer says that it has accepted. Nobody goes back.
func (r *roster) reported(n primitives.NodeID, id primitives.Hash, height uint64) {
	if p := r.peers[n]; p != nil && height >= p.height {
		p.accepted, p.height = id, height
		r.rose(height)
	}
}

// committed notes that this node's last durable block has another height.
func (r *roster) committed(height uint64) {
	r.height = height
	r.rose(height)
}

// missed counts a request that a peer let time out, answered ends the row.
func (r *roster) missed(n primitives.NodeID) {
	if p := r.peers[n]; p != nil {
		p.misses++
	}
}

func (r *roster) answered(n primitives.NodeID) {
	if p := r.peers[n]; p != nil {
		p.misses = 0
	}
}

// forgive gives everybody another chance: who was slow while this node caught up may have been so because of it.
func (r *roster) forgive() {
	for _, p := range r.peers {
		p.misses = min(p.misses, benchedAfter-1)
	}
}

// connected lists the validators that are connected, in the order of node ids.
func (r *roster) connected(which func(*peer) bool) []primitives.NodeID {
	var nodes []primitives.NodeID
	for i, p := range r.voters {
		if p != nil && (which == nil || which(p)) {
			nodes = append(nodes, r.set.Node(i))
		}
	}
	return nodes
}

// count brings what follows from the peers up to date.
func (r *roster) count() {
	type report struct{ height, stake uint64 }
	own := r.set.Stake(r.self)
	all := []report{{r.height, own}}
	r.stake, r.network = own, 0
	for i, p := range r.voters {
		if p != nil {
			all = append(all, report{p.height, r.set.StakeOf(i)})
			r.stake += r.set.StakeOf(i)
		}
	}
	r.enough = r.stake >= finality.Quorum(r.set.TotalStake())
	slices.SortFunc(all, func(a, b report) int { return compare(b.height, a.height) })
	var sum uint64
	for _, a := range all {
		if sum += a.stake; r.set.IsMajority(sum) {
			r.network = a.height
			return
		}
	}
}

// rose looks again at the height that most have accepted, after somebody has said that it accepted a greater one than
// before. Nearly always that moves nothing.
func (r *roster) rose(height uint64) {
	if height <= r.network {
		return
	}
	var above uint64
	if r.height > r.network {
		above = r.set.Stake(r.self)
	}
	for i, p := range r.voters {
		if p != nil && p.height > r.network {
			above += r.set.StakeOf(i)
		}
	}
	if r.set.IsMajority(above) {
		r.count()
	}
}

// heard is the number of units, this node's among them, that have voted or shown a block since the start and are
// connected; of a set too large to be asked as a whole, their part of a poll.
func (r *roster) heard() (units int) {
	for i, p := range r.voters {
		if i == r.own || p != nil && !p.hint.IsZero() {
			units += r.set.UnitsOf(i)
		}
	}
	if total := r.set.Units(); total > r.params.K {
		units = units * r.params.K / total
	}
	return units
}

// responsive tells whether every other validator is connected and answers, so that a unanimous poll can be hoped for.
func (r *roster) responsive() bool {
	for i, p := range r.voters {
		if i != r.own && (p == nil || p.misses > 0) {
			return false
		}
	}
	return true
}
