package vmhost_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/overseer/overseertest"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/database/memdb"
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
	got := overseertest.Must[*vmv1.GetConsensusBlockResponse](t,
		h.Ask("engine", &vmv1.GetConsensusBlock{BlockId: accepted.GetBlockId()}))
	if string(got.GetBlock().GetConsensusBlock()) != string(accepted.GetConsensusBlock()) {
		t.Error("the consensus block came back changed")
	}
	if string(got.GetBlock().GetCertificate()) != string(accepted.GetCertificate()) {
		t.Error("its certificate came back changed")
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

// What a node misses comes as decided blocks that its VM has never seen, many at once.
func TestDecidedBlocksInARowAreTakenTogether(t *testing.T) {
	ahead, disk := start(t), memdb.New()
	blocks := []*pluginv1.Block{ahead.extend(0, "a", "1"), ahead.extend(1, "a", "2"), ahead.extend(2, "b", "3")}

	h := startOn(t, disk)
	h.plugins[0].kill() // so that they wait for one another
	h.Step()
	var answers []*overseertest.Answer
	for _, b := range blocks {
		accept := wrap(b)
		accept.VmBlockId = nil
		answers = append(answers, h.Ask("engine", accept))
	}
	h.Advance(time.Second)
	for i, a := range answers {
		got := overseertest.Must[*vmv1.AcceptBlockResponse](t, a)
		if got.GetError() != nil || string(got.GetVmBlockId()) != string(blocks[i].GetId()) {
			t.Fatalf("block %d: %v", i+1, got)
		}
	}
	disk.Crash()
	h = startOn(t, disk)
	if h.height() != 3 || h.value("a") != "2" || h.value("b") != "3" {
		t.Fatalf("after a power cut: height %d, a = %q, b = %q", h.height(), h.value("a"), h.value("b"))
	}
}

// Every way in which a decided block leaves the record brings its certificate along, before and after a power cut.
func TestADecidedBlockIsServedWithItsCertificate(t *testing.T) {
	disk := memdb.New()
	h := startOn(t, disk)
	first, second := wrap(h.extend(0, "a", "1")), wrap(h.extend(1, "a", "2"))
	for range 2 {
		last := overseertest.Must[*vmv1.LastAcceptedResponse](t, h.Ask("engine", &vmv1.LastAccepted{}))
		if string(last.GetBlock().GetCertificate()) != string(second.GetCertificate()) {
			t.Errorf("the last block has the certificate %q", last.GetBlock().GetCertificate())
		}
		ask := h.Ask("engine", &vmv1.GetConsensusBlock{BlockId: first.GetBlockId()})
		one := overseertest.Must[*vmv1.GetConsensusBlockResponse](t, ask)
		if string(one.GetBlock().GetCertificate()) != string(first.GetCertificate()) {
			t.Errorf("the first block has the certificate %q", one.GetBlock().GetCertificate())
		}
		ask = h.Ask("engine", &vmv1.GetAncestors{BlockId: second.GetBlockId()})
		all := overseertest.Must[*vmv1.GetAncestorsResponse](t, ask)
		want := [][]byte{second.GetCertificate(), first.GetCertificate()}
		if d := cmp.Diff(want, all.GetCertificates()); d != "" || len(all.GetConsensusBlocks()) != 2 {
			t.Errorf("%d ancestors, certificates (-want +got)\n%s", len(all.GetConsensusBlocks()), d)
		}
		disk.Crash()
		h = startOn(t, disk)
	}
}

// A peer's answer has a bound; the proofs in it count like the blocks.
func TestCertificatesCountTowardsTheBytesOfAnAnswer(t *testing.T) {
	h := start(t)
	h.extend(0, "a", "1")
	second := wrap(h.extend(1, "a", "2"))
	for most, want := range map[int]int{
		2 * (len(second.GetConsensusBlock()) + len(second.GetCertificate())): 2,
		2*(len(second.GetConsensusBlock())+len(second.GetCertificate())) - 1: 1,
		2*len(second.GetConsensusBlock()) + len(second.GetCertificate()):     1,
	} {
		ask := h.Ask("engine", &vmv1.GetAncestors{BlockId: second.GetBlockId(), MaxBytes: uint32(most)})
		got := overseertest.Must[*vmv1.GetAncestorsResponse](t, ask)
		if len(got.GetConsensusBlocks()) != want || len(got.GetCertificates()) != want {
			t.Errorf("at most %d bytes: %d blocks, %d certificates; want %d",
				most, len(got.GetConsensusBlocks()), len(got.GetCertificates()), want)
		}
	}
}

func TestABlockWhoseParentIsNotAcceptedWaits(t *testing.T) {
	ahead := start(t)
	first, second := ahead.extend(0, "a", "1"), ahead.extend(1, "a", "2")
	h := start(t)
	if e := h.accept(second); e.GetMissingParent() == nil {
		t.Fatalf("height 2 after genesis: %v", e)
	}
	for _, b := range []*pluginv1.Block{first, second} {
		if e := h.accept(b); e != nil {
			t.Fatal(e)
		}
	}
}

func TestSiblingsInAnyOrder(t *testing.T) {
	h := start(t)
	h.submit(0, "a", "1")
	b := h.build().GetBlock()
	h.Runtime.Next(h.Runtime.Now().Add(5 * time.Millisecond))
	h.Advance(time.Second)
	c := h.build().GetBlock()
	if string(b.GetId()) == string(c.GetId()) {
		t.Fatal("the test needs two blocks")
	}
	for _, x := range []*pluginv1.Block{c, b} {
		if e := h.verify(x); e != nil {
			t.Fatal(e)
		}
	}
	if e := h.accept(b); e != nil {
		t.Fatal(e)
	}
	if e := overseertest.Must[*pluginv1.RejectBlockResponse](t,
		h.Ask("engine", &pluginv1.RejectBlockRequest{BlockId: c.GetId()})).GetError(); e != nil {
		t.Fatal(e)
	}
	if n := h.Number("processing"); n != 0 {
		t.Errorf("%d blocks are still processing", n)
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
		got := overseertest.Must[*pluginv1.ParseBlockResponse](t,
			h.Ask("engine", &pluginv1.ParseBlockRequest{Contents: [][]byte{content}}))
		if got.GetError() != nil || got.GetResults()[0].GetError().GetInvalidBlock() == nil {
			t.Errorf("%q: %v", content, got)
		}
	}
	if n := h.plugin().GetRestarts(); n != 0 {
		t.Errorf("the plugin was restarted %d times", n)
	}
}

// At the moment at which a VM may tell its users the lights go out: what it would have told them is there.
func TestWhatAVMIsToldToBeCommittedSurvivesAPowerCut(t *testing.T) {
	h := start(t)
	var told []uint64
	h.vm().onCommitted = func(height uint64) {
		told = append(told, height)
		if height < 3 {
			return
		}
		h.disk.Crash()
		last, err := h.disk.Open().Get(t.Context(), []byte("l"))
		if err != nil || binary.BigEndian.Uint64(last) < height {
			t.Errorf("after the cut the record ends with %x, %v; users were told of height %d", last, err, height)
		}
	}
	for nonce := range uint64(3) {
		h.extend(nonce, "a", "1")
	}
	if d := cmp.Diff([]uint64{1, 2, 3}, told); d != "" {
		t.Errorf("told of: %s", d)
	}
}
