package para

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

const id = 7

var leaf1, leaf2, leaf3 = primitives.Hash{1}, primitives.Hash{2}, primitives.Hash{3}

// toy is a parachain whose head is a text: a block adds a letter to it, and its proof of validity is the head before.
type toy struct {
	did   []string
	build func(Opportunity) (*Block, error)
}

func (c *toy) note(format string, args ...any) { c.did = append(c.did, fmt.Sprintf(format, args...)) }

func (c *toy) Build(on Opportunity) (*Block, error) {
	c.note("build on %s at %d", on.Head, on.Number)
	if c.build != nil {
		return c.build(on)
	}
	return &Block{PoV: on.Head, Head: append(append([]byte{}, on.Head...), 'x')}, nil
}

func (c *toy) Submitted(candidate []byte, b *Block) {
	c.note("submitted %s as %s", b.Head, candidate[:2])
}

func (c *toy) NotTaken(b *Block, why *primitivesv1.CollationRefused) {
	c.note("not taken %s: %s", b.Head, why.GetReason().String()[len("COLLATION_REFUSAL_"):])
}

func (c *toy) Became(candidate []byte, s *primitivesv1.CollationStatus) {
	c.note("%s became %s", candidate[:2], map[bool]string{true: "included", false: "more"}[s.GetIncluded() != nil])
}

func (c *toy) Final(candidate []byte) { c.note("%s is final", candidate[:2]) }

// keeper is a toy that must have seen a head to build on it.
type keeper struct {
	toy
	known  map[string]bool
	broken error
}

func (c *keeper) Knows(head []byte) bool { return c.known[string(head)] }

func (c *keeper) Recover(b Recovered) error {
	c.note("recover %s from %s with %s", b.Head, b.Parent, b.PoV)
	return c.broken
}

// world is the node: the collator, runtime-api and availability-distribution.
type world struct {
	*overseertest.Overseer
	t        *testing.T
	did      *[]string
	collate  []overseertest.Sent // CollateOn, as often as it was asked
	watch    []overseertest.Sent
	submits  []overseertest.Sent
	recovers []overseertest.Sent

	last, pending *candidate.CommittedReceipt // of the para
	silent        bool                        // runtime-api
}

func start(t *testing.T, chain Chain, did *[]string) *world {
	w := &world{Overseer: overseertest.Start(t, Spec(id, chain)), t: t, did: did}
	w.On("relay")
	w.settle()
	return w
}

func (w *world) settle() {
	w.t.Helper()
	for all := w.Sent(); len(all) > 0; all = w.Sent() {
		for _, s := range all {
			w.take(s)
		}
	}
}

func (w *world) take(s overseertest.Sent) {
	switch m := s.Body.(type) {
	case *collatorv1.CollateOn:
		if m.GetPara() != id {
			w.t.Errorf("it collates on %d", m.GetPara())
		}
		w.collate = append(w.collate, s)
	case *collatorv1.WatchCollations:
		w.watch = append(w.watch, s)
	case *collatorv1.SubmitCollation:
		w.submits = append(w.submits, s)
	case *distributionv1.RecoverAvailableData:
		w.recovers = append(w.recovers, s)
	case *runtimeapiv1.Request:
		if w.silent {
			s.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
				Error: &runtimeapiv1.RuntimeApiError{Code: runtimeapiv1.RuntimeApiError_CODE_VM_FAILED}}})
			return
		}
		s.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: w.state(m)}})
	default:
		w.t.Fatalf("unexpected: %v", s)
	}
}

func (w *world) state(m *runtimeapiv1.Request) *runtimeapiv1.RuntimeApiAnswer {
	a := &runtimeapiv1.RuntimeApiAnswer{}
	switch m.GetRequest().GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_LastIncluded:
		last := &runtimeapiv1.LastIncludedAnswer{Session: 4}
		if w.last != nil {
			last.Receipt = parachain.ReceiptMessage(short(w.t, *w.last))
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_LastIncluded{LastIncluded: last}
	case *runtimeapiv1.RuntimeApiRequest_CandidatePendingAvailability:
		p := &runtimeapiv1.CandidatePendingAvailabilityAnswer{}
		if w.pending != nil {
			p.Receipt = parachain.CommittedMessage(*w.pending)
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_CandidatePendingAvailability{CandidatePendingAvailability: p}
	case *runtimeapiv1.RuntimeApiRequest_SessionIndexForChild:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
			SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: 5}}
	}
	return a
}

// made is a candidate that has made a head.
func made(head string) *candidate.CommittedReceipt {
	c := signbytes.Collation{ParaID: id, ParaHead: primitives.HashOf([]byte(head))}
	return &candidate.CommittedReceipt{
		Descriptor:  candidate.Descriptor{Collation: c},
		Commitments: candidate.Commitments{HeadData: []byte(head)},
	}
}

func short(t *testing.T, c candidate.CommittedReceipt) candidate.Receipt {
	r, err := c.Receipt()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// opportunity is a leaf on which a block of the para is wanted.
func (w *world) opportunity(leaf primitives.Hash, head string) {
	o := &collatorv1.Opportunity{RelayParent: leaf[:], ValidationData: &primitivesv1.PersistedValidationData{
		ParentHead: []byte(head), RelayParentNumber: uint64(leaf[0]), MaxPovSize: 100}}
	w.collate[len(w.collate)-1].Item(&collatorv1.CollateOnResponse{
		Item: &collatorv1.CollateOnResponse_Opportunity{Opportunity: o}})
	w.settle()
}

func (w *world) leaf(hash primitives.Hash) {
	w.StartWork(hash[:], nil, uint64(hash[0]))
	w.settle()
}

func (w *world) final(chain string, hash primitives.Hash, number uint64) {
	w.On(chain)
	w.Finalized(hash[:], number)
	w.On("relay")
	w.settle()
}

// submitted is the one block that was handed in since the last time, with its proof of validity.
func (w *world) submitted() (s *collatorv1.SubmitCollation, pov string, sent overseertest.Sent) {
	w.t.Helper()
	if len(w.submits) != 1 {
		w.t.Fatalf("%d blocks were handed in", len(w.submits))
	}
	sent, w.submits = w.submits[0], nil
	s = sent.Body.(*collatorv1.SubmitCollation)
	b, err := w.Blobs.Get(s.GetPov().GetBlockData(), 0, -1)
	if err != nil {
		w.t.Fatal(err)
	}
	return s, string(b.Bytes()), sent
}

// takes answers a submission: the candidate has that name.
func (w *world) takes(s overseertest.Sent, name string) {
	s.Reply(&collatorv1.SubmitCollationResponse{Outcome: &collatorv1.SubmitCollationResponse_Submitted{
		Submitted: &collatorv1.Submitted{Candidate: []byte(name)}}})
	w.settle()
}

func (w *world) step(name string, s *primitivesv1.CollationStatus) {
	w.watch[len(w.watch)-1].Item(&collatorv1.WatchCollationsResponse{Candidate: []byte(name), Status: s})
	w.settle()
}

func includedIn(block primitives.Hash, number uint64) *primitivesv1.CollationStatus {
	return &primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Included{
		Included: &primitivesv1.CollationIncluded{Block: block[:], Number: number}}}
}

// recovered answers the one question for data that is open, with a proof of validity on a head.
func (w *world) recovered(parent, pov string) {
	w.t.Helper()
	ref, err := w.Blobs.Put("availability-distribution", []byte(pov), time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	w.data(&distributionv1.RecoverAvailableDataResponse{Outcome: &distributionv1.RecoverAvailableDataResponse_Data{
		Data: &primitivesv1.AvailableData{Pov: &primitivesv1.PoV{BlockData: ref},
			ValidationData: &primitivesv1.PersistedValidationData{ParentHead: []byte(parent)}}}})
}

func (w *world) data(r *distributionv1.RecoverAvailableDataResponse) {
	w.t.Helper()
	if len(w.recovers) != 1 {
		w.t.Fatalf("%d are asked for", len(w.recovers))
	}
	s := w.recovers[0]
	w.recovers = nil
	s.Reply(r)
	w.settle()
}

// expect compares what the chain was told since the last time.
func (w *world) expect(want ...string) {
	w.t.Helper()
	got := *w.did
	*w.did = nil
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("(-want +got)\n%s", diff)
	}
}

var errNo = errors.New("no")
