package candidatevalidation

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	"github.com/reevenet/reeve/services/candidatevalidation/job"
)

// broken is the rule that a candidate breaks.
type broken struct {
	reason candidatevalidationv1.Invalid_Reason
	detail string
}

func breaks(reason candidatevalidationv1.Invalid_Reason, format string, args ...any) *broken {
	return &broken{reason, fmt.Sprintf(format, args...)}
}

// The rules, by the names of the protocol.
const (
	executionFailed = candidatevalidationv1.Invalid_REASON_EXECUTION_FAILED
	badReturn       = candidatevalidationv1.Invalid_REASON_BAD_RETURN
	timedOut        = candidatevalidationv1.Invalid_REASON_TIMED_OUT
	povTooLarge     = candidatevalidationv1.Invalid_REASON_POV_TOO_LARGE
	povMismatch     = candidatevalidationv1.Invalid_REASON_POV_HASH_MISMATCH
	codeMismatch    = candidatevalidationv1.Invalid_REASON_CODE_HASH_MISMATCH
	codeTooLarge    = candidatevalidationv1.Invalid_REASON_CODE_TOO_LARGE
	codeMalformed   = candidatevalidationv1.Invalid_REASON_CODE_MALFORMED
	badSignature    = candidatevalidationv1.Invalid_REASON_BAD_SIGNATURE
	dataMismatch    = candidatevalidationv1.Invalid_REASON_VALIDATION_DATA_MISMATCH
	headMismatch    = candidatevalidationv1.Invalid_REASON_PARA_HEAD_MISMATCH
	commitmentsMiss = candidatevalidationv1.Invalid_REASON_COMMITMENTS_MISMATCH
)

// examine reads a question and decides what needs no bytes. The error is of a question that is none.
func examine(m *subsystem.Message, body *candidatevalidationv1.Validate) (*candidacy, *broken, error) {
	c := &candidacy{m: m, code: body.GetValidationCode()}
	var err error
	if c.receipt, err = parachain.Receipt(body.GetReceipt()); err != nil {
		return nil, nil, err
	}
	c.hash = c.receipt.Hash()
	if c.data, err = parachain.ValidationData(body.GetValidationData()); err != nil {
		return nil, nil, err
	}
	return c, c.check(body), nil
}

// check finds the first rule that is broken, in the order of the package's comment.
func (c *candidacy) check(body *candidatevalidationv1.Validate) *broken {
	of, pov := c.receipt.Descriptor.Collation, body.GetPov().GetBlockData()
	if most := min(uint64(c.data.MaxPoVSize), candidate.MaxPoV); pov.GetSize() > most {
		return breaks(povTooLarge, "the proof of validity has %d bytes, and may have %d", pov.GetSize(), most)
	}
	if string(pov.GetHash()) != string(of.PoVHash[:]) {
		return breaks(povMismatch, "the proof of validity is %x, and the descriptor names %v", pov.GetHash(),
			of.PoVHash)
	}
	if string(c.code.GetHash()) != string(of.ValidationCodeHash[:]) {
		return breaks(codeMismatch, "the code is %x, and the descriptor names %v", c.code.GetHash(),
			of.ValidationCodeHash)
	}
	if h, err := c.data.Hash(); err != nil || h != of.PersistedValidationDataHash {
		return breaks(dataMismatch, "the validation data are %v, and the descriptor names %v", h,
			of.PersistedValidationDataHash)
	}
	if !c.receipt.Descriptor.Verify() {
		return breaks(badSignature, "the signature isn't that of collator %x", of.Collator)
	}
	if c.code.GetSize() > job.MaxCode {
		return breaks(codeTooLarge, "the code has %d bytes, and may have %d", c.code.GetSize(), job.MaxCode)
	}
	return nil
}

// compare finds whether the outputs are what the receipt promises.
func (c *candidacy) compare(outputs []byte) (candidate.Commitments, *broken) {
	out, err := candidate.DecodeCommitments(outputs)
	if err != nil {
		return out, breaks(badReturn, "the outputs are malformed: %v", err)
	}
	of := c.receipt.Descriptor.Collation
	if head := primitives.HashOf(out.HeadData); head != of.ParaHead {
		return out, breaks(headMismatch, "the head after it is %v, and the descriptor names %v", head, of.ParaHead)
	}
	if h := primitives.HashOf(outputs); h != c.receipt.CommitmentsHash {
		return out, breaks(commitmentsMiss, "the outputs are %v, and the receipt names %v", h,
			c.receipt.CommitmentsHash)
	}
	return out, nil
}
