package vmhost_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

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

	h.Send("engine", &pluginv1.AppResponseRequest{NodeId: peer[:], RequestId: r.GetRequestId(),
		Response: []byte("pong")})
	h.Send("engine", &pluginv1.AppResponseRequest{NodeId: peer[:], RequestId: r.GetRequestId(),
		Response: []byte("again")})
	h.Send("engine", &pluginv1.AppRequestFailedRequest{NodeId: peer[:], RequestId: r.GetRequestId(),
		Error: &pluginv1.AppError{Code: -3}})
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
	h.Send("engine", &pluginv1.ConnectedRequest{NodeId: peer[:], Version: "v1"})
	h.crash()
	if err := h.vm().chain.Sender.SendAppRequest(context.Background(), []vmsdk.NodeID{peer}, 1, nil); err != nil {
		t.Fatal(err)
	}
	h.Step()
	h.Send("engine", &pluginv1.AppResponseRequest{NodeId: peer[:], RequestId: old.GetRequestId(),
		Response: []byte("late")})
	if got := fmt.Sprint(h.vm().got); got != "[connected v1]" {
		t.Errorf("the new plugin was told %v", got)
	}
}

func TestRequestsToAPeerThatGoesFailBeforeItIsSeenToGo(t *testing.T) {
	h := start(t)
	h.Send("engine", &pluginv1.ConnectedRequest{NodeId: peer[:]})
	if err := h.vm().chain.Sender.SendAppRequest(context.Background(), []vmsdk.NodeID{peer}, 5, nil); err != nil {
		t.Fatal(err)
	}
	h.Send("engine", &pluginv1.DisconnectedRequest{NodeId: peer[:]})
	if got := fmt.Sprint(h.vm().got); got != "[connected  failed 5 -3 disconnected]" {
		t.Errorf("the VM was told %v", got)
	}
}

func TestOpenRequestsAreCancelledAtTheEnd(t *testing.T) {
	h := start(t)
	if err := h.vm().chain.Sender.SendAppRequest(context.Background(), []vmsdk.NodeID{peer}, 5, nil); err != nil {
		t.Fatal(err)
	}
	h.Conclude()
	if got := fmt.Sprint(h.vm().got); got != "[failed 5 -6]" {
		t.Errorf("the VM was told %v", got)
	}
}

func TestAPeerIsWaitedForAsLongAsTheVMSaysButNotForEver(t *testing.T) {
	h := start(t)
	sender := h.vm().chain.Sender
	if err := sender.SendAppRequest(context.Background(), []vmsdk.NodeID{peer}, 1, nil); err != nil {
		t.Fatal(err)
	}
	h.Step()
	if r, _ := overseertest.Expect[*enginev1.SendAppRequest](h.Overseer); r.GetDeadlineMs() == 0 ||
		r.GetDeadlineMs() > 10_000 {
		t.Errorf("the peer is given %d ms", r.GetDeadlineMs())
	}
	h.Advance(30 * time.Second)
	if got := fmt.Sprint(h.vm().got); got != "[failed 1 -1]" {
		t.Errorf("the VM was told %v", got)
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
	h.Send("engine", &pluginv1.AppRequestRequest{NodeId: peer[:], RequestId: 1, Request: []byte("?")})
	h.Send("engine", &pluginv1.AppRequestRequest{NodeId: peer[:], RequestId: 2, Request: []byte("?")})
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
	h.Send("engine", &pluginv1.AppRequestRequest{NodeId: peer[:], RequestId: 3})
	if e, _ := overseertest.Expect[*enginev1.SendAppError](h.Overseer); e.GetRequestId() != 3 {
		t.Errorf("a request while no VM runs: %v", e)
	}
}

func TestGossipThatTheVMFindsInvalidIsToldToTheEngine(t *testing.T) {
	h := start(t)
	h.Send("engine", &pluginv1.AppGossipRequest{NodeId: peer[:], Gossip: []byte{200, 1, 2, 3}})
	if e, _ := overseertest.Expect[*enginev1.InvalidAppGossip](h.Overseer); !bytes.Equal(e.GetNodeId(), peer[:]) ||
		!strings.Contains(e.GetReason(), "transaction 0") {
		t.Errorf("the engine is told %v", e)
	}
	h.Send("engine", &pluginv1.AppGossipRequest{NodeId: other[:]}) // nothing, in the right form
	h.ExpectNothing()
}

func TestCapabilitiesThatTheVMLacksAreSaidToBe(t *testing.T) {
	h := start(t)
	if got := overseertest.Must[*pluginv1.StateSyncEnabledResponse](t,
		h.Ask("engine", &pluginv1.StateSyncEnabledRequest{})); got.GetError() != nil || got.GetEnabled() {
		t.Errorf("StateSyncEnabled: %v", got)
	}
	if got := overseertest.Must[*pluginv1.GetLastStateSummaryResponse](t,
		h.Ask("engine", &pluginv1.GetLastStateSummaryRequest{})); got.GetError().GetUnimplemented() == nil {
		t.Errorf("GetLastStateSummary: %v", got)
	}
	if got := overseertest.Must[*pluginv1.QueryRuntimeResponse](t,
		h.Ask("runtime-api", &pluginv1.QueryRuntimeRequest{})); got.GetError().GetUnimplemented() == nil {
		t.Errorf("QueryRuntime: %v", got)
	}
	if got := overseertest.Must[*vmv1.VersionResponse](t,
		h.Ask("overseer", &vmv1.Version{})); got.GetName() != "kvvm" || got.GetProtocol() != 1 {
		t.Errorf("Version: %v", got)
	}
}

func TestPeersThatComeAndGoWhileAPluginStartsAreNotMissed(t *testing.T) {
	h := start(t)
	h.Send("engine", &pluginv1.ConnectedRequest{NodeId: peer[:], Version: "first"})
	h.prepare = func(*crashable) { // the new plugin is starting now: what the bus brings comes afterwards
		h.prepare = nil
		h.Send("engine", &pluginv1.ConnectedRequest{NodeId: other[:], Version: "second"})
		h.Send("engine", &pluginv1.DisconnectedRequest{NodeId: peer[:]})
	}
	h.crash()
	if got := fmt.Sprint(h.vm().got); got != "[connected first connected second disconnected]" {
		t.Errorf("the new plugin was told %v", got)
	}
}

func TestAPluginsGossipHasABudget(t *testing.T) {
	h := start(t)
	sender, piece := h.vm().chain.Sender, make([]byte, 1<<19)
	send := func() error { return sender.SendAppGossip(context.Background(), vmsdk.SendConfig{Peers: 1}, piece) }
	sent := 0
	for ; sent < 100 && send() == nil; sent++ {
	}
	if sent < 16 || sent > 40 {
		t.Errorf("%d messages of half a MiB were taken at once", sent)
	}
	h.Advance(2 * time.Second)
	if err := send(); err != nil {
		t.Errorf("two seconds later: %v", err)
	}
}
