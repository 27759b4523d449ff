package relayvm

import (
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/inherent"
	"github.com/reevenet/reeve/internal/core/primitives"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

// The verdicts on what validation puts out, and what is said of a candidate with such outputs.
const (
	acceptable      = runtimeapiv1.CheckValidationOutputsAnswer_VERDICT_ACCEPTABLE
	unknownPara     = runtimeapiv1.CheckValidationOutputsAnswer_VERDICT_UNKNOWN_PARA
	headTooLarge    = runtimeapiv1.CheckValidationOutputsAnswer_VERDICT_HEAD_DATA_TOO_LARGE
	prematureCode   = runtimeapiv1.CheckValidationOutputsAnswer_VERDICT_PREMATURE_CODE_UPGRADE
	codeTooLarge    = runtimeapiv1.CheckValidationOutputsAnswer_VERDICT_NEW_CODE_TOO_LARGE
	wrongDownward   = runtimeapiv1.CheckValidationOutputsAnswer_VERDICT_INCORRECT_DOWNWARD_MESSAGES
	invalidMessages = runtimeapiv1.CheckValidationOutputsAnswer_VERDICT_INVALID_UPWARD_MESSAGES
)

// outputVerdict is one of these.
type outputVerdict = runtimeapiv1.CheckValidationOutputsAnswer_Verdict

// codeSizes tells of how many bytes a code is that the chain knows; 0: it doesn't.
type codeSizes func(code primitives.Hash) (uint64, error)

// outputs is the first rule that the outputs of a para's candidate break, on a relay parent at a height. New code must
// have been uploaded: one that hasn't is too large for this chain, whatever its size.
func (w *world) outputs(
	para uint32, c candidate.Commitments, relayParent uint64, sizes codeSizes,
) (outputVerdict, error) {
	p, config := w.paras[para], &w.config.Active
	switch {
	case p == nil:
		return unknownPara, nil
	case len(c.HeadData) > int(config.MaxHeadDataSize):
		return headTooLarge, nil
	}
	if code := c.NewValidationCode; code != nil {
		if !p.upgradable(relayParent, config) {
			return prematureCode, nil
		}
		size, err := sizes(code.Hash)
		if err != nil {
			return 0, err
		}
		if size == 0 || size != code.Size || size > uint64(config.MaxCodeSize) {
			return codeTooLarge, nil
		}
	}
	switch {
	case c.ProcessedDownwardMessages > 0: // the relay chain sends none
		return wrongDownward, nil
	case !upwardFits(c.UpwardMessages, config):
		return invalidMessages, nil
	}
	return acceptable, nil
}

func upwardFits(messages [][]byte, config *Configuration) bool {
	for _, m := range messages {
		if len(m) > int(config.MaxUpwardMessageSize) {
			return false
		}
	}
	return len(messages) <= int(config.MaxUpwardMessages)
}

// acceptable says what is wrong with what a candidate puts out, or the code that has judged it, as its para will be
// when it gets its turn: if it was made on the head of the one that is on the core now, that one has been included
// then.
func (r *run) acceptable(b *backed) error {
	w, relayParent := r.world, r.above.height-1
	p := w.paras[b.para()]
	if p == nil {
		return verdictf("there is no para %d", b.para())
	}
	c := b.receipt.Descriptor.Collation
	if on := w.pending[b.para()]; on != nil {
		included, ok := r.dataHash(b.para(), inherent.Included, c.RelayParent)
		if before, err := on.receipt(); ok && err == nil && included == c.PersistedValidationDataHash {
			next := after(*p, before.Commitments, on.RelayParent, r.above.height, &w.config.Active)
			p, w = &next, &world{config: w.config, paras: map[uint32]*Para{next.ID: &next}}
		}
	}
	if p.Code != c.ValidationCodeHash {
		return verdictf("it was judged by the code %v; that of para %d is %v", c.ValidationCodeHash.Short(), p.ID,
			p.Code.Short())
	}
	v, err := w.outputs(p.ID, b.receipt.Commitments, relayParent, r.knows)
	if err == nil && v != acceptable {
		err = verdictf("its outputs aren't acceptable: %v", v)
	}
	return err
}
