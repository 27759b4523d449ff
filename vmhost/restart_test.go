package vmhost_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/overseer/overseertest"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/database/memdb"
)

func TestACrashOfThePluginLosesNothing(t *testing.T) {
	h := start(t)
	overseertest.Must[*pluginv1.SetStateResponse](t,
		h.Ask("engine", &pluginv1.SetStateRequest{State: pluginv1.ChainState_CHAIN_STATE_NORMAL_OPERATION}))
	h.extend(0, "a", "1")
	h.submit(1, "b", "2")
	b := h.build().GetBlock()
	if e := h.verify(b); e != nil {
		t.Fatal(e)
	}
	overseertest.Must[*pluginv1.SetPreferenceResponse](t,
		h.Ask("engine", &pluginv1.SetPreferenceRequest{BlockId: b.GetId()}))

	h.crash()

	if p := h.plugin(); !running(p) || p.GetRestarts() != 1 || h.Number("processing") != 1 {
		t.Fatalf("after the crash: %v", h.Status())
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
	a := h.Ask("engine", &pluginv1.BuildBlockRequest{Context: &pluginv1.BuildContext{Time: timestamppb.New(h.Runtime.Now())}})
	if a.Done {
		t.Fatal("answered by a dead plugin")
	}
	h.Advance(time.Second)
	if got := overseertest.Must[*pluginv1.BuildBlockResponse](t, a); got.GetError().GetNothingToBuild() == nil {
		t.Fatalf("the new plugin has an empty mempool, and answers %v", got)
	}
}

func TestAPluginThatKeepsDyingDegradesTheChainAndNothingElse(t *testing.T) {
	h := start(t)
	b := h.extend(0, "a", "1")
	h.refuse = errors.New("no more")
	h.plugins[0].kill()
	h.Step()
	waits := h.Ask("engine", &pluginv1.ParseBlockRequest{Contents: [][]byte{b.GetContent()}})
	h.Advance(time.Minute)
	if p := h.plugin(); p.GetState() != string(supervise.Quarantined) || p.GetCause() == "" ||
		!strings.Contains(h.Trouble("plugin"), p.GetCause()) {
		t.Fatalf("after a minute of failed starts: %v", h.Status())
	}
	if got := overseertest.Must[*pluginv1.ParseBlockResponse](t, waits); got.GetError().GetUnavailable() == nil {
		t.Errorf("the call that waited got %v", got)
	}
	if got := overseertest.Must[*pluginv1.HealthCheckResponse](t,
		h.Ask("overseer", &pluginv1.HealthCheckRequest{})); got.GetHealthy() || got.GetCause() == "" {
		t.Errorf("health: %v", got)
	}
	if h.height() != 1 {
		t.Error("the record isn't read any more")
	}
	got := overseertest.Must[*vmv1.GetAncestorsResponse](t,
		h.Ask("engine", &vmv1.GetAncestors{BlockId: wrap(b).GetBlockId()}))
	if len(got.GetConsensusBlocks()) != 1 {
		t.Errorf("ancestors: %v", got)
	}

	h.refuse = nil
	h.Ask("overseer", &vmv1.RestartPlugin{Reason: "fixed"})
	h.Advance(time.Second)
	if !running(h.plugin()) || !h.Status().GetReady() {
		t.Fatalf("after RestartPlugin: %v", h.Status())
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
	ask := h.Ask("engine", &vmv1.GetConsensusBlock{BlockId: wrap(b).GetBlockId()})
	none := overseertest.Must[*vmv1.GetConsensusBlockResponse](t, ask)
	if h.height() != 1 || h.value("a") != "1" || none.GetError().GetNotFound() == nil {
		t.Fatalf("height %d, a = %q", h.height(), h.value("a"))
	}
	if e := h.accept(b); e != nil {
		t.Fatalf("with room on the disk again: %v", e)
	}
}

func TestBytesThatKillTheVMAreNotShownToItAgainAtOnce(t *testing.T) {
	h := start(t)
	deadly := []byte("bytes of a stranger")
	h.prepare = func(p *crashable) {
		p.vm.onParse = func(content []byte) {
			if string(content) == string(deadly) {
				p.kill()
			}
		}
	}
	h.prepare(h.plugins[0])
	parse := func(contents ...[]byte) *pluginv1.ParseBlockResponse {
		a := h.Ask("engine", &pluginv1.ParseBlockRequest{Contents: contents})
		h.Advance(200 * time.Millisecond)
		return overseertest.Must[*pluginv1.ParseBlockResponse](t, a)
	}
	if got := parse(deadly); got.GetError().GetInternal() == nil {
		t.Errorf("a plugin died on it: %v", got)
	}
	if again := parse(deadly); again.GetError().GetInternal() == nil || h.plugin().GetRestarts() != 1 {
		t.Errorf("asked again: %v; %d restarts", again, h.plugin().GetRestarts())
	}
	h.extend(0, "a", "1")
	h.Advance(time.Second)
	if again := parse(nil, deadly); again.GetError().GetInternal() == nil || h.plugin().GetRestarts() != 2 {
		t.Errorf("asked again after a while, among others: %v; %d restarts", again, h.plugin().GetRestarts())
	}
	h.extend(1, "a", "2")
}
