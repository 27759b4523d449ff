package statementdistribution

import (
	"github.com/reevenet/reeve/internal/core/knowledge"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// verdicts says of statements whether their signatures hold.
type verdicts map[statements.Signed]bool

// hearing is a message of a peer some of whose signatures have to be verified first.
type hearing struct {
	peer    *peer
	said    *saying
	at      *relayParent
	unknown []statements.Signed
}

// hear takes a message of a peer. Signatures that haven't been verified yet are verified first; what else the peer says
// waits for that, and nobody else does.
func (d *distribution) hear(p *peer, said *saying) {
	r, _ := d.leaves.Get(said.relayParent[:])
	unknown := unverified(r, said)
	if len(unknown) == 0 {
		d.take(p, said, nil)
		return
	}
	p.busy = true
	d.hearings = append(d.hearings, hearing{p, said, r, unknown})
	d.verify()
}

// verify has the signatures verified that wait for it, off the loop: all together, since each costs a third then. What
// comes meanwhile is the next lot. Of a peer one message waits at most.
func (d *distribution) verify() {
	if d.verifying || len(d.hearings) == 0 {
		return
	}
	lot := d.hearings
	d.hearings, d.verifying = nil, true
	subsystem.Offload(d.sub, func() ([]verdicts, error) { return d.judged(lot), nil }, func(v []verdicts, _ error) {
		for i, h := range lot {
			d.verified += int64(len(h.unknown))
			h.peer.busy = false
			if d.peers[h.peer.id] == h.peer {
				d.take(h.peer, h.said, v[i])
			}
			d.next(h.peer)
		}
		d.verifying = false
		d.verify()
	})
}

// judged verifies a lot, what several peers have sent once.
func (d *distribution) judged(lot []hearing) []verdicts {
	var claims []parachain.Claim
	places := map[claimed]int{}
	for _, h := range lot {
		for _, s := range h.unknown {
			if _, twice := places[claimed{h.at, s}]; !twice {
				places[claimed{h.at, s}] = len(claims)
				claims = append(claims, h.at.claim(s))
			}
		}
	}
	good, all := d.verifier.Verify(claims), make([]verdicts, len(lot))
	for i, h := range lot {
		all[i] = verdicts{}
		for _, s := range h.unknown {
			all[i][s] = good[places[claimed{h.at, s}]]
		}
	}
	return all
}

// claimed is a statement in its context.
type claimed struct {
	at        *relayParent
	statement statements.Signed
}

// unverified are the statements of a message whose signatures will be asked for.
func unverified(r *relayParent, said *saying) (list []statements.Signed) {
	if r == nil || !r.active {
		return nil
	}
	for _, one := range said.spoken {
		if _, done := r.verified[one.signed]; !done {
			list = append(list, one.signed)
		}
	}
	return list
}

// holds tells whether the signature of a statement holds.
func (r *relayParent) holds(s statements.Signed, v verdicts) bool {
	if _, done := r.verified[s]; done {
		return true
	}
	good, done := v[s]
	if !done { // the relay parent has become active meanwhile
		good = r.claim(s).Holds()
	}
	return good
}

// take takes the statements of a message one after the other, up to the first that costs the peer something.
func (d *distribution) take(p *peer, said *saying, v verdicts) {
	r, _ := d.leaves.Get(said.relayParent[:])
	verify := func(s statements.Signed) bool { return r.holds(s, v) } // asked of active relay parents only
	for i, one := range said.spoken {
		switch note, conduct := d.takeOne(p, r, said.relayParent, one, verify); {
		case note == knowledge.Early:
			d.hold(p, &saying{said.relayParent, said.spoken[i:], said.bytes})
			return
		case conduct.Value < 0:
			return
		}
	}
}

// takeOne takes one, with all that follows from it.
func (d *distribution) takeOne(
	p *peer, r *relayParent, at primitives.Hash, one spoken, verify func(statements.Signed) bool,
) (knowledge.Note, knowledge.Conduct) {
	got := d.known.Receive(p.id, at, one.signed, verify)
	if got.Conduct == knowledge.UnknownCandidate && r.joined {
		d.orphan(r, one)
		return got.Note, knowledge.Conduct{}
	}
	if got.Note == knowledge.Fresh {
		d.sub.About(one.signed.Candidate[:], "statement", func() { d.fresh(r, one) })
	}
	d.judge(p, got.Conduct)
	d.send(got.Sends)
	return got.Note, got.Conduct
}
