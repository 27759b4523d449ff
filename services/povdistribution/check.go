package povdistribution

import (
	"errors"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/overseer/subsystem"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// check looks whether all parts together are the proof. That takes a while, so it is done off the loop.
func (d *distribution) check(t *parts) {
	bytes, want := t.bytes, t.fetch.pov
	subsystem.Offload(d.sub, func() (bool, error) { return candidate.PoVHash(bytes) == want, nil },
		func(right bool, _ error) {
			switch {
			case !t.current():
			case right:
				d.report(t.from, rightProof)
				d.store(t)
			default:
				d.sub.Log.Info("a backer sent another proof", "pov", want.String(), "peer", t.from.id.String())
				d.report(t.from, wrongProof)
				d.next(t.fetch)
			}
		})
}

// store puts a proof into the blob store, and answers with it. That the store doesn't take it is our own fault.
func (d *distribution) store(t *parts) {
	f := t.fetch
	d.sub.Blobs().Put(t.bytes, lease, func(ref *primitivesv1.BlobRef, err error) {
		switch {
		case err == nil && f.ended:
			d.shelf.unneeded(ref)
		case f.ended:
		case err != nil:
			d.sub.Log.Warn("a proof can't be stored", "pov", f.pov.String(), "why", err)
			d.finish(f, func(m *subsystem.Message) { m.Fail(unstored(err)) })
		default:
			d.fetched++
			d.sub.Log.Debug("a proof is here", "pov", f.pov.String(), "bytes", len(t.bytes), "peer", t.from.id.String())
			d.have(f.relayParent, &primitivesv1.PoV{BlockData: ref})
		}
	})
}

func unstored(err error) *subsystem.Failure {
	code := subsystem.Unavailable
	if errors.Is(err, subsystem.ErrBlobsFull) {
		code = subsystem.Overloaded
	}
	return subsystem.Failf(code, "the proof can't be stored: %v", err)
}

// onDistribute serves a proof of this node's own from now on.
func (d *distribution) onDistribute(s *pdv1.DistributePoV) {
	r, active := d.leaves.Get(s.GetRelayParent())
	switch {
	case string(s.GetPov().GetBlockData().GetHash()) != string(s.GetDescriptor_().GetPovHash()):
		d.sub.Log.Error("candidate-backing distributes a proof that isn't the candidate's")
	case !active:
		d.sub.Log.Info("a proof of ours is for no leaf any more: nobody is served it")
	default:
		d.have(r, s.GetPov())
	}
}

// have holds a proof for a relay parent, and answers those who wait for it.
func (d *distribution) have(r *relayParent, pov *primitivesv1.PoV) {
	hash, ok := d.shelf.hold(r, pov)
	if !ok {
		return
	}
	for _, f := range r.fetches {
		if f.pov == hash {
			d.finish(f, func(m *subsystem.Message) { m.Reply(found(pov)) })
			return
		}
	}
}
