package vmhost_test

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

func TestABlockIsBuiltVerifiedAndAccepted(t *testing.T) {
	h := start(t)
	if got := h.build(); got.GetError().GetNothingToBuild() == nil {
		t.Fatalf("without transactions: %v", got)
	}
	b := h.extend(0, "a", "1")
	if h.height() != 1 || h.value("a") != "1" {
		t.Fatalf("height %d, a = %q", h.height(), h.value("a"))
	}
	accepted := wrap(b)
	got := overseertest.Must[*vmv1.GetConsensusBlockResponse](t, h.Ask("engine", &vmv1.GetConsensusBlock{BlockId: accepted.GetBlockId()}))
	if string(got.GetBlock().GetConsensusBlock()) != string(accepted.GetConsensusBlock()) {
		t.Error("the consensus block came back changed")
	}
	back := overseertest.Must[*vmv1.GetBlockResponse](t, h.Ask("engine", &vmv1.GetBlock{VmBlockId: b.GetId()}))
	if !back.GetAccepted() || string(back.GetBlock().GetContent()) != string(b.GetContent()) {
		t.Error("the VM block came back changed")
	}
}

func TestAnotherBlockAtADecidedHeightIsAContradiction(t *testing.T) {
	h := start(t)
	b := h.extend(0, "a", "1")
	again := wrap(b)
	again.BlockId = make([]byte, 32)
	got := overseertest.Must[*vmv1.AcceptBlockResponse](t, h.Ask("engine", again))
	if got.GetError().GetCorrupt() == nil {
		t.Fatalf("%v", got)
	}
}

func TestSiblingsInAnyOrder(t *testing.T) {
	h := start(t)
	h.submit(0, "a", "1")
	b := h.build().GetBlock()
	h.World.Next(h.World.Now().Add(5 * time.Millisecond))
	h.Advance(time.Second)
	c := h.build().GetBlock()
	if string(b.GetId()) == string(c.GetId()) {
		t.Fatal("the test needs two blocks")
	}
	for _, x := range []*vmv1.Block{c, b} {
		if e := h.verify(x); e != nil {
			t.Fatal(e)
		}
	}
	if e := h.accept(b); e != nil {
		t.Fatal(e)
	}
	if e := overseertest.Must[*vmv1.RejectBlockResponse](t, h.Ask("engine", &vmv1.RejectBlock{VmBlockId: c.GetId()})).GetError(); e != nil {
		t.Fatal(e)
	}
	if s := h.status(); s.GetProcessing() != 0 {
		t.Errorf("%d blocks are still processing", s.GetProcessing())
	}
	if e := h.verify(c); e.GetInvalidBlock() == nil {
		t.Errorf("a block below the last accepted one: %v", e)
	}
}

func TestABlockWithoutItsParentIsNoVerdict(t *testing.T) {
	h := start(t)
	ahead := start(t)
	ahead.extend(0, "a", "1")
	second := ahead.extend(1, "b", "2")
	e := h.verify(second)
	if e.GetMissingParent() == nil || string(e.GetMissingParent().GetParentId()) != string(second.GetParentId()) {
		t.Fatalf("%v", e)
	}
}

func TestStrangersBytesAreAVerdictNotAnAccident(t *testing.T) {
	h := start(t)
	for _, content := range [][]byte{nil, {0}, []byte("hello"), make([]byte, 81), make([]byte, 200)} {
		got := overseertest.Must[*vmv1.ParseBlockResponse](t, h.Ask("engine", &vmv1.ParseBlock{Content: content}))
		if got.GetError().GetInvalidBlock() == nil {
			t.Errorf("%q: %v", content, got)
		}
	}
	if s := h.status(); s.GetRestarts() != 0 {
		t.Errorf("the plugin was restarted %d times", s.GetRestarts())
	}
}
