package relayvm

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

func TestBlocksComeAtTheIntervalAndForWhatWaits(t *testing.T) {
	n := startNetwork(t, 4, nil)
	early := vmsdk.BuildContext{Time: born.Add(499 * time.Millisecond)}
	if _, err := n.vm.BuildBlock(ctx, n.last, early); err != vmsdk.ErrNothingToBuild {
		t.Fatalf("too early, and with nothing: %v", err)
	}
	early.Inherent = raw(t, offers(n.made(100, free, "head 1", nil)))
	early.Parent = consensus(n.last)
	if _, err := n.vm.BuildBlock(ctx, n.last, early); err != nil {
		t.Errorf("a candidate waits: %v", err)
	}
	early.Inherent = nil
	n.vm.Submit(NewTx(chainID, alice, 0, Transfer{}).Bytes())
	if _, err := n.vm.BuildBlock(ctx, n.last, early); err != nil {
		t.Errorf("a transaction waits: %v", err)
	}
	n.other.now = born
	n.other.vm.pace.at(born.Add(500 * time.Millisecond))
	last := n.other.due[len(n.other.due)-1]
	before := n.other.events
	for _, d := range n.other.due[:len(n.other.due)-1] {
		d.f() // timers that don't count any more
	}
	if last.after != 500*time.Millisecond || n.other.events != before {
		t.Errorf("a block is wanted after %v", last.after)
	}
	last.f()
	if n.other.events != before+1 {
		t.Error("no block is wanted when the time has come")
	}
	onTime := vmsdk.BuildContext{Time: born.Add(500 * time.Millisecond)}
	if _, err := n.other.vm.BuildBlock(ctx, n.other.last, onTime); err != nil {
		t.Error(err)
	}
	if err := n.other.vm.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	before = n.other.events
	n.other.due[len(n.other.due)-1].f()
	if n.other.events != before {
		t.Error("blocks are wanted after the end")
	}
}

func TestOnlyTheAuthorityChangesTheConfiguration(t *testing.T) {
	n := startNetwork(t, 4, nil)
	c := DefaultConfiguration()
	c.MaxPoVSize = 77
	if why := n.does(alice, Configure{c}); why != "only the authority may" {
		t.Error(why)
	}
	if why := n.does(rule, Configure{c}); why != "" {
		t.Error(why)
	}
	next := n.rpc("configuration", nil).(map[string]any)["next"].(map[string]any)
	if next["maxPovSize"] != 77.0 || n.last.after.world.config.Active.MaxPoVSize == 77 {
		t.Errorf("%v", next)
	}
}

func TestUsersSeeTheChainByJSONRPC(t *testing.T) {
	n := startNetwork(t, 4, nil)
	n.next(offers(n.made(100, free, "head 1", nil)))
	c := n.last.after.world.pending[100].Candidate
	for name, look := range map[string]struct {
		params any
		want   string
	}{
		"head":      {nil, "height:1"},
		"paras":     {nil, "id:101"},
		"para":      {map[string]any{"para": 100}, "pendingCandidate:" + c.String()},
		"cores":     {nil, "candidate:" + c.String()},
		"session":   {nil, "start:1"},
		"candidate": {map[string]any{"hash": c}, "event:backed"},
		"block":     {map[string]any{"height": 1}, "event:backed"},
	} {
		if got := fmt.Sprint(n.rpc(name, look.params)); !strings.Contains(got, look.want) {
			t.Errorf("%s: %s; it should have %s", name, got, look.want)
		}
	}
	tx := NewTx(chainID, alice, 0, Transfer{To: public(bob), Amount: 3})
	n.rpc("submit", map[string]any{"tx": hex.EncodeToString(tx.Bytes())})
	if got := n.rpc("transaction", map[string]any{"hash": tx.ID()}).(map[string]any)["status"]; got != "pending" {
		t.Error(got)
	}
	n.next(nil)
	if got := n.rpc("account", map[string]any{"account": public(bob)}).(map[string]any)["balance"]; got != 3.0 {
		t.Error(got)
	}
}

func TestAJSONRPCCallThatMakesNoSenseIsRefusedWithACode(t *testing.T) {
	n := startNetwork(t, 1, nil)
	for name, c := range map[string]struct {
		method string
		params any
		code   int
	}{
		"no such method":      {"sing", nil, codeMethod},
		"a wrong parameter":   {"para", map[string]any{"name": 1}, codeParams},
		"no such para":        {"para", map[string]any{"para": 9}, codeUnknown},
		"no such candidate":   {"candidate", map[string]any{"hash": primitives.Hash{}}, codeUnknown},
		"no such block":       {"block", map[string]any{"height": 9}, codeUnknown},
		"no such transaction": {"transaction", map[string]any{"hash": primitives.Hash{}}, codeUnknown},
		"no transaction":      {"submit", map[string]any{"tx": "00"}, codeRefused},
	} {
		if _, failure := n.call(c.method, c.params); failure["code"] != float64(c.code) {
			t.Errorf("%s: %v", name, failure)
		}
	}
	for body, code := range map[string]int{
		"{": http.StatusBadRequest, `{"method":"head"}`: http.StatusOK,
		`"` + strings.Repeat("x", maxRequest) + `"`: http.StatusBadRequest,
	} {
		w := httptest.NewRecorder()
		n.web.ServeHTTP(w, httptest.NewRequest("POST", "/rpc", strings.NewReader(body)))
		if w.Code != code || !strings.Contains(w.Body.String(), `"error"`) {
			t.Errorf("%.20s: %d %s", body, w.Code, w.Body)
		}
	}
}
