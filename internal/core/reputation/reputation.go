// Package reputation is the node's ledger of what its peers did. Reports add up per peer and fade with time; a peer
// that falls to the threshold is banned for a while. It has no clock and tells nobody: the caller says what time it is
// and acts on the verdict.
//
// Three rules keep the ledger itself from being a weapon. What one source says about one peer is clamped, so no report
// outweighs all others. For a validator the clamp lies above the threshold: it takes two sources to drop one. And never
// more than a fifth of the stake is banned at once, whatever is reported, so that a faulty node can't cut itself off
// from consensus.
package reputation

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// The ledger's constants.
const (
	// Threshold is the score at which a peer is banned.
	Threshold = -1000
	// validatorCost is the most that one source can hold against a validator.
	validatorCost = -700
	// most is the most that one source can hold in favour of a peer.
	most = 200
	// halfLife is how long it takes until half of a score has faded.
	halfLife = time.Minute
	// Ban is how long a ban lasts.
	Ban = 5 * time.Minute
	// maxPeers bounds the ledger. When it is full, the forgotten ones are those that matter least.
	maxPeers  = 4096
	forgotten = 256
	// maxSources bounds who may have an opinion of one peer; more than a node has subsystems.
	maxSources = 64
)

// Verdict is what a report leads to.
type Verdict uint8

const (
	// Kept: nothing is to be done.
	Kept Verdict = iota
	// Banned: disconnect the peer and don't take it back before the ban ends.
	Banned
	// Spared: the score is below the threshold, but a fifth of the stake would be exceeded.
	Spared
)

// Ledger is the record of all peers. The zero value is not usable; see New.
type Ledger struct {
	peers map[primitives.NodeID]*record
	stake map[primitives.NodeID]uint64
	order []primitives.NodeID // the validators, in order of their ids
	total uint64
}

type record struct {
	opinions []opinion
	until    time.Time // end of the ban; zero when there is none
}

type opinion struct {
	source string
	value  float64
	at     time.Time
}

func (o opinion) now(now time.Time) float64 {
	if passed := now.Sub(o.at); passed > 0 {
		return o.value * math.Exp2(-float64(passed)/float64(halfLife))
	}
	return o.value
}

// New makes an empty ledger, without validators.
func New() *Ledger {
	return &Ledger{peers: map[primitives.NodeID]*record{}, stake: map[primitives.NodeID]uint64{}}
}

// SetValidators says who is a validator, with what stake. Bans that would now keep out more than a fifth of the stake
// are lifted, the ones that end soonest first; those peers are returned.
func (l *Ledger) SetValidators(stake map[primitives.NodeID]uint64, now time.Time) (lifted []primitives.NodeID) {
	l.stake, l.order, l.total = stake, sorted(stake), 0
	for _, id := range l.order {
		l.total += stake[id]
	}
	for {
		id, banned := l.soonestBannedValidator(now)
		if banned*5 <= l.total {
			return lifted
		}
		l.peers[id].until = time.Time{}
		lifted = append(lifted, id)
	}
}

// Report adds value to what source thinks of peer, and says what follows. Values are clamped, not refused.
func (l *Ledger) Report(peer primitives.NodeID, source string, value int32, now time.Time) Verdict {
	r := l.record(peer, now)
	o := r.opinion(source, now)
	o.value = min(most, max(l.lowest(peer), o.now(now)+float64(value)))
	o.at = now
	if r.score(now) > Threshold || now.Before(r.until) {
		return Kept
	}
	if !l.mayBan(peer, now) {
		return Spared
	}
	r.until = now.Add(Ban)
	return Banned
}

// lowest is the most that one source may hold against a peer.
func (l *Ledger) lowest(peer primitives.NodeID) float64 {
	if l.stake[peer] > 0 {
		return validatorCost
	}
	return Threshold
}

// Score is the peer's standing now: 0 for an unknown one.
func (l *Ledger) Score(peer primitives.NodeID, now time.Time) int32 {
	if r := l.peers[peer]; r != nil {
		return int32(r.score(now))
	}
	return 0
}

// BannedFor is the time until the peer may come back; zero when it isn't banned.
func (l *Ledger) BannedFor(peer primitives.NodeID, now time.Time) time.Duration {
	if r := l.peers[peer]; r != nil && now.Before(r.until) {
		return r.until.Sub(now)
	}
	return 0
}

// Known lists every peer on record, in order of their ids.
func (l *Ledger) Known() []primitives.NodeID { return sorted(l.peers) }

func sorted[V any](m map[primitives.NodeID]V) []primitives.NodeID {
	return slices.SortedFunc(maps.Keys(m), primitives.NodeID.Compare)
}

func (l *Ledger) mayBan(peer primitives.NodeID, now time.Time) bool {
	stake := l.stake[peer]
	if stake == 0 {
		return true
	}
	_, banned := l.soonestBannedValidator(now)
	return (banned+stake)*5 <= l.total
}

// soonestBannedValidator finds the banned validator whose ban ends first, and the stake of all that are banned.
func (l *Ledger) soonestBannedValidator(now time.Time) (first primitives.NodeID, stake uint64) {
	for _, id := range l.order {
		if l.BannedFor(id, now) == 0 {
			continue
		}
		if stake == 0 || l.peers[id].until.Before(l.peers[first].until) {
			first = id
		}
		stake += l.stake[id]
	}
	return first, stake
}

func (l *Ledger) record(peer primitives.NodeID, now time.Time) *record {
	r := l.peers[peer]
	if r == nil {
		if len(l.peers) >= maxPeers {
			l.forget(now)
		}
		r = &record{}
		l.peers[peer] = r
	}
	return r
}

// forget makes room: not the banned ones if there are others, the scores nearest to zero first.
func (l *Ledger) forget(now time.Time) {
	ids := l.Known()
	slices.SortStableFunc(ids, func(a, b primitives.NodeID) int {
		if c := cmp.Compare(l.BannedFor(a, now), l.BannedFor(b, now)); c != 0 {
			return c
		}
		return cmp.Compare(math.Abs(l.peers[a].score(now)), math.Abs(l.peers[b].score(now)))
	})
	for _, id := range ids[:forgotten] {
		delete(l.peers, id)
	}
}

func (r *record) score(now time.Time) (sum float64) {
	for _, o := range r.opinions {
		sum += o.now(now)
	}
	return sum
}

func (r *record) opinion(source string, now time.Time) *opinion {
	at, found := slices.BinarySearchFunc(
		r.opinions, source, func(o opinion, s string) int { return strings.Compare(o.source, s) },
	)
	if found {
		return &r.opinions[at]
	}
	if len(r.opinions) >= maxSources {
		return &r.opinions[len(r.opinions)-1]
	}
	r.opinions = slices.Insert(r.opinions, at, opinion{source: source, at: now})
	return &r.opinions[at]
}
