package candidateselection

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

const (
	// partTimeout is how long a collator may take for one part.
	partTimeout = time.Second
	// slowAfter is how long one collation is waited for before the next is fetched beside it.
	slowAfter = 400 * time.Millisecond
	// maxFetches is how many proofs are fetched for one relay parent at a time.
	maxFetches = 2
	// lease is how long a proof stays when this process ends without letting go of it: longer than a leaf lives.
	lease = 2 * time.Minute
)

// partBudget is what decoding a part may take.
var partBudget = decode.Budget{Bytes: collatorv1.MaxPart + 32, Elements: 4, Depth: 1}

// fetch gets a proof of validity from one collator, part after part.
type fetch struct {
	*relayParent
	offer *offer
	from  primitives.NodeID
	bytes []byte
	slow  bool   // the next collation needn't wait for it
	rest  func() // stops the clock until then
}

// fetchNext asks the offer's next source; without one the offer is refused.
func (r *relayParent) fetchNext(o *offer) {
	if len(o.sources) == 0 {
		r.refuse(o, povMissing, "no collator delivers its proof of validity")
		return
	}
	f := &fetch{relayParent: r, offer: o, from: o.sources[0]}
	o.sources, o.fetch = o.sources[1:], f
	r.fetches = append(r.fetches, f)
	f.rest = r.sub.After(slowAfter, func() {
		f.slow = true
		r.advance()
	})
	f.next()
}

// next asks for the next part, or checks the whole.
func (f *fetch) next() {
	at := uint64(len(f.bytes))
	if at == f.offer.size {
		f.check()
		return
	}
	want := min(collatorv1.MaxPart, f.offer.size-at)
	q, err := proto.Marshal(&collatorv1.PartRequest{Candidate: f.offer.hash[:], Offset: at, Length: uint32(want)})
	if err != nil { // impossible but for running out of memory
		panic(err)
	}
	request := &nbv1.SendRequest{
		Peer: f.from[:], Protocol: collatorv1.ToCollators, Payload: q, DeadlineMs: uint32(partTimeout.Milliseconds()),
	}
	subsystem.Ask(f.sub, request, 2*partTimeout, func(r *nbv1.SendRequestResponse, err error) {
		switch {
		case f.ended:
		case err != nil:
			f.fail(povMissing, err.Error())
		case r.GetFailure().GetCode() == nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_TIMED_OUT:
			f.report(f.from, slow)
			f.fail(povMissing, slow.reason)
		case r.GetFailure() != nil:
			f.fail(povMissing, r.GetFailure().GetMessage())
		default:
			f.onPart(int(want), r.GetPayload())
		}
	})
}

func (f *fetch) onPart(want int, payload []byte) {
	var part collatorv1.Part
	if err := decode.Unmarshal(payload, &part, partBudget); err != nil || len(part.GetBytes()) != want {
		f.report(f.from, noPart)
		f.fail(povMissing, noPart.reason)
		return
	}
	f.bytes = append(f.bytes, part.GetBytes()...)
	f.next()
}

// check hashes the whole, off the loop.
func (f *fetch) check() {
	bytes, want := f.bytes, f.offer.receipt.Descriptor.Collation.PoVHash
	subsystem.Offload(f.sub, func() (bool, error) { return candidate.PoVHash(bytes) == want, nil },
		func(right bool, _ error) {
			switch {
			case f.ended:
			case !right:
				f.report(f.from, wrongProof)
				f.fail(povMismatch, wrongProof.reason)
			default:
				f.store()
			}
		})
}

// store puts the proof where candidate-backing finds it. That there is no room is this node's fault.
func (f *fetch) store() {
	f.sub.Blobs().Put(f.bytes, lease, func(ref *primitivesv1.BlobRef, err error) {
		o := f.offer
		switch {
		case err == nil && (f.ended || o.ended):
			f.sub.Blobs().Release(ref)
		case f.ended:
		case err != nil:
			f.stop()
			f.refuse(o, nodeFault, "its proof of validity can't be stored: "+err.Error())
			f.advance()
		default:
			f.stop()
			o.pov, o.held = &primitivesv1.PoV{BlockData: ref}, true
			f.counts.fetched++
			f.sub.Log.Debug("a collation is here", "candidate", o.hash.Short(), "bytes", len(f.bytes))
			f.advance()
		}
	})
}

// fail goes on to the next source of the collation, and to the next collation.
func (f *fetch) fail(why primitivesv1.CollationRefusal, detail string) {
	f.stop()
	f.sub.Log.Debug("a collation doesn't come", "candidate", f.offer.hash.Short(), "peer", f.from.Short(), "why", detail)
	if len(f.offer.sources) == 0 {
		f.refuse(f.offer, why, detail)
	}
	f.advance()
}

func (f *fetch) stop() {
	f.rest()
	f.offer.fetch = nil
	f.fetches = slices.DeleteFunc(f.fetches, func(other *fetch) bool { return other == f })
}
