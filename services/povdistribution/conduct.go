package povdistribution

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
)

// conduct is what a peer's deed costs it, below zero, or earns it, above.
type conduct struct {
	value  int32
	reason string
}

// What peers do. That a backer is slow, or doesn't have what it should, costs nothing: the fault may be ours.
var (
	wrongProof   = conduct{-500, "a proof of validity with another hash"}
	noPart       = conduct{-500, "a part of a proof that is none"}
	rightProof   = conduct{25, "a proof of validity"}
	unreadable   = conduct{-500, "a question about a proof that can't be read"}
	noSuchPart   = conduct{-100, "a question about what is no part of the proof"}
	outOfView    = conduct{-100, "a question about a relay parent out of this node's view"}
	outOfItsView = conduct{-100, "a question about a relay parent out of the peer's view"}
	tooMany      = conduct{-500, "questions about more proofs than there can be"}
	insatiable   = conduct{-100, "questions about the same proof again and again"}
)

func (d *distribution) report(p *peer, c conduct) {
	if c.value < 0 {
		d.charged++
		d.sub.Log.Debug("a peer's deed costs it", "peer", p.id.String(), "cost", c.value, "why", c.reason)
	}
	d.sub.Send(&nbv1.ReportPeer{Peer: p.id[:], CostBenefit: c.value, Reason: c.reason})
}

const (
	// mostServed is how many times a peer is sent each part of a proof at a relay parent: it may lose some, and ask
	// again.
	mostServed = 4
	// missesOfOne times the number of validators, and leastMisses at least, is how many questions of a peer about one
	// relay parent may be for what isn't here: each validator may have seconded two candidates.
	missesOfOne, leastMisses = 2, 64
)

// account is what a peer has asked at one relay parent.
type account struct {
	misses int
	asked  map[primitives.Hash]uint64 // parts of each proof that is here
}

func (p *peer) account(r *relayParent) *account {
	a := p.accounts[r.hash]
	if a == nil {
		a = &account{asked: map[primitives.Hash]uint64{}}
		p.accounts[r.hash] = a
	}
	return a
}

// charge enters a part of a proof; false: the peer has had enough of it.
func (a *account) charge(pov primitives.Hash, size uint64) bool {
	a.asked[pov]++
	return a.asked[pov] <= mostServed*partsOf(size)
}

// miss refuses what isn't here.
func (d *distribution) miss(p *peer, r *relayParent, q *question) {
	a := p.account(r)
	if a.misses++; a.misses > max(leastMisses, missesOfOne*len(r.nodes)) {
		d.report(p, tooMany)
		d.refuse(p, q.id, pdv1.Refusal_REFUSAL_ENOUGH)
		return
	}
	d.refuse(p, q.id, pdv1.Refusal_REFUSAL_NOT_HERE)
}
