package vmhost_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// host is a vm subsystem under a test that plays the overseer and the engine. The plugin is a Go value, the disk is
// memory.
type host struct {
	*overseertest.Overseer
	t    *testing.T
	disk *memdb.DB
	// plugins are all that were started; the last one runs.
	plugins []*crashable
	// refuse makes launches fail.
	refuse error
	// prepare changes a plugin before it is used.
	prepare func(*crashable)
}

// crashable is the plugin port with a way to end it from a test.
type crashable struct {
	launch.Plugin
	vm   *testVM
	kill func()
}

// testVM is kvvm with what stories need.
type testVM struct {
	kvvm.VM
	chain *vmsdk.Chain
	// got are the app messages that it has seen.
	got []string
	// onRequest is what it does with AppRequest.
	onRequest func(node vmsdk.NodeID, id uint32) error
	// crash is called when a block is built, onParse when one is parsed.
	crash   func()
	onParse func(content []byte)
	// rename changes what a block is called.
	rename func(vmsdk.Block) vmsdk.Block
	// ill is what it says of its health; nil: it is well.
	ill error
	// onCommitted is called when a block is durable.
	onCommitted func(height uint64)
}

func (vm *testVM) Committed(ctx context.Context, b vmsdk.Block) {
	vm.VM.Committed(ctx, b)
	if vm.onCommitted != nil {
		vm.onCommitted(b.Height())
	}
}

func (vm *testVM) HealthCheck(context.Context) error { return vm.ill }

func (vm *testVM) ParseBlock(ctx context.Context, content []byte) (vmsdk.Block, error) {
	if vm.onParse != nil {
		vm.onParse(content)
	}
	block, err := vm.VM.ParseBlock(ctx, content)
	if err == nil && vm.rename != nil {
		block = vm.rename(block)
	}
	return block, err
}

func (vm *testVM) Initialize(ctx context.Context, chain *vmsdk.Chain, batch *database.Batch) (vmsdk.Block, error) {
	vm.chain = chain
	return vm.VM.Initialize(ctx, chain, batch)
}

func (vm *testVM) BuildBlock(ctx context.Context, parent vmsdk.Block, build vmsdk.BuildContext) (vmsdk.Block, error) {
	if vm.crash != nil {
		vm.crash()
	}
	return vm.VM.BuildBlock(ctx, parent, build)
}

func (vm *testVM) AppRequest(_ context.Context, node vmsdk.NodeID, id uint32, _ time.Time, request []byte) error {
	vm.got = append(vm.got, fmt.Sprintf("request %d %s", id, request))
	if vm.onRequest != nil {
		return vm.onRequest(node, id)
	}
	return nil
}

func (vm *testVM) AppResponse(_ context.Context, _ vmsdk.NodeID, id uint32, response []byte) error {
	vm.got = append(vm.got, fmt.Sprintf("response %d %s", id, response))
	return nil
}

func (vm *testVM) AppRequestFailed(_ context.Context, _ vmsdk.NodeID, id uint32, appErr *vmsdk.AppError) error {
	vm.got = append(vm.got, fmt.Sprintf("failed %d %d", id, appErr.Code))
	return nil
}

func (vm *testVM) Disconnected(context.Context, vmsdk.NodeID) error {
	vm.got = append(vm.got, "disconnected")
	return nil
}

func (vm *testVM) Connected(_ context.Context, node vmsdk.NodeID, version string) error {
	vm.got = append(vm.got, "connected "+version)
	return nil
}

func (h *host) Launch(r launch.Request) (launch.Plugin, error) {
	if h.refuse != nil {
		return nil, h.refuse
	}
	vm := &testVM{}
	p, err := launch.InProcess{New: func() vmsdk.VM { return vm }}.Launch(r)
	if err != nil {
		return nil, err
	}
	c := &crashable{Plugin: p, vm: vm}
	c.kill = p.Kill
	h.plugins = append(h.plugins, c)
	if h.prepare != nil {
		h.prepare(c)
	}
	return c, nil
}

func (h *host) vm() *testVM { return h.plugins[len(h.plugins)-1].vm }

var (
	chainID = primitives.HashOf([]byte("the chain"))
	self    = primitives.NodeID{1}
	peer    = primitives.NodeID{2}
	other   = primitives.NodeID{3}
)

func start(t *testing.T) *host { return startOn(t, memdb.New()) }

func startOn(t *testing.T, disk *memdb.DB) *host {
	h := &host{t: t, disk: disk}
	h.Overseer = overseertest.Start(t, h.spec())
	return h
}

func (h *host) spec() subsystem.Spec {
	return vmhost.Spec(vmhost.Config{
		Chain: "kv", ChainID: chainID, NodeID: self,
		OpenDB:   func() (database.Database, error) { return h.disk.Open(), nil },
		Launcher: h,
	})
}

func TestEveryVariantIsHandled(t *testing.T) {
	h := &host{t: t, disk: memdb.New()}
	overseertest.Exhaustive(t, h.spec())
}

// crash ends the running plugin and lets the host start another.
func (h *host) crash() {
	h.plugins[len(h.plugins)-1].kill()
	h.Step()
	h.Advance(time.Second)
}

var key = ed25519.NewKeyFromSeed(make([]byte, 32))

// submit gives the VM a transaction, as a user does over HTTP.
func (h *host) submit(nonce uint64, k, v string) {
	h.t.Helper()
	tx := kvvm.NewTx(chainID, key, nonce, kvvm.Put, []byte(k), []byte(v))
	if _, errs := h.vm().Submit(tx.Bytes()); errs[0] != nil {
		h.t.Fatal(errs[0])
	}
	h.Step()
}

func (h *host) build() *pluginv1.BuildBlockResponse {
	h.t.Helper()
	return overseertest.Must[*pluginv1.BuildBlockResponse](h.t, h.Ask("engine", &pluginv1.BuildBlockRequest{
		Context: &pluginv1.BuildContext{Proposer: self[:], Time: timestamppb.New(h.Runtime.Now())}}))
}

func (h *host) verify(b *pluginv1.Block) *pluginv1.Error {
	h.t.Helper()
	return overseertest.Must[*pluginv1.VerifyBlockResponse](h.t,
		h.Ask("engine", &pluginv1.VerifyBlockRequest{BlockId: b.GetId(), Content: b.GetContent()})).GetError()
}

// wrap is a consensus block for the test: a name and the VM block.
func wrap(b *pluginv1.Block) *vmv1.AcceptBlock {
	consensus := append([]byte("consensus block "), b.GetContent()...)
	id := primitives.HashOf(consensus)
	return &vmv1.AcceptBlock{
		VmBlockId: b.GetId(), BlockId: id[:], Height: b.GetHeight(), ConsensusBlock: consensus,
		VmBlockOffset: 16, VmBlockSize: uint32(len(b.GetContent())),
		Certificate: append([]byte("certificate of "), id[:]...),
	}
}

func (h *host) accept(b *pluginv1.Block) *pluginv1.Error { return h.acceptAs(wrap(b)) }

func (h *host) acceptAs(r *vmv1.AcceptBlock) *pluginv1.Error {
	h.t.Helper()
	return overseertest.Must[*vmv1.AcceptBlockResponse](h.t, h.Ask("engine", r)).GetError()
}

// extend builds, verifies and accepts a block with one transaction.
func (h *host) extend(nonce uint64, k, v string) *pluginv1.Block {
	h.t.Helper()
	h.submit(nonce, k, v)
	b := h.build()
	if b.GetError() != nil {
		h.t.Fatal(b.GetError())
	}
	if e := h.verify(b.GetBlock()); e != nil {
		h.t.Fatal(e)
	}
	if e := h.accept(b.GetBlock()); e != nil {
		h.t.Fatal(e)
	}
	return b.GetBlock()
}

func (h *host) height() uint64 {
	h.t.Helper()
	return overseertest.Must[*vmv1.LastAcceptedResponse](h.t,
		h.Ask("engine", &vmv1.LastAccepted{})).GetBlock().GetHeight()
}

func (h *host) value(k string) string {
	v, err := h.vm().chain.DB.Get(context.Background(), []byte("k"+k))
	if errors.Is(err, database.ErrNotFound) {
		return ""
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return string(v)
}

func (h *host) plugin() *statusv1.Process { return h.Status().GetProcesses()[0] }

func running(p *statusv1.Process) bool { return p.GetState() == string(supervise.Running) }
