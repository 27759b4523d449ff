package vmhost_test

import (
	"testing"

	"github.com/reevenet/reeve/overseer/overseertest"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// The engine has a block kept; host and plugin lose all that wasn't synced; the block is there until its height is
// decided.
func TestAKeptBlockOutlivesTheHostUntilItsHeightIsDecided(t *testing.T) {
	h := start(t)
	h.submit(0, "k", "v")
	b := h.build().GetBlock()
	w := wrap(b)
	kept := func(h *host) *vmv1.GetKeptBlockResponse {
		return overseertest.Must[*vmv1.GetKeptBlockResponse](t,
			h.Ask("engine", &vmv1.GetKeptBlock{BlockId: w.GetBlockId()}))
	}
	if kept(h).GetError().GetNotFound() == nil {
		t.Error("it is kept before anybody asked for it")
	}
	q := &vmv1.KeepBlock{BlockId: w.GetBlockId(), Height: b.GetHeight(), ConsensusBlock: w.GetConsensusBlock()}
	if e := overseertest.Must[*vmv1.KeepBlockResponse](t, h.Ask("engine", q)).GetError(); e != nil {
		t.Fatal(e)
	}
	h.disk.Crash()
	h = startOn(t, h.disk)
	if got := kept(h).GetConsensusBlock(); string(got) != string(w.GetConsensusBlock()) {
		t.Fatalf("after a power cut it is %q", got)
	}
	if e := h.accept(b); e != nil {
		t.Fatal(e)
	}
	if kept(h).GetError().GetNotFound() == nil {
		t.Error("it is kept although its height is decided")
	}
}

func TestABlockWithoutNameOrBytesIsntKept(t *testing.T) {
	h := start(t)
	for _, q := range []*vmv1.KeepBlock{{ConsensusBlock: []byte("block")}, {BlockId: make([]byte, 32)}} {
		if overseertest.Must[*vmv1.KeepBlockResponse](t, h.Ask("engine", q)).GetError() == nil {
			t.Errorf("%v is kept", q)
		}
	}
}
