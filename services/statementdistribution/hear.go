package statementdistribution

import (
	"github.com/reevenet/reeve/internal/core/knowledge"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// verdicts says of statements whether their signatures hold.
type verdicts map[statements.Signed]bool

// hear takes a message of a peer. Signatures that haven't been verified yet are verified first, all those of the
// message at once and off the loop; what else the peer says waits for that, and nobody else does.
func (d *distribution) hear(p *peer, said *saying) {
	r, _ := d.leaves.Get(said.relayParent[:])
	unknown := unverified(r, said)
	if len(unknown) == 0 {
		d.take(p, said, nil)
		return
	}
	p.busy = true
	d.verified += int64(len(unknown))
	subsystem.Offload(d.sub, func() (verdicts, error) {
		v := verdicts{}
		for _, s := range unknown {
			v[s] = r.verify(s)
		}
		return v, nil
	}, func(v verdicts, _ error) {
		p.busy = false
		if d.peers[p.id] == p {
			d.take(p, said, v)
		}
		d.next(p)
	})
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
		good = r.verify(s)
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
