package vmhost_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/overseer/overseertest"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/database/memdb"
)

// diesOn has every plugin, the running one too, end when it is shown a block with these bytes in it; nil: none does.
func (h *host) diesOn(text []byte) {
	h.prepare = func(p *crashable) {
		p.vm.onParse = func(content []byte) {
			if text != nil && bytes.Contains(content, text) {
				p.kill()
			}
		}
	}
	h.prepare(h.plugins[len(h.plugins)-1])
}

// A decided block that kills the VM can't be skipped. What stands below it is kept, what it has nothing to do with goes
// on, and when the VM is mended the chain does.
func TestADecidedBlockThatKillsTheVMHoldsUpOnlyWhatBuildsOnIt(t *testing.T) {
	ahead, disk := start(t), memdb.New()
	blocks := []*pluginv1.Block{ahead.extend(0, "a", "1"), ahead.extend(1, "deadly", "2"), ahead.extend(2, "b", "3")}
	h := startOn(t, disk)
	h.crash() // so that the acceptances wait for one another
	h.diesOn([]byte("deadly"))
	h.plugins[len(h.plugins)-1].kill()
	h.Step()
	var answers []*overseertest.Answer
	for _, b := range blocks {
		accept := wrap(b)
		accept.VmBlockId = nil
		answers = append(answers, h.Ask("engine", accept))
	}
	h.Advance(time.Second)
	first := overseertest.Must[*vmv1.AcceptBlockResponse](t, answers[0]).GetError()
	second := overseertest.Must[*vmv1.AcceptBlockResponse](t, answers[1]).GetError()
	third := overseertest.Must[*vmv1.AcceptBlockResponse](t, answers[2]).GetError()
	if first != nil || second.GetInternal() == nil || third.GetMissingParent() == nil {
		t.Fatalf("the first: %v, the one that kills: %v, the one above: %v", first, second, third)
	}
	disk.Crash()
	h = startOn(t, disk)
	h.diesOn([]byte("deadly"))
	if e := h.accept(blocks[1]); e.GetInternal() == nil {
		t.Fatalf("after a power cut: %v", e)
	}
	h.Advance(100 * time.Millisecond)
	if e := h.accept(blocks[1]); !strings.Contains(e.GetInternal().GetReason(), "isn't shown again") {
		t.Errorf("a plugin has just died on it: %v", e)
	}
	h.Advance(time.Second)
	h.submit(1, "c", "4")
	rival := h.build()
	if rival.GetError() != nil || h.verify(rival.GetBlock()) != nil || h.height() != 1 {
		t.Fatalf("beside it: %v, height %d", rival, h.height())
	}
	h.diesOn(nil)
	for _, b := range blocks[1:] {
		h.Advance(time.Minute)
		if e := h.accept(b); e != nil {
			t.Fatalf("with a VM that is mended: %v", e)
		}
	}
	if h.height() != 3 || h.value("b") != "3" {
		t.Errorf("height %d", h.height())
	}
}

func TestAnOperatorsRestartHasTheVMShownWhatOthersDiedOn(t *testing.T) {
	ahead, h := start(t), start(t)
	b := ahead.extend(0, "deadly", "1")
	h.diesOn([]byte("deadly"))
	for range 4 {
		h.Advance(20 * time.Second)
		if e := h.verify(b); e.GetInternal() == nil {
			t.Fatal(e)
		}
	}
	h.diesOn(nil)
	h.Advance(time.Second)
	if e := h.verify(b); e.GetInternal() == nil {
		t.Fatalf("without a restart: %v", e)
	}
	h.Ask("overseer", &vmv1.RestartPlugin{Reason: "mended"})
	h.Advance(time.Second)
	if e := h.verify(b); e != nil {
		t.Errorf("right after the restart: %v", e)
	}
}

// A new plugin is shown the undecided blocks. One on which it ends mustn't keep every further one from starting.
func TestAPluginThatEndsOnAnUndecidedBlockIsStartedWithoutIt(t *testing.T) {
	h := start(t)
	h.submit(0, "deadly", "1")
	b := h.build().GetBlock()
	if e := h.verify(b); e != nil {
		t.Fatal(e)
	}
	h.diesOn([]byte("deadly"))
	h.crash()
	h.Advance(2 * time.Second)
	if p := h.plugin(); p.GetState() != string(supervise.Running) || h.Number("processing") != 0 {
		t.Fatalf("%v; %d blocks are processing", p, h.Number("processing"))
	}
	if !strings.Contains(h.plugin().GetCause(), "couldn't be told of the undecided block") {
		t.Errorf("the cause is %q", h.plugin().GetCause())
	}
	h.diesOn(nil)
	h.Advance(time.Minute)
	if e := h.accept(b); e != nil || h.height() != 1 {
		t.Errorf("decided in the end: %v, height %d", e, h.height())
	}
}
