package para

import (
	"errors"
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// recoverTimeout is how long the data of one block may take.
const recoverTimeout = 20 * time.Second

// errUnmade: no candidate has made the head, so nobody has data of it.
var errUnmade = errors.New("no block of the parachain has made it: the chain must know by itself what it began with")

// recovery brings a chain to a head that it doesn't know: it finds the candidate that has made the head, has its data
// put together from what the validators hold, and gives it to the chain.
type recovery struct {
	*producer
	of   Recoverer
	on   Opportunity
	then func(error)
}

func (p *producer) recover(of Recoverer, on Opportunity, then func(error)) {
	r := &recovery{producer: p, of: of, on: on, then: func(err error) {
		if err != nil {
			err = fmt.Errorf("the parachain doesn't know the head that it is to build on: %w", err)
		}
		then(err)
	}}
	r.included()
}

// question asks about the relay chain's state after the relay parent.
func (r *recovery) question(q *runtimeapiv1.RuntimeApiRequest, then func(*runtimeapiv1.RuntimeApiAnswer)) {
	at, err := primitives.HashFrom(r.on.RelayParent)
	if err != nil {
		r.then(err)
		return
	}
	leaf.Question(r.sub, at, q, func(a *runtimeapiv1.RuntimeApiAnswer, err error) {
		if err != nil {
			r.then(err)
			return
		}
		then(a)
	})
}

// included asks for the candidate that was included last. If it didn't make the head, one that is on a core does.
func (r *recovery) included() {
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_LastIncluded{
		LastIncluded: &runtimeapiv1.LastIncluded{Para: r.para}}}
	r.question(q, func(a *runtimeapiv1.RuntimeApiAnswer) {
		if last := a.GetLastIncluded(); r.made(last.GetReceipt().GetDescriptor_()) {
			r.fetch(last.GetReceipt(), last.GetSession())
			return
		}
		r.pending()
	})
}

// made tells whether a candidate has made the head.
func (r *recovery) made(d *primitivesv1.CandidateDescriptor) bool {
	head := primitives.HashOf(r.on.Head)
	return string(d.GetParaHead()) == string(head[:])
}

// pending asks for the candidate that is on a core, and for the session to which its data belongs.
func (r *recovery) pending() {
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_CandidatePendingAvailability{
		CandidatePendingAvailability: &runtimeapiv1.CandidatePendingAvailability{Para: r.para}}}
	r.question(q, func(a *runtimeapiv1.RuntimeApiAnswer) {
		c, err := parachain.Committed(a.GetCandidatePendingAvailability().GetReceipt())
		short, err2 := c.Receipt()
		if err := errors.Join(err, err2); err != nil || !r.made(parachain.DescriptorMessage(c.Descriptor)) {
			r.then(errUnmade)
			return
		}
		session := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_SessionIndexForChild{
			SessionIndexForChild: &runtimeapiv1.SessionIndexForChild{}}}
		r.question(session, func(a *runtimeapiv1.RuntimeApiAnswer) {
			r.fetch(parachain.ReceiptMessage(short), a.GetSessionIndexForChild().GetSession())
		})
	})
}

// fetch has the candidate's data put together.
func (r *recovery) fetch(m *primitivesv1.CandidateReceipt, session uint32) {
	receipt, err := parachain.Receipt(m)
	if err != nil {
		r.then(err)
		return
	}
	id := receipt.Hash()
	r.sub.Log.Info("the parachain's newest block is recovered", "para", r.para, "candidate", id.Short())
	q := &distributionv1.RecoverAvailableData{Candidate: id[:], Receipt: m, Session: session}
	subsystem.Ask(r.sub, q, recoverTimeout, func(a *distributionv1.RecoverAvailableDataResponse, err error) {
		switch {
		case err != nil:
			r.then(err)
		case a.GetData() == nil && a.GetUnavailable() != nil:
			r.then(fmt.Errorf("of the %d chunks that it takes %d can be had now", a.GetUnavailable().GetNeed(),
				a.GetUnavailable().GetHave()))
		case a.GetData() == nil:
			r.then(errors.New("its data was encoded wrongly, and is lost"))
		default:
			r.give(a.GetData())
		}
	})
}

// give reads the proof of validity and has the chain take it in.
func (r *recovery) give(data *primitivesv1.AvailableData) {
	r.sub.Blobs().Get(data.GetPov().GetBlockData(), 0, -1, func(b subsystem.Blob, err error) {
		if err != nil {
			r.then(err)
			return
		}
		block := Recovered{Parent: data.GetValidationData().GetParentHead(), Head: r.on.Head}
		subsystem.Offload(r.sub, func() (struct{}, error) {
			block.PoV = append(block.PoV, b.Bytes()...) // it may be kept
			return struct{}{}, errors.Join(b.Close(), r.of.Recover(block))
		}, func(_ struct{}, err error) { r.then(err) })
	})
}
