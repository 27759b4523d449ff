package engine

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// signTimeout bounds the wait for a signature: another proposer steps in meanwhile.
const signTimeout = 5 * time.Second

// build has the VM fill a block and the keystore sign it.
func (e *engine) build(h block.Header) {
	parent, known := e.ids.of(h.Parent)
	if !known {
		e.step(snowman.NotBuilt{Why: snowman.TryAgain})
		return
	}
	e.sub.Log.Debug("building", "height", h.Height, "slot", h.Slot, "parent", h.Parent.Short())
	q := &pluginv1.BuildBlockRequest{ParentId: parent[:], Context: &pluginv1.BuildContext{Proposer: e.proposerOf(h), Time: timestamppb.New(time.UnixMilli(int64(h.Time)))}}
	subsystem.Ask(e.sub, q, askTimeout, func(r *pluginv1.BuildBlockResponse, err error) {
		failure := r.GetError()
		switch {
		case err != nil:
			e.notBuilt(h, snowman.TryAgain, err.Error())
		case failure.GetNothingToBuild() != nil:
			e.notBuilt(h, snowman.NothingToBuild, "")
		case failure != nil:
			e.notBuilt(h, snowman.TryAgain, describe(failure))
		default:
			e.sign(h, block.Body(nil, r.GetBlock().GetContent()))
		}
	})
}

func (e *engine) notBuilt(h block.Header, why snowman.WhyNotBuilt, cause string) {
	if why == snowman.NothingToBuild {
		e.sub.Log.Debug("nothing to build", "height", h.Height)
	} else {
		e.sub.Log.Info("no block was built", "height", h.Height, "cause", cause)
	}
	e.step(snowman.NotBuilt{Why: why})
}

func (e *engine) sign(h block.Header, body []byte) {
	hash := primitives.HashOf(body)
	q := &keystorev1.SignBlock{
		NetworkId: e.cfg.Chain.NetworkID, ChainId: e.cfg.Chain.ID[:], Height: h.Height, ParentId: h.Parent[:], Slot: h.Slot,
		TimeUnixMillis: h.Time, BodyHash: hash[:],
	}
	subsystem.Ask(e.sub, q, signTimeout, func(r *keystorev1.SignBlockResponse, err error) {
		switch refusal := r.GetRefusal(); {
		case err != nil:
			e.notBuilt(h, snowman.TryAgain, err.Error())
		case refusal.GetReason() == keystorev1.Refusal_REASON_CONFLICT || refusal.GetReason() == keystorev1.Refusal_REASON_PRUNED:
			e.notBuilt(h, snowman.SlotTaken, refusal.GetExplanation())
		case refusal != nil:
			e.notBuilt(h, snowman.TryAgain, refusal.GetExplanation())
		default:
			e.built(h, body, r.GetSignature().GetSignature())
		}
	})
}

func (e *engine) built(h block.Header, body, signature []byte) {
	b, err := block.New(e.cfg.Chain, h, body, signature)
	if err != nil {
		e.notBuilt(h, snowman.TryAgain, err.Error())
		return
	}
	if !b.Verify(e.cfg.Chain, e.cfg.Validators.At(int(h.Proposer)).Key) {
		e.notBuilt(h, snowman.TryAgain, "the keystore signs with another key than the validator set has for this node")
		return
	}
	e.step(snowman.Built{Block: b})
}
