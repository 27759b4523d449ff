package snowman

import (
	"maps"
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
	// forgotten is the height of a decided block with a vote of this node's key that its keystore knows nothing of; 0:
	// there is none.
	forgotten uint64

	peers  map[primitives.NodeID]*peer
	misses uint64  // requests that anybody let time out, ever
	voters []*peer // the connected ones among the validators, by their index; nil for the others and for this node

	stake   uint64 // connected, this node's own included
	enough  bool   // to decide anything: a quorum of all stake
	network uint64 // the greatest height that more than a third of all stake has reported as accepted: one is honest
}

// peer is what is known of a connected node.
type peer struct {
	accepted primitives.Hash // as it last said
	height   uint64
	past     uint64          // a height that it has left behind: it has signed a vote of the next one
	helped   time.Time       // it was, last, when its round didn't end
	helpedAt uint64          // at that height
	unproven bool            // it has named a block as accepted that it couldn't prove
	pace     pace            // at which it has brought ancestors
	hint     primitives.Hash // the block that it last showed to prefer
	misses   int             // requests in a row that it let time out
	silent   uint64          // when that row began: roster.misses then
	bench    bool            // it isn't asked any more, but for the frontier check
	asked    time.Time       // what it prefers, by the frontier check
}

func (p *peer) benched() bool { return p.bench }

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
	r.benching()
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
	r.benching()
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

// past remembers that a validator has left a height behind.
func (r *roster) past(validator int, height uint64) {
	if p := r.voters[validator]; p != nil && height > p.past {
		p.past = height
		r.rose(height)
	}
}

// beyond is for those who have left a height behind.
func beyond(height uint64) func(*peer) bool {
	return func(p *peer) bool { return max(p.height, p.past) >= height }
}

// everybody lists all who are connected, in the order of node ids: validators, and those who only watch.
func (r *roster) everybody() []primitives.NodeID {
	return slices.SortedFunc(maps.Keys(r.peers), primitives.NodeID.Compare)
}

// committed notes that this node's last durable block has another height.
func (r *roster) committed(height uint64) {
	r.height = height
	r.rose(height)
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
			all = append(all, report{max(p.height, p.past), r.set.StakeOf(i)})
			r.stake += r.set.StakeOf(i)
		}
	}
	r.enough = r.stake >= finality.Quorum(r.set.TotalStake())
	slices.SortFunc(all, func(a, b report) int { return compare(b.height, a.height) })
	var sum uint64
	for _, a := range all {
		if sum += a.stake; sum >= finality.Third(r.set.TotalStake()) {
			r.network = a.height
			return
		}
	}
}

// rose looks again at the height that a third has accepted, after somebody has said that it accepted a greater one than
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
		if p != nil && max(p.height, p.past) > r.network {
			above += r.set.StakeOf(i)
		}
	}
	if above >= finality.Third(r.set.TotalStake()) {
		r.count()
	}
}
