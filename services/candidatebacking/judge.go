package candidatebacking

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// How long the steps of a judgement may take.
const (
	fetchTimeout    = 4 * time.Second
	validateTimeout = 15 * time.Second // of CPU time it may take two seconds, and others may come first
	storeTimeout    = 10 * time.Second
)

// cause is the judgement of one candidate, from what is known of it to what is said. Each step goes on with the next,
// or ends it with invalid or abstain; none does anything for a leaf that is gone.
type cause struct {
	*job
	receipt  candidate.Receipt
	hash     primitives.Hash
	verdict  signbytes.Verdict // what is said of it if it is valid: Seconded or Valid
	seconder uint32            // who has proposed it, when it wasn't us
	asked    []uint32          // for the proof of validity

	pov  *primitivesv1.PoV
	data *primitivesv1.PersistedValidationData
	code *primitivesv1.BlobRef
	outs *primitivesv1.CandidateCommitments
}

// fetch gets the proof of validity: from who has seconded the candidate, then from who has vouched for it. When none of
// them sends it, the next one who vouches for the candidate is asked.
func (c *cause) fetch() {
	delete(c.unfetched, c.hash)
	c.asked = slices.Concat(c.unasked(), c.asked)
	q := &povdistributionv1.FetchPoV{
		RelayParent: c.leaf.Hash[:], Descriptor_: parachain.DescriptorMessage(c.receipt.Descriptor), Backers: c.asked,
	}
	subsystem.Ask(c.sub, q, fetchTimeout, func(r *povdistributionv1.FetchPoVResponse, err error) {
		switch {
		case c.ended:
		case r.GetPov() != nil:
			c.pov = r.GetPov()
			c.judge()
		case len(c.unasked()) > 0:
			c.fetch()
		default:
			c.unfetched[c.hash] = c
			c.abstain(fmt.Sprintf("the proof of validity can't be fetched: %v, %v", r.GetMissing(), err))
		}
	})
}

// unasked are those who must have the proof and haven't been asked for it, the seconder first.
func (c *cause) unasked() []uint32 {
	backers := []uint32{c.seconder}
	if a, known := c.table.Attested(c.hash); known {
		for _, v := range a.Votes {
			backers = append(backers, v.Validator)
		}
	}
	var list []uint32
	for _, v := range backers {
		if !slices.Contains(c.asked, v) && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// judge begins with the context in which the candidate was made: the relay chain's word, not the collator's.
func (c *cause) judge() {
	s := c.seats[c.own]
	if only := s.collator; len(only) > 0 && !bytes.Equal(only, c.receipt.Descriptor.Collation.Collator[:]) {
		c.invalid("the core is claimed for another collator")
		return
	}
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_PersistedValidationData{
		PersistedValidationData: &runtimeapiv1.PersistedValidationData{Para: c.own, Assumption: s.assumption}}}
	c.question(q, func(a *runtimeapiv1.RuntimeApiAnswer) {
		c.data = a.GetPersistedValidationData().GetData()
		data, err := parachain.ValidationData(c.data)
		hash, err2 := data.Hash()
		if err := errors.Join(err, err2); c.data != nil && err != nil {
			c.abstain("the runtime's validation data: " + err.Error())
			return
		}
		if c.data == nil || hash != c.receipt.Descriptor.Collation.PersistedValidationDataHash {
			c.invalid("it was made in another context than the relay chain's")
			return
		}
		c.findCode(s)
	})
}

// findCode gets the para's code as the relay chain has it.
func (c *cause) findCode(s seat) {
	q := &runtimeapiv1.ValidationCode{Para: c.own, Number: c.leaf.Number}
	if s.before > 0 {
		q.IntermediateNumber = &s.before
	}
	request := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_ValidationCode{ValidationCode: q}}
	c.question(request, func(a *runtimeapiv1.RuntimeApiAnswer) {
		c.code = a.GetValidationCode().GetCode()
		if want := c.receipt.Descriptor.Collation.ValidationCodeHash; !bytes.Equal(c.code.GetHash(), want[:]) {
			c.invalid("it names other code than the para has now")
			return
		}
		c.validate()
	})
}

// question asks runtime-api. What can't be answered now ends in abstention: the leaf is gone before long.
func (c *cause) question(q *runtimeapiv1.RuntimeApiRequest, then func(*runtimeapiv1.RuntimeApiAnswer)) {
	leaf.Question(c.sub, c.leaf.Hash, q, func(a *runtimeapiv1.RuntimeApiAnswer, err error) {
		switch {
		case c.ended:
		case err != nil:
			c.abstain(err.Error())
		default:
			then(a)
		}
	})
}

func (c *cause) validate() {
	q := &candidatevalidationv1.Validate{
		ValidationCode: c.code, Receipt: parachain.ReceiptMessage(c.receipt), Pov: c.pov, ValidationData: c.data,
	}
	subsystem.Ask(c.sub, q, validateTimeout, func(r *candidatevalidationv1.ValidateResponse, err error) {
		switch o := r.GetOutcome().(type) {
		case *candidatevalidationv1.ValidateResponse_Valid:
			c.outs = o.Valid.GetOutputs()
			if !c.ended {
				c.checkOutputs()
			}
		case *candidatevalidationv1.ValidateResponse_Invalid:
			if !c.ended {
				c.invalid(fmt.Sprintf("%v: %s", o.Invalid.GetReason(), o.Invalid.GetDetail()))
			}
		case *candidatevalidationv1.ValidateResponse_Fault:
			c.abstain(fmt.Sprintf("%v: %s", o.Fault.GetReason(), o.Fault.GetDetail()))
		default:
			c.abstain(fmt.Sprintf("candidate-validation gives no verdict: %v", err))
		}
	})
}

// checkOutputs asks whether the relay chain would take what the candidate puts out.
func (c *cause) checkOutputs() {
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_CheckValidationOutputs{
		CheckValidationOutputs: &runtimeapiv1.CheckValidationOutputs{Para: c.own, Outputs: c.outs}}}
	c.question(q, func(a *runtimeapiv1.RuntimeApiAnswer) {
		v := a.GetCheckValidationOutputs().GetVerdict()
		if v != runtimeapiv1.CheckValidationOutputsAnswer_VERDICT_ACCEPTABLE {
			c.invalid(fmt.Sprintf("the relay chain wouldn't take its outputs: %v", v))
			return
		}
		c.store()
	})
}

// store makes the data available before anything is signed, and shows that the erasure root is the data's.
func (c *cause) store() {
	root := c.receipt.Descriptor.Collation.ErasureRoot
	q := &availabilitystorev1.StoreAvailableData{
		Candidate: c.hash[:], Validators: uint32(len(c.facts.Validators)), ExpectedErasureRoot: root[:],
		Data: &primitivesv1.AvailableData{Pov: c.pov, ValidationData: c.data},
	}
	subsystem.Ask(c.sub, q, storeTimeout, func(r *availabilitystorev1.StoreAvailableDataResponse, err error) {
		switch {
		case c.ended:
		case err != nil:
			c.abstain("the data can't be stored: " + err.Error())
		case r.GetOutcome() == stored || r.GetOutcome() == alreadyStored:
			c.speak(c.verdict)
		case r.GetOutcome() == invalidRoot || r.GetOutcome() == notEncodable:
			c.invalid(fmt.Sprintf("its erasure root isn't that of its data: %v", r.GetOutcome()))
		default:
			c.abstain(fmt.Sprintf("the data can't be stored: %v", r.GetOutcome()))
		}
	})
}

const (
	stored        = availabilitystorev1.StoreAvailableDataResponse_OUTCOME_STORED
	alreadyStored = availabilitystorev1.StoreAvailableDataResponse_OUTCOME_ALREADY_STORED
	invalidRoot   = availabilitystorev1.StoreAvailableDataResponse_OUTCOME_INVALID_ERASURE_ROOT
	notEncodable  = availabilitystorev1.StoreAvailableDataResponse_OUTCOME_NOT_ENCODABLE
)

// abstain ends the judgement without one: something failed in this node, or in the network.
func (c *cause) abstain(why string) {
	if c.ended {
		return
	}
	c.counts.abstained++
	c.counts.lastFault = why
	c.sub.Log.Warn("no judgement of a candidate", "candidate", c.hash.Short(), "parent", c.leaf.Hash.Short(), "err", why)
}
