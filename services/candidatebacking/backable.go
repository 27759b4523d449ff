package candidatebacking

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidatebackingv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
)

// maxWatchers may follow one leaf: candidate-selection, and tools.
const maxWatchers = 16

const (
	refusalInactive = candidatebackingv1.RegisterBackingWatcherResponse_REFUSAL_RELAY_PARENT_INACTIVE
	refusalRuntime  = candidatebackingv1.RegisterBackingWatcherResponse_REFUSAL_RUNTIME_UNAVAILABLE
)

// onRegisterBackingWatcher gives what is backable, and then what becomes so.
func (b *backing) onRegisterBackingWatcher(m *subsystem.Message, q *candidatebackingv1.RegisterBackingWatcher) {
	j, active := b.jobs.Get(q.GetRelayParent())
	switch {
	case !active:
		refuseWatcher(m, refusalInactive)
		return
	case j.failed != nil:
		refuseWatcher(m, refusalRuntime)
		return
	case len(j.watchers) >= maxWatchers:
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d watch this leaf already", maxWatchers))
		return
	}
	j.watchers = append(j.watchers, m)
	m.OnCancel(func() {
		j.watchers = slices.DeleteFunc(j.watchers, func(w *subsystem.Message) bool { return w == m })
	})
	if j.table == nil {
		return
	}
	for _, a := range j.table.Backable() {
		m.Item(itemOf(j.backed(a)))
	}
}

func refuseWatcher(m *subsystem.Message, why candidatebackingv1.RegisterBackingWatcherResponse_Refusal) {
	m.Item(&candidatebackingv1.RegisterBackingWatcherResponse{
		Item: &candidatebackingv1.RegisterBackingWatcherResponse_Refusal_{Refusal: why}})
	m.End()
}

func itemOf(b *primitivesv1.BackedCandidate) *candidatebackingv1.RegisterBackingWatcherResponse {
	return &candidatebackingv1.RegisterBackingWatcherResponse{
		Item: &candidatebackingv1.RegisterBackingWatcherResponse_Backable{Backable: b}}
}

// backable tells of a candidate that has got its quorum.
func (j *job) backable(a statements.Attested) {
	j.counts.backable++
	j.sub.Log.Debug("a candidate is backed", "candidate", a.Candidate.Short(), "para", a.Para, "votes", len(a.Votes))
	b := j.backed(a)
	j.sub.About(a.Candidate[:], "back", func() { j.provide(b) })
	for _, m := range j.watchers {
		m.Item(itemOf(b))
	}
}

func (j *job) provide(b *primitivesv1.BackedCandidate) {
	j.sub.Send(&provisionerv1.ProvisionableData{RelayParent: j.leaf.Hash[:],
		Kind: &provisionerv1.ProvisionableData_BackedCandidate{BackedCandidate: b}})
}

// provideAgain gives the provisioner all that is backed.
func (j *job) provideAgain() {
	if j.table == nil {
		return
	}
	for _, a := range j.table.Backable() {
		j.provide(j.backed(a))
	}
}

// backed is the candidate with its votes, in the order of the group's bits.
func (j *job) backed(a statements.Attested) *primitivesv1.BackedCandidate {
	b := &primitivesv1.BackedCandidate{
		Receipt: parachain.CommittedMessage(j.receipts[a.Candidate]), GroupMembers: parachain.BitsMessage(a.Bits()),
	}
	for _, v := range a.Votes {
		b.Votes = append(b.Votes, attestation(v))
	}
	return b
}

func attestation(v statements.Signed) *primitivesv1.ValidityAttestation {
	if v.Verdict == signbytes.Seconded {
		return &primitivesv1.ValidityAttestation{
			Kind: &primitivesv1.ValidityAttestation_Implicit{Implicit: v.Signature[:]}}
	}
	return &primitivesv1.ValidityAttestation{
		Kind: &primitivesv1.ValidityAttestation_Explicit{Explicit: v.Signature[:]}}
}

// short is the short form of a receipt that is known.
func short(r candidate.CommittedReceipt) *primitivesv1.CandidateReceipt {
	s, err := r.Receipt()
	if err != nil {
		return nil
	}
	return parachain.ReceiptMessage(s)
}
