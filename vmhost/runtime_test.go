package vmhost_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// relayed is a VM with a parachain runtime that answers with what it was asked, and names some code.
type relayed struct {
	testVM
	code [][]byte
	read int // how often some was
}

func (vm *relayed) QueryRuntime(_ context.Context, block vmsdk.RuntimeBlock, q []byte) (vmsdk.RuntimeAnswer, error) {
	a := vmsdk.RuntimeAnswer{Response: append(q, block.ID[:]...)}
	for _, code := range vm.code {
		a.Blobs = append(a.Blobs, vmsdk.RuntimeBlob{
			Hash: vmsdk.IDOf(code), Size: uint64(len(code)),
			Load: func(context.Context) ([]byte, error) { vm.read++; return code, nil },
		})
	}
	return a, nil
}

func (vm *relayed) CheckInherent(_ context.Context, parent vmsdk.RuntimeBlock, inherent []byte) ([]byte, error) {
	return slices.Concat(inherent, parent.ID[:], parent.Consensus[:]), nil
}

type relayLauncher struct{ vm *relayed }

func (l relayLauncher) Launch(r launch.Request) (launch.Plugin, error) {
	return launch.InProcess{New: func() vmsdk.VM { return l.vm }}.Launch(r)
}

func startRelay(t *testing.T) (*host, *relayed) {
	h, vm := &host{t: t, disk: memdb.New()}, &relayed{}
	h.plugins = []*crashable{{vm: &vm.testVM}}
	h.Overseer = overseertest.Start(t, vmhost.Spec(vmhost.Config{
		Chain: "relay", ChainID: chainID, NodeID: self,
		OpenDB: func() (database.Database, error) { return h.disk.Open(), nil }, Launcher: relayLauncher{vm},
	}))
	return h, vm
}

// query asks about the state after a consensus block, and returns the VM's name of the block that it was asked about.
func (h *host) query(consensus primitives.Hash) (vmBlock string, e *pluginv1.Error) {
	r := overseertest.Must[*pluginv1.QueryRuntimeResponse](h.t, h.Ask("runtime-api",
		&pluginv1.QueryRuntimeRequest{BlockId: consensus[:], Request: []byte("?")}))
	if r.GetError() != nil {
		return "", r.GetError()
	}
	return string(r.GetResponse()[1:]), nil
}

// Everybody but the VM knows a block by the name of the consensus block.
func TestTheRuntimeIsAskedAboutConsensusBlocks(t *testing.T) {
	h, _ := startRelay(t)
	h.submit(0, "k", "v")
	b := h.build().GetBlock()
	first, second := primitives.Hash{1}, primitives.Hash{2}
	if _, e := h.query(first); e.GetNotFound() == nil {
		t.Errorf("a block that nobody has verified: %v", e)
	}
	for _, consensus := range []primitives.Hash{first, second} { // two consensus blocks with one block of the VM
		h.Ask("engine", &pluginv1.VerifyBlockRequest{Content: b.GetContent(), ConsensusBlockId: consensus[:]})
	}
	for _, consensus := range []primitives.Hash{first, second} {
		if got, e := h.query(consensus); got != string(b.GetId()) || e != nil {
			t.Errorf("a processing block: %x, %v", got, e)
		}
	}
	accepted := wrap(b)
	if e := h.acceptAs(accepted); e != nil {
		t.Fatal(e)
	}
	if got, e := h.query(primitives.Hash(accepted.GetBlockId())); got != string(b.GetId()) || e != nil {
		t.Errorf("an accepted block: %x, %v", got, e)
	}
	r := overseertest.Must[*pluginv1.CheckInherentResponse](t, h.Ask("provisioner",
		&pluginv1.CheckInherentRequest{BlockId: accepted.GetBlockId(), Inherent: []byte("!")}))
	if string(r.GetUsable()) != "!"+string(b.GetId())+string(accepted.GetBlockId()) {
		t.Errorf("the dry run: %v", r)
	}
	if _, e := h.query(second); e.GetNotFound() == nil {
		t.Errorf("a consensus block that lost: %v", e)
	}
}

func TestWhatAnAnswerNamesIsInTheBlobStoreWhenItComes(t *testing.T) {
	h, vm := startRelay(t)
	vm.code = [][]byte{[]byte("some code"), []byte("more code")}
	genesis := overseertest.Must[*vmv1.LastAcceptedResponse](t, h.Ask("engine", &vmv1.LastAccepted{})).GetBlock()
	for range 3 {
		r := overseertest.Must[*pluginv1.QueryRuntimeResponse](t, h.Ask("runtime-api",
			&pluginv1.QueryRuntimeRequest{BlockId: genesis.GetBlockId(), Request: []byte("?")}))
		if len(r.GetBlobs()) != 0 || r.GetError() != nil {
			t.Errorf("large bytes travel in a message, or not at all: %v", r.GetError())
		}
	}
	if vm.read != len(vm.code) {
		t.Errorf("the plugin has sent %d blobs, and there are %d", vm.read, len(vm.code))
	}
	for _, code := range vm.code {
		hash := primitives.HashOf(code)
		b, err := h.Blobs.Get(&primitivesv1.BlobRef{Hash: hash[:], Size: uint64(len(code))}, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(code, b.Bytes()); diff != "" {
			t.Error(diff)
		}
	}
}

// Whoever proposes can wrap one block of the VM as often as he likes.
func TestOneVMBlockHasFewWrappers(t *testing.T) {
	h, _ := startRelay(t)
	h.submit(0, "k", "v")
	b := h.build().GetBlock()
	known := 0
	for i := range byte(20) {
		consensus := primitives.Hash{i + 1}
		h.Ask("engine", &pluginv1.VerifyBlockRequest{Content: b.GetContent(), ConsensusBlockId: consensus[:]})
		if _, e := h.query(consensus); e == nil {
			known++
		}
	}
	if known != 8 {
		t.Errorf("%d are remembered", known)
	}
}

// bound is a block that was built without an inherent, and says so.
type bound struct{ vmsdk.Block }

func (bound) Fits(c vmsdk.BuildContext) error {
	if len(c.Inherent) > 0 {
		return vmsdk.Invalidf("another inherent")
	}
	return nil
}

// Whoever proposes can wrap a block with what doesn't belong to it: that is invalid for all, and not only for those who
// haven't seen the block in its place.
func TestABlockThatIsProcessingIsNotTakenInAnotherContext(t *testing.T) {
	h, vm := startRelay(t)
	vm.rename = func(b vmsdk.Block) vmsdk.Block { return bound{b} }
	other, _ := startRelay(t)
	other.submit(0, "k", "v")
	b := other.build().GetBlock()
	verify := func(consensus primitives.Hash, inherent string, name, content []byte) *pluginv1.Error {
		return overseertest.Must[*pluginv1.VerifyBlockResponse](t, h.Ask("engine", &pluginv1.VerifyBlockRequest{
			BlockId: name, Content: content, ConsensusBlockId: consensus[:],
			Context: &pluginv1.BuildContext{Inherent: []byte(inherent)},
		})).GetError()
	}
	right, wrong := primitives.Hash{1}, primitives.Hash{2}
	if e := verify(right, "", nil, b.GetContent()); e != nil {
		t.Fatal(e)
	}
	for how, by := range map[string][2][]byte{
		"by its bytes": {nil, b.GetContent()}, "by its name": {b.GetId(), nil}, "by both": {b.GetId(), b.GetContent()},
	} {
		if e := verify(wrong, "!", by[0], by[1]); e.GetInvalidBlock().GetReason() != "another inherent" {
			t.Errorf("%s: %v", how, e)
		}
		if _, e := h.query(wrong); e.GetNotFound() == nil {
			t.Errorf("%s: the wrong one is known: %v", how, e)
		}
		if e := verify(right, "", by[0], by[1]); e != nil {
			t.Errorf("%s: in its place it is refused: %v", how, e)
		}
	}
	if got, e := h.query(right); got != string(b.GetId()) || e != nil {
		t.Errorf("%x, %v", got, e)
	}
}
