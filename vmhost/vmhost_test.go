package vmhost_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// host is a vm subsystem under a test that plays the overseer and the engine. The plugin is a Go value, the disk is memory.
type host struct {
	*overseertest.Overseer
	t    *testing.T
	disk *memdb.DB
	// plugins are all that were started; the last one runs.
	plugins []*crashable
	// refuse makes launches fail.
	refuse error
}

// crashable is the plugin port with a way to end it from a test.
type crashable struct {
	vmhost.Plugin
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
	// crashOn makes the plugin die in the middle of accepting.
	crash func()
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

func (vm *testVM) Connected(_ context.Context, node vmsdk.NodeID, version string) error {
	vm.got = append(vm.got, "connected "+version)
	return nil
}

func (h *host) Launch(r vmhost.LaunchRequest) (vmhost.Plugin, error) {
	if h.refuse != nil {
		return nil, h.refuse
	}
	vm := &testVM{}
	p, err := vmhost.InProcess{New: func() vmsdk.VM { return vm }}.Launch(r)
	if err != nil {
		return nil, err
	}
	c := &crashable{Plugin: p, vm: vm}
	c.kill = p.Kill
	h.plugins = append(h.plugins, c)
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
	h.Overseer = overseertest.Start(t, vmhost.Spec(vmhost.Config{
		Chain: "kv", ChainID: chainID, NodeID: self,
		OpenDB:   func() (database.Database, error) { return disk.Open(), nil },
		Launcher: h,
	}))
	return h
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

func (h *host) build() *vmv1.BuildBlockResponse {
	h.t.Helper()
	return overseertest.Must[*vmv1.BuildBlockResponse](h.t, h.Ask("engine", &vmv1.BuildBlock{
		Context: &vmv1.BuildContext{Proposer: self[:], Time: timestamppb.New(h.World.Now())}}))
}

func (h *host) verify(b *vmv1.Block) *vmv1.Error {
	h.t.Helper()
	return overseertest.Must[*vmv1.VerifyBlockResponse](h.t, h.Ask("engine", &vmv1.VerifyBlock{VmBlockId: b.GetId(), Content: b.GetContent()})).GetError()
}

// wrap is a consensus block for the test: a name and the VM block.
func wrap(b *vmv1.Block) *vmv1.AcceptBlock {
	consensus := append([]byte("consensus block "), b.GetContent()...)
	id := primitives.HashOf(consensus)
	return &vmv1.AcceptBlock{
		VmBlockId: b.GetId(), BlockId: id[:], Height: b.GetHeight(), ConsensusBlock: consensus,
		VmBlockOffset: 16, VmBlockSize: uint32(len(b.GetContent())),
	}
}

func (h *host) accept(b *vmv1.Block) *vmv1.Error {
	h.t.Helper()
	return overseertest.Must[*vmv1.AcceptBlockResponse](h.t, h.Ask("engine", wrap(b))).GetError()
}

// extend builds, verifies and accepts a block with one transaction.
func (h *host) extend(nonce uint64, k, v string) *vmv1.Block {
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
	return overseertest.Must[*vmv1.LastAcceptedResponse](h.t, h.Ask("engine", &vmv1.LastAccepted{})).GetBlock().GetHeight()
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

func (h *host) status() *vmv1.QueryStatusResponse {
	h.t.Helper()
	return overseertest.Must[*vmv1.QueryStatusResponse](h.t, h.Ask("overseer", &vmv1.QueryStatus{}))
}

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

func TestTheEngineIsToldOfTransactionsUntilItBuilds(t *testing.T) {
	h := start(t)
	h.submit(0, "a", "1")
	h.Advance(0)
	overseertest.Expect[*enginev1.Notify](h.Overseer)
	h.Advance(5 * time.Second)
	told := 0
	for _, s := range h.Sent() {
		if _, ok := s.Body.(*enginev1.Notify); ok {
			told++
		}
	}
	if told < 2 || told > 8 {
		t.Errorf("in 5 s the engine was told again %d times", told)
	}
	h.build()
	h.Sent()
	h.Advance(time.Second)
	for _, s := range h.Sent() {
		if n, ok := s.Body.(*enginev1.Notify); ok {
			t.Errorf("told after BuildBlock: %v", n)
		}
	}
}

func TestTransactionsAreGossipedAtOnce(t *testing.T) {
	h := start(t)
	h.submit(0, "a", "1")
	h.Advance(10 * time.Millisecond)
	for _, s := range h.Sent() {
		if g, ok := s.Body.(*enginev1.SendAppGossip); ok {
			if g.GetConfig().GetPeers() < 1000 {
				t.Errorf("only %d peers are told", g.GetConfig().GetPeers())
			}
			return
		}
	}
	t.Fatal("nobody was told of the transaction within 10 ms")
}

func TestACrashOfThePluginLosesNothing(t *testing.T) {
	h := start(t)
	overseertest.Must[*vmv1.SetStateResponse](t, h.Ask("engine", &vmv1.SetState{State: vmv1.ChainState_CHAIN_STATE_NORMAL_OPERATION}))
	h.extend(0, "a", "1")
	h.submit(1, "b", "2")
	b := h.build().GetBlock()
	if e := h.verify(b); e != nil {
		t.Fatal(e)
	}
	overseertest.Must[*vmv1.SetPreferenceResponse](t, h.Ask("engine", &vmv1.SetPreference{VmBlockId: b.GetId()}))

	h.crash()

	if s := h.status(); s.GetState() != vmv1.PluginState_PLUGIN_STATE_RUNNING || s.GetRestarts() != 1 || s.GetProcessing() != 1 {
		t.Fatalf("after the crash: %v", s)
	}
	if e := h.accept(b); e != nil {
		t.Fatalf("the block verified before the crash isn't accepted after it: %v", e)
	}
	if h.value("a") != "1" || h.value("b") != "2" {
		t.Fatalf("a = %q, b = %q", h.value("a"), h.value("b"))
	}
}

func TestACallThatThePluginDiesOnIsRepeated(t *testing.T) {
	h := start(t)
	h.submit(0, "a", "1")
	first := h.plugins[0]
	first.vm.crash = first.kill
	a := h.Ask("engine", &vmv1.BuildBlock{Context: &vmv1.BuildContext{Time: timestamppb.New(h.World.Now())}})
	if a.Done {
		t.Fatal("answered by a dead plugin")
	}
	h.Advance(time.Second)
	if got := overseertest.Must[*vmv1.BuildBlockResponse](t, a); got.GetError().GetNothingToBuild() == nil {
		t.Fatalf("the new plugin has an empty mempool, and answers %v", got)
	}
}

func TestAPluginThatKeepsDyingDegradesTheChainAndNothingElse(t *testing.T) {
	h := start(t)
	b := h.extend(0, "a", "1")
	h.refuse = errors.New("no more")
	h.plugins[0].kill()
	h.Step()
	waits := h.Ask("engine", &vmv1.ParseBlock{Content: b.GetContent()})
	h.Advance(time.Minute)
	s := h.status()
	if s.GetState() != vmv1.PluginState_PLUGIN_STATE_DEGRADED || s.GetCause() == "" {
		t.Fatalf("after a minute of failed starts: %v", s)
	}
	if got := overseertest.Must[*vmv1.ParseBlockResponse](t, waits); got.GetError().GetUnavailable() == nil {
		t.Errorf("the call that waited got %v", got)
	}
	if got := overseertest.Must[*vmv1.HealthCheckResponse](t, h.Ask("overseer", &vmv1.HealthCheck{})); got.GetHealthy() || got.GetCause() == "" {
		t.Errorf("health: %v", got)
	}
	if h.height() != 1 {
		t.Error("the record isn't read any more")
	}
	got := overseertest.Must[*vmv1.GetAncestorsResponse](t, h.Ask("engine", &vmv1.GetAncestors{BlockId: wrap(b).GetBlockId()}))
	if len(got.GetConsensusBlocks()) != 1 {
		t.Errorf("ancestors: %v", got)
	}

	h.refuse = nil
	h.Ask("overseer", &vmv1.RestartPlugin{Reason: "fixed"})
	h.Advance(time.Second)
	if s := h.status(); s.GetState() != vmv1.PluginState_PLUGIN_STATE_RUNNING {
		t.Fatalf("after RestartPlugin: %v", s)
	}
	h.extend(1, "b", "2")
}

func TestAfterARestartOfTheHostRecordAndStateAgree(t *testing.T) {
	disk := memdb.New()
	h := startOn(t, disk)
	h.extend(0, "a", "1")
	h.submit(1, "a", "2")
	b := h.build().GetBlock()
	h.verify(b)
	disk.Crash()

	h = startOn(t, disk)
	if h.height() != 1 || h.value("a") != "1" {
		t.Fatalf("height %d, a = %q", h.height(), h.value("a"))
	}
	if e := h.accept(b); e != nil {
		t.Fatalf("a decided block that this host never verified: %v", e)
	}
	if e := h.accept(b); e != nil {
		t.Fatalf("accepting it again: %v", e)
	}
	if h.height() != 2 || h.value("a") != "2" {
		t.Fatalf("height %d, a = %q", h.height(), h.value("a"))
	}
}

func TestAFailedCommitLeavesBothAtTheOldBlock(t *testing.T) {
	h := start(t)
	h.extend(0, "a", "1")
	h.submit(1, "a", "2")
	b := h.build().GetBlock()
	h.verify(b)
	h.disk.FailWrites(errors.New("no space left on device"))
	a := h.Ask("engine", wrap(b))
	h.Advance(5 * time.Second)
	if got := overseertest.Must[*vmv1.AcceptBlockResponse](t, a); got.GetError().GetUnavailable() == nil {
		t.Fatalf("a full disk: %v", got)
	}
	h.disk.FailWrites(nil)
	h.Advance(5 * time.Second)
	if h.height() != 1 || h.value("a") != "1" {
		t.Fatalf("height %d, a = %q", h.height(), h.value("a"))
	}
	if e := h.accept(b); e != nil {
		t.Fatalf("with room on the disk again: %v", e)
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

func TestEveryAppRequestEndsExactlyOnce(t *testing.T) {
	h := start(t)
	ctx := context.Background()
	sender := h.vm().chain.Sender
	if err := sender.SendAppRequest(ctx, []vmsdk.NodeID{peer, other}, 7, []byte("ping")); err != nil {
		t.Fatal(err)
	}
	if err := sender.SendAppRequest(ctx, []vmsdk.NodeID{peer}, 7, []byte("ping")); err == nil {
		t.Error("an open number was taken again")
	}
	h.Step()
	r, _ := overseertest.Expect[*enginev1.SendAppRequest](h.Overseer)
	h.ExpectNothing()

	h.Send("engine", &vmv1.AppResponse{NodeId: peer[:], RequestId: r.GetRequestId(), Response: []byte("pong")})
	h.Send("engine", &vmv1.AppResponse{NodeId: peer[:], RequestId: r.GetRequestId(), Response: []byte("again")})
	h.Send("engine", &vmv1.AppRequestFailed{NodeId: peer[:], RequestId: r.GetRequestId(), Error: &vmv1.AppError{Code: -3}})
	h.Advance(2 * time.Minute) // the other one never answers
	want := []string{"response 7 pong", "failed 7 -1"}
	if got := fmt.Sprint(h.vm().got); got != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := sender.SendAppRequest(ctx, []vmsdk.NodeID{peer}, 7, nil); err != nil {
		t.Errorf("a number that isn't open any more: %v", err)
	}
}

func TestAnOutcomeOfAnEarlierLifeIsNotForTheNextOne(t *testing.T) {
	h := start(t)
	if err := h.vm().chain.Sender.SendAppRequest(context.Background(), []vmsdk.NodeID{peer}, 1, nil); err != nil {
		t.Fatal(err)
	}
	h.Step()
	old, _ := overseertest.Expect[*enginev1.SendAppRequest](h.Overseer)
	h.Send("engine", &vmv1.Connected{NodeId: peer[:], Version: "v1"})
	h.crash()
	if err := h.vm().chain.Sender.SendAppRequest(context.Background(), []vmsdk.NodeID{peer}, 1, nil); err != nil {
		t.Fatal(err)
	}
	h.Step()
	h.Send("engine", &vmv1.AppResponse{NodeId: peer[:], RequestId: old.GetRequestId(), Response: []byte("late")})
	if got := fmt.Sprint(h.vm().got); got != "[connected v1]" {
		t.Errorf("the new plugin was told %v", got)
	}
}

func TestAPeersRequestIsAnsweredInAnyCase(t *testing.T) {
	h := start(t)
	var answered atomic.Bool
	h.vm().onRequest = func(node vmsdk.NodeID, id uint32) error {
		if id == 1 {
			answered.Store(true)
			return h.vm().chain.Sender.SendAppResponse(context.Background(), node, id, []byte("yes"))
		}
		return nil // never
	}
	h.Send("engine", &vmv1.AppRequest{NodeId: peer[:], RequestId: 1, Request: []byte("?")})
	h.Send("engine", &vmv1.AppRequest{NodeId: peer[:], RequestId: 2, Request: []byte("?")})
	r, _ := overseertest.Expect[*enginev1.SendAppResponse](h.Overseer)
	if r.GetRequestId() != 1 || !answered.Load() {
		t.Errorf("%v", r)
	}
	if err := h.vm().chain.Sender.SendAppResponse(context.Background(), peer, 1, nil); err == nil {
		t.Error("a second answer was taken")
	}
	h.plugins[0].kill()
	h.Step()
	e, _ := overseertest.Expect[*enginev1.SendAppError](h.Overseer)
	if e.GetRequestId() != 2 {
		t.Errorf("the unanswered request of a dead VM: %v", e)
	}
	h.Send("engine", &vmv1.AppRequest{NodeId: peer[:], RequestId: 3})
	if e, _ := overseertest.Expect[*enginev1.SendAppError](h.Overseer); e.GetRequestId() != 3 {
		t.Errorf("a request while no VM runs: %v", e)
	}
}

func TestCapabilitiesThatTheVMLacksAreSaidToBe(t *testing.T) {
	h := start(t)
	if got := overseertest.Must[*vmv1.StateSyncEnabledResponse](t, h.Ask("engine", &vmv1.StateSyncEnabled{})); got.GetError() != nil || got.GetEnabled() {
		t.Errorf("StateSyncEnabled: %v", got)
	}
	if got := overseertest.Must[*vmv1.GetLastStateSummaryResponse](t, h.Ask("engine", &vmv1.GetLastStateSummary{})); got.GetError().GetUnimplemented() == nil {
		t.Errorf("GetLastStateSummary: %v", got)
	}
	if got := overseertest.Must[*vmv1.QueryRuntimeResponse](t, h.Ask("runtime-api", &vmv1.QueryRuntime{})); got.GetError().GetUnimplemented() == nil {
		t.Errorf("QueryRuntime: %v", got)
	}
	if got := overseertest.Must[*vmv1.VersionResponse](t, h.Ask("overseer", &vmv1.Version{})); got.GetName() != "kvvm" || got.GetProtocol() != 1 {
		t.Errorf("Version: %v", got)
	}
}
