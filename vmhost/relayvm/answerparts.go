package relayvm

import (
	"context"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/inherent"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// maxAncestors is how many may be asked for at once.
const maxAncestors = 4096

func (q *question) ancestors(count uint32) (*runtimeapiv1.AncestorsAnswer, error) {
	if count > maxAncestors {
		return nil, vmsdk.Invalidf("%d ancestors; at most %d may be asked for", count, maxAncestors)
	}
	a := &runtimeapiv1.AncestorsAnswer{}
	for _, id := range q.vm.kept.ancestors(q.kept, int(count)) {
		a.Hashes = append(a.Hashes, id[:])
	}
	return a, nil
}

func (q *question) header() *runtimeapiv1.BlockHeaderAnswer {
	k := q.kept
	return &runtimeapiv1.BlockHeaderAnswer{Header: &primitivesv1.BlockHeader{
		Hash: q.consensus[:], Number: k.Height, Parent: k.ConsensusParent[:], StateRoot: k.Root[:],
		TimestampMillis: k.Millis,
	}}
}

func (q *question) signingContext() *runtimeapiv1.SigningContextAnswer {
	return &runtimeapiv1.SigningContextAnswer{Context: &primitivesv1.SigningContext{
		Session: q.kept.world.session.Index, Parent: q.consensus[:],
	}}
}

// assumptions are the questions' words for those of package inherent.
var assumptions = map[runtimeapiv1.OccupiedCoreAssumption]inherent.Assumption{
	runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_INCLUDED:  inherent.Included,
	runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_TIMED_OUT: inherent.TimedOut,
	runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_FREE:      inherent.Free,
}

func (q *question) validationData(
	r *runtimeapiv1.PersistedValidationData,
) (*runtimeapiv1.PersistedValidationDataAnswer, error) {
	assumption, ok := assumptions[r.GetAssumption()]
	if !ok {
		return nil, vmsdk.Invalidf("the assumption %d isn't known", r.GetAssumption())
	}
	d, ok := q.kept.validationData(q.kept.world, r.GetPara(), assumption)
	if !ok {
		return &runtimeapiv1.PersistedValidationDataAnswer{}, nil
	}
	return &runtimeapiv1.PersistedValidationDataAnswer{Data: parachain.ValidationDataMessage(d)}, nil
}

func (q *question) checkOutputs(
	r *runtimeapiv1.CheckValidationOutputs,
) (*runtimeapiv1.CheckValidationOutputsAnswer, error) {
	c, err := parachain.Commitments(r.GetOutputs())
	if err != nil {
		return nil, vmsdk.Invalidf("%v", err)
	}
	v, err := q.kept.world.outputs(r.GetPara(), c, q.kept.Height, q.codeSize)
	return &runtimeapiv1.CheckValidationOutputsAnswer{Verdict: v}, err
}

func (q *question) pending(para uint32) (*runtimeapiv1.CandidatePendingAvailabilityAnswer, error) {
	p := q.kept.world.pending[para]
	if p == nil {
		return &runtimeapiv1.CandidatePendingAvailabilityAnswer{}, nil
	}
	c, err := p.receipt()
	return &runtimeapiv1.CandidatePendingAvailabilityAnswer{Receipt: parachain.CommittedMessage(c)}, err
}

func (q *question) lastIncluded(para uint32) (*runtimeapiv1.LastIncludedAnswer, error) {
	p := q.kept.world.paras[para]
	if p == nil || p.Last == nil {
		return &runtimeapiv1.LastIncludedAnswer{}, nil
	}
	r, err := candidate.DecodeReceipt(p.Last.Receipt)
	if err != nil {
		return nil, vmsdk.Corruptf("the receipt of what was included last can't be read: %v", err)
	}
	return &runtimeapiv1.LastIncludedAnswer{
		Receipt: parachain.ReceiptMessage(r), Number: p.Included, Session: p.Last.Session,
	}, nil
}

func (q *question) events() (*runtimeapiv1.CandidateEventsAnswer, error) {
	a := &runtimeapiv1.CandidateEventsAnswer{}
	for _, e := range q.kept.world.events {
		r, err := candidate.DecodeReceipt(e.Receipt)
		if err != nil {
			return nil, vmsdk.Corruptf("an event's receipt can't be read: %v", err)
		}
		a.Events = append(a.Events, &runtimeapiv1.CandidateEvent{
			Kind: e.Kind, Receipt: parachain.ReceiptMessage(r), HeadData: e.Head, Core: e.Core, Group: e.Group,
		})
	}
	return a, nil
}

// code is a reference to some code, whose bytes come with the answer; nil: there is none.
func (q *question) code(hash primitives.Hash) (*primitivesv1.BlobRef, error) {
	size, err := q.codeSize(hash)
	if err != nil || size == 0 {
		return nil, err
	}
	q.blobs = append(q.blobs, vmsdk.RuntimeBlob{
		Hash: vmsdk.ID(hash), Size: size,
		Load: func(context.Context) ([]byte, error) { return q.entry(codeKey(hash)) },
	})
	return &primitivesv1.BlobRef{Hash: hash[:], Size: size}, nil
}

func (q *question) codeByHash(name []byte) (*runtimeapiv1.ValidationCodeByHashAnswer, error) {
	hash, err := primitives.HashFrom(name)
	if err != nil {
		return nil, vmsdk.Invalidf("%v", err)
	}
	ref, err := q.code(hash)
	return &runtimeapiv1.ValidationCodeByHashAnswer{Code: ref}, err
}

func (q *question) validationCode(r *runtimeapiv1.ValidationCode) (*runtimeapiv1.ValidationCodeAnswer, error) {
	between := int64(-1)
	if r.IntermediateNumber != nil {
		between = int64(min(r.GetIntermediateNumber(), 1<<62))
	}
	p := q.kept.world.paras[r.GetPara()]
	if p == nil {
		return &runtimeapiv1.ValidationCodeAnswer{}, nil
	}
	hash, known := p.codeAt(r.GetNumber(), between)
	if !known {
		return &runtimeapiv1.ValidationCodeAnswer{}, nil
	}
	ref, err := q.code(hash)
	return &runtimeapiv1.ValidationCodeAnswer{Code: ref}, err
}
