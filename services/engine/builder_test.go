package engine

import (
	"crypto/ed25519"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// building is what the VM and the keystore answer, and how the build ends then, if not with a block.
type building struct {
	vm, keystore proto.Message
	want         snowman.WhyNotBuilt
}

func builds(t *testing.T, h block.Header) map[string]building {
	content := &pluginv1.BuildBlockResponse{Block: &pluginv1.Block{Content: []byte("content")}}
	signed := func(key int) proto.Message {
		body := block.Body(nil, content.GetBlock().GetContent())
		payload, err := h.Payload(partChain, primitives.HashOf(body)).Encode()
		if err != nil {
			t.Fatal(err)
		}
		s := &keystorev1.Signature{Signature: ed25519.Sign(partKey(key), payload)}
		return &keystorev1.SignBlockResponse{Outcome: &keystorev1.SignBlockResponse_Signature{Signature: s}}
	}
	refused := func(r keystorev1.Refusal_Reason) proto.Message {
		refusal := &keystorev1.Refusal{Reason: r}
		return &keystorev1.SignBlockResponse{Outcome: &keystorev1.SignBlockResponse_Refusal{Refusal: refusal}}
	}
	failed := func(e *pluginv1.Error) proto.Message { return &pluginv1.BuildBlockResponse{Error: e} }
	nothing := &pluginv1.Error{Kind: &pluginv1.Error_NothingToBuild{NothingToBuild: &pluginv1.NothingToBuild{}}}
	busy := &pluginv1.Error{Kind: &pluginv1.Error_Busy{Busy: &pluginv1.Busy{}}}
	return map[string]building{
		"built":               {vm: content, keystore: signed(0)},
		"nothing to build":    {vm: failed(nothing), want: snowman.NothingToBuild},
		"the VM is busy":      {vm: failed(busy), want: snowman.TryAgain},
		"signed with another": {vm: content, keystore: signed(1), want: snowman.TryAgain},
		"no signature":        {vm: content, keystore: &keystorev1.SignBlockResponse{}, want: snowman.TryAgain},
		"the slot is taken": {vm: content, keystore: refused(keystorev1.Refusal_REASON_CONFLICT),
			want: snowman.SlotTaken},
		"it may be taken": {vm: content, keystore: refused(keystorev1.Refusal_REASON_PRUNED),
			want: snowman.SlotTaken},
		"refused": {vm: content, keystore: refused(keystorev1.Refusal_REASON_UNSPECIFIED),
			want: snowman.TryAgain},
	}
}

func TestABuildEndsOnceWithABlockOrTheReasonWhyThereIsNone(t *testing.T) {
	h := block.Header{Height: 1, Parent: primitives.Hash{7}, Slot: 3}
	for what, at := range builds(t, h) {
		a, ids := testAlone(t), newVMIDs()
		ids.stand(h.Parent, primitives.Hash{8})
		b := &builder{sub: a.sub, chain: partChain, set: partSet(t, 1), ids: ids, result: a.step, inherents: &inherents{}}
		a.do(func() { b.build(h) })
		a.Sent()[0].Reply(at.vm)
		for _, ask := range a.Sent() {
			ask.Reply(at.keystore)
		}
		in := a.got()
		if len(in) != 1 {
			t.Errorf("%s: it ends %d times", what, len(in))
			continue
		}
		if built, ok := in[0].(snowman.Built); ok != (what == "built") || !ok &&
			in[0] != (snowman.NotBuilt{Why: at.want}) {
			t.Errorf("%s: %v %v", what, built, in[0])
		}
	}
}

func TestNothingIsBuiltOnABlockThatTheVMDoesntKnow(t *testing.T) {
	a := testAlone(t)
	b := &builder{sub: a.sub, chain: partChain, set: partSet(t, 1), ids: newVMIDs(), result: a.step}
	a.do(func() { b.build(block.Header{Height: 1, Parent: primitives.Hash{7}}) })
	a.ExpectNothing()
	if in := a.got(); len(in) != 1 || in[0] != (snowman.NotBuilt{Why: snowman.TryAgain}) {
		t.Errorf("the core is handed %v", in)
	}
}
