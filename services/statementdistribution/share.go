package statementdistribution

import (
	"github.com/reevenet/reeve/internal/core/knowledge"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	cbv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// onShare spreads a statement of this node's own.
func (d *distribution) onShare(s *sdv1.Share) {
	r, known := d.leaves.Get(s.GetRelayParent())
	signed, err := parachain.Statement(s.GetStatement())
	one := spoken{s.GetStatement(), signed}
	switch {
	case !known:
		d.sub.Log.Info("a statement of ours is about no leaf any more: nobody is told",
			"candidate", signed.Candidate.String())
	case err != nil || one.seconds() && one.message.GetStatement().GetSeconded() == nil:
		d.sub.Log.Error("candidate-backing shares what is no statement, or seconds without the receipt", "why", err)
	case !r.active:
		r.early = append(r.early, s)
	default:
		d.sub.About(signed.Candidate[:], "share", func() { d.share(r, one) })
	}
}

func (s *spoken) seconds() bool { return s.signed.Verdict == signbytes.Seconded }

func (d *distribution) share(r *relayParent, one spoken) {
	note, sends := d.known.Share(r.hash, one.signed)
	d.sub.Log.Debug("a statement of ours", "candidate", one.signed.Candidate.String(), "verdict", one.signed.Verdict,
		"new", note == knowledge.Fresh, "peers", len(sends))
	if note == knowledge.Fresh {
		r.keep(one)
		d.tell(r, one)
		d.send(sends)
	}
}

// maxOrphans is how many statements of a relay parent are passed on whose candidate only an earlier instance of this
// subsystem has known.
const maxOrphans = 1024

// orphan passes on a statement about a candidate that candidate-backing may know from before this subsystem was started
// anew. Nobody else is told: to peers it is nothing without the candidate.
func (d *distribution) orphan(r *relayParent, one spoken) {
	if _, passed := r.verified[one.signed]; !passed && r.orphans < maxOrphans {
		r.orphans++
		d.fresh(r, one)
	}
}

// retell passes on all that is known of a relay parent, this node's own included. Who knows it already takes no notice.
func (d *distribution) retell(hash primitives.Hash, r *relayParent) {
	for _, s := range d.known.All(hash) {
		d.sub.Send(&cbv1.Statement{RelayParent: r.hash[:], Statement: r.message(s)})
	}
}

// fresh passes on what a peer has brought that is new.
func (d *distribution) fresh(r *relayParent, one spoken) {
	_, passed := r.verified[one.signed]
	r.keep(one)
	if passed {
		return
	}
	d.news++
	d.sub.Send(&cbv1.Statement{RelayParent: r.hash[:], Statement: one.message})
	d.tell(r, one)
}
