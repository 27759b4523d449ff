package engine

import (
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// signTimeout bounds the wait for a signature: another proposer steps in meanwhile.
const signTimeout = 5 * time.Second

// builder has the VM fill a block and the keystore sign it. Every build ends once, with a block whose signature holds
// or with the reason why there is none.
type builder struct {
	sub    *subsystem.Sub
	chain  block.Chain
	set    *validators.Set
	ids    *vmIDs
	result func(snowman.Input)

	inherents *inherents

	wanted  string // the trace of a transaction that wants a block; empty: none that is sampled
	trouble string // why the last one couldn't be built; empty: it could
	taken   int    // slots in a row that the keystore has refused
}

func (b *builder) build(h block.Header) {
	parent, known := b.ids.of(h.Parent)
	if !known {
		b.result(snowman.NotBuilt{Why: snowman.TryAgain})
		return
	}
	b.sub.Log.Debug("building", "height", h.Height, "slot", h.Slot, "parent", h.Parent.Short())
	wanted := b.wanted
	b.wanted = ""
	b.sub.Continue(wanted, func() {
		b.inherents.collect(h.Parent, func(inherent []byte) { b.ask(h, parent, inherent) })
	})
}

func (b *builder) ask(h block.Header, parent primitives.Hash, inherent []byte) {
	q := &pluginv1.BuildBlockRequest{ParentId: parent[:], Context: buildContext(b.set, h, inherent)}
	subsystem.Ask(b.sub, q, askTimeout, func(r *pluginv1.BuildBlockResponse, err error) {
		failure := r.GetError()
		switch {
		case err != nil:
			b.notBuilt(h, snowman.TryAgain, err.Error())
		case failure.GetNothingToBuild() != nil:
			b.notBuilt(h, snowman.NothingToBuild, describe(failure))
		case failure != nil:
			b.notBuilt(h, snowman.TryAgain, describe(failure))
		default:
			b.sign(h, block.Body(inherent, r.GetBlock().GetContent()))
		}
	})
}

func (b *builder) notBuilt(h block.Header, why snowman.WhyNotBuilt, cause string) {
	b.trouble = ""
	if why == snowman.SlotTaken {
		b.taken++
	}
	if why == snowman.NothingToBuild {
		b.sub.Log.Debug(cause, "height", h.Height)
	} else {
		b.trouble = cause
		b.sub.Log.Info("no block was built", "height", h.Height, "err", cause)
	}
	b.result(snowman.NotBuilt{Why: why})
}

func (b *builder) sign(h block.Header, body []byte) {
	hash := primitives.HashOf(body)
	q := &keystorev1.SignBlock{
		NetworkId: b.chain.NetworkID, ChainId: b.chain.ID[:], Height: h.Height, ParentId: h.Parent[:], Slot: h.Slot,
		TimeUnixMillis: h.Time, BodyHash: hash[:],
	}
	subsystem.Ask(b.sub, q, signTimeout, func(r *keystorev1.SignBlockResponse, err error) {
		refusal := r.GetRefusal()
		switch {
		case err != nil:
			b.notBuilt(h, snowman.TryAgain, err.Error())
		case slotTaken(refusal.GetReason()):
			b.notBuilt(h, snowman.SlotTaken, refusal.GetExplanation())
		case refusal != nil:
			b.notBuilt(h, snowman.TryAgain, refusal.GetExplanation())
		default:
			b.built(h, body, r.GetSignature().GetSignature())
		}
	})
}

// slotTaken tells whether another block has been signed for the same height and slot, as far as the keystore can tell.
func slotTaken(r keystorev1.Refusal_Reason) bool {
	return r == keystorev1.Refusal_REASON_CONFLICT || r == keystorev1.Refusal_REASON_PRUNED
}

func (b *builder) built(h block.Header, body, signature []byte) {
	own, err := block.New(b.chain, h, body, signature)
	if err != nil {
		b.notBuilt(h, snowman.TryAgain, err.Error())
		return
	}
	if !own.Verify(b.chain, b.set.At(int(h.Proposer)).Key) {
		b.notBuilt(h, snowman.TryAgain, "the keystore signs with another key than the validator set has for this node")
		return
	}
	b.trouble, b.taken = "", 0
	id := own.ID()
	b.sub.About(id[:], "propose", func() { b.result(snowman.Built{Block: own}) })
}

// mostTaken is how many slots in a row the keystore may refuse before the node is said to be unwell. One or two were
// used by an earlier life of this node.
const mostTaken = 3

// refused says that the keystore refuses all slots of this node, as it does to a second node with the same key.
func (b *builder) refused() string {
	return when(b.taken >= mostTaken, "the keystore has refused the last %d slots of this node: %s", b.taken, b.trouble)
}
