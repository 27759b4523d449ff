package povdistribution

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// maxFetches is how many proofs are fetched for one relay parent at a time: of a group of five, two of each.
const maxFetches = 10

// fetch is one proof that somebody here waits for.
type fetch struct {
	relayParent *relayParent
	pov         primitives.Hash
	askers      []*subsystem.Message
	backers     []uint32 // who has it, as far as the askers know
	tried       int      // how many of them
	begun       bool
	ended       bool
	reached     bool // a backer was there to be asked
	parts       *parts
}

func (d *distribution) onFetch(m *subsystem.Message, q *pdv1.FetchPoV) {
	r, active := d.leaves.Get(q.GetRelayParent())
	hash, err := primitives.HashFrom(q.GetDescriptor_().GetPovHash())
	switch {
	case err != nil:
		m.Fail(subsystem.Failf(subsystem.Refused, "the hash of the proof: %v", err))
	case !active:
		m.Reply(missing(pdv1.FetchPoVResponse_MISSING_RELAY_PARENT_INACTIVE))
	case d.has(r, hash):
		m.Reply(found(r.held[hash]))
	default:
		d.join(r, hash, m, q.GetBackers())
	}
}

// has tells whether the proof is here: at the relay parent, or at another one, whose blob serves both.
func (d *distribution) has(r *relayParent, hash primitives.Hash) bool {
	if other := d.shelf.blobs[hash]; other != nil {
		d.shelf.hold(r, other.ref)
	}
	return r.held[hash] != nil
}

// join adds an asker to the fetch of its proof, or begins one.
func (d *distribution) join(r *relayParent, hash primitives.Hash, m *subsystem.Message, backers []uint32) {
	at := slices.IndexFunc(r.fetches, func(f *fetch) bool { return f.pov == hash })
	switch {
	case at >= 0:
	case len(r.fetches) >= maxFetches:
		d.sub.Log.Warn("too many proofs are being fetched", "relay_parent", r.hash.String())
		m.Reply(missing(pdv1.FetchPoVResponse_MISSING_TOO_MANY_FETCHES))
		return
	default:
		at = len(r.fetches)
		r.fetches = append(r.fetches, &fetch{relayParent: r, pov: hash})
	}
	f := r.fetches[at]
	f.askers = append(f.askers, m)
	m.OnCancel(func() { d.abandon(f) })
	for _, v := range backers {
		if !slices.Contains(f.backers, v) {
			f.backers = append(f.backers, v)
		}
	}
	d.start(r)
}

// abandon ends a fetch for which nobody waits any more.
func (d *distribution) abandon(f *fetch) {
	f.askers = slices.DeleteFunc(f.askers, func(m *subsystem.Message) bool { return !m.Open() })
	if len(f.askers) == 0 {
		d.finish(f, nil)
	}
}

// next asks the next backer that is connected.
func (d *distribution) next(f *fetch) {
	for f.tried < len(f.backers) {
		v := f.backers[f.tried]
		f.tried++
		if p := d.backer(f.relayParent, v); p != nil {
			f.reached = true
			d.sub.Log.Debug("a proof is asked for", "pov", f.pov.String(), "validator", v, "peer", p.id.String())
			d.askAll(f, p)
			return
		}
	}
	why := pdv1.FetchPoVResponse_MISSING_NOBODY_TO_ASK
	if f.reached {
		why = pdv1.FetchPoVResponse_MISSING_NOBODY_SENT_IT
	}
	d.missing(f, why)
}

// backer is the peer that is a validator; nil: it isn't connected.
func (d *distribution) backer(r *relayParent, validator uint32) *peer {
	if int64(validator) >= int64(len(r.nodes)) {
		return nil
	}
	return d.peers[r.nodes[validator]]
}

func (d *distribution) missing(f *fetch, why pdv1.FetchPoVResponse_Missing) {
	d.sub.Log.Info("a proof is missing", "pov", f.pov.String(), "relay_parent", f.relayParent.hash.String(), "why", why)
	d.finish(f, func(m *subsystem.Message) { m.Reply(missing(why)) })
}

// finish ends a fetch and answers all who wait for it.
func (d *distribution) finish(f *fetch, answer func(*subsystem.Message)) {
	f.ended, f.parts = true, nil
	r := f.relayParent
	r.fetches = slices.DeleteFunc(r.fetches, func(other *fetch) bool { return other == f })
	for _, m := range f.askers {
		answer(m)
	}
}

func missing(why pdv1.FetchPoVResponse_Missing) *pdv1.FetchPoVResponse {
	return &pdv1.FetchPoVResponse{Outcome: &pdv1.FetchPoVResponse_Missing_{Missing: why}}
}

func found(pov *primitivesv1.PoV) *pdv1.FetchPoVResponse {
	return &pdv1.FetchPoVResponse{Outcome: &pdv1.FetchPoVResponse_Pov{Pov: pov}}
}
