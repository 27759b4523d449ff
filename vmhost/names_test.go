package vmhost_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// renamed is a block under another id than its own.
type renamed struct {
	vmsdk.Block
	id vmsdk.ID
}

func (b renamed) ID() vmsdk.ID { return b.id }

func TestABlockThatTheVMGivesTwoIDsIsNotCommittedAndTheRecordStaysWhole(t *testing.T) {
	ahead, h := start(t), start(t)
	b := ahead.extend(0, "a", "1")
	once := true
	h.vm().rename = func(block vmsdk.Block) vmsdk.Block {
		if once {
			once = false
			return renamed{block, vmsdk.ID{0xbd}}
		}
		return block
	}
	unnamed := wrap(b)
	unnamed.VmBlockId = nil // as one that catches up has it
	if e := h.acceptAs(unnamed); e.GetInternal() == nil || !strings.Contains(e.GetInternal().GetReason(), "the same block") {
		t.Fatalf("it was answered with %v", e)
	}
	if h.height() != 0 {
		t.Fatal("it was committed")
	}
	h.Advance(time.Minute) // for another plugin, and until it is shown the block again
	if e := h.acceptAs(wrap(b)); e != nil || h.height() != 1 {
		t.Fatalf("with a VM that is mended: %v, height %d", e, h.height())
	}
	h.crash()
	h.extend(1, "b", "2")
	if _, err := h.vm().ParseBlock(context.Background(), b.GetContent()); err != nil {
		t.Error(err)
	}
}
