package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/services"
	"github.com/reevenet/reeve/services/keystore"
)

func newNode(t *testing.T) *Node {
	t.Helper()
	dir, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ports, err := devnet.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := devnet.Create(dir, devnet.Options{Validators: 1, Chain: "kv", VM: "kvvm", Ports: ports}); err != nil {
		t.Fatal(err)
	}
	return reopen(t, dir.Node("v1"))
}

func reopen(t *testing.T, h datadir.Node) *Node {
	t.Helper()
	c, err := services.Parts().Schema().LoadFile(h.Config())
	if err != nil {
		t.Fatal(err)
	}
	n, err := Open(h, c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// run starts a process of the node in this one, and ends it with the test.
func run(t *testing.T, main func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- main(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, r.Status, err)
	}
	return string(text)
}

// await asks for the node's health until cond holds.
func await(t *testing.T, n *Node, cond func(map[string]gateway.Check) bool) {
	t.Helper()
	var last map[string]gateway.Check
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
		health, err := devnet.SocketHealth(t.Context(), n.Home)
		if err != nil {
			continue
		}
		last = map[string]gateway.Check{}
		for _, c := range health.Checks {
			last[c.Name] = c
		}
		if cond(last) {
			return
		}
	}
	t.Fatalf("it never happened: %+v", last)
}

func TestTheOverseerTellsWhoIsThereAndWhoIsnt(t *testing.T) {
	n := newNode(t)
	run(t, n.Overseer)
	await(t, n, func(c map[string]gateway.Check) bool { return c["overseer"].OK && !c["keystore"].OK })
	run(t, func(ctx context.Context) error { return n.Run(ctx, keystore.Part()) })
	await(t, n, func(c map[string]gateway.Check) bool { return c["keystore"].OK && c["signer"].OK && !c["engine"].OK })

	info, err := devnet.Info(t.Context(), n.Config.HTTP.Listen)
	if err != nil {
		t.Fatal(err)
	}
	if info.NodeID != n.ID || len(info.Chains) != 1 || info.Chains[0].Name != "kv" {
		t.Errorf("%+v", info)
	}
	found := false
	for _, p := range info.Parts {
		found = found || p.Name == "keystore" && p.PID == os.Getpid() && p.State == "running"
	}
	if !found {
		t.Errorf("the keystore isn't among %+v", info.Parts)
	}
	metrics := get(t, "http://"+n.Config.Metrics.Listen+"/metrics")
	for _, want := range []string{
		`reeve_bus_attached{chain="",subsystem="keystore"} 1`, `reeve_metrics_source_up{part="keystore"} 1`, `reeve_metrics_source_up{part="engine"} 0`,
		`go_goroutines{part="overseer"}`, `go_goroutines{part="keystore"}`, `reeve_subsystem_handle_seconds_count{part="keystore"`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
}

func TestAProcessWithoutItsTokenIsRefused(t *testing.T) {
	n := newNode(t)
	run(t, n.Overseer)
	await(t, n, func(c map[string]gateway.Check) bool { return c["overseer"].OK })
	path, err := datadir.MakeToken(n.Home, "keystore")
	if err != nil {
		t.Fatal(err)
	}
	n2 := reopen(t, n.Home)
	secret, err := datadir.Token(n2.Home, "keystore")
	if err != nil {
		t.Fatal(err)
	}
	other, err := datadir.Token(n2.Home, "engine")
	if err != nil || string(other) == string(secret) {
		t.Fatalf("tokens %v", err)
	}
	wrong := *n
	wrong.Home.Dir = t.TempDir() // its keys are somewhere else
	if err := os.Symlink(n.Home.Run(), wrong.Home.Run()); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(wrong.Home.Keys(), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.MakeToken(wrong.Home, "keystore"); err != nil {
		t.Fatal(err)
	}
	err = wrong.Run(t.Context(), keystore.Part())
	if err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("with another token than in %s: %v", path, err)
	}
	if _, err := services.Parts().Find("nonsense"); errcode.Of(err) != errcode.Usage {
		t.Errorf("a subsystem that isn't one: %v", err)
	}
}

func TestDataOfAnotherNetworkOrVersionIsRefused(t *testing.T) {
	n := newNode(t)
	other := newNode(t)
	if err := n.markFormat(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.Home.Genesis(), other.Genesis.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(n.Home, n.Config, "test", n.Log); err == nil || !strings.Contains(err.Error(), "belongs to the network with genesis") {
		t.Errorf("another network: %v", err)
	}
	if err := os.WriteFile(n.Home.Data("format.json"), []byte(`{"version":99,"genesis":"`+other.Genesis.Hash().String()+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(n.Home, n.Config, "test", n.Log); errcode.Of(err) != errcode.Incompatible {
		t.Errorf("another version: %v", err)
	}
	if err := os.WriteFile(n.Home.Data("format.json"), []byte(`{"vers`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(n.Home, n.Config, "test", n.Log); err == nil || !strings.Contains(err.Error(), "can't be read") {
		t.Errorf("half-written: %v", err)
	}
}

func TestTheEpochRisesWithEveryStart(t *testing.T) {
	n := newNode(t)
	for want := uint64(1); want < 4; want++ {
		if got, err := nextEpoch(n.Home); err != nil || got != want {
			t.Errorf("epoch %d, %v, want %d", got, err, want)
		}
	}
}

func TestChecksNameTheCause(t *testing.T) {
	p := &picture{
		engine:   &enginev1.QueryStatusResponse{Stage: enginev1.Stage_STAGE_CATCHING_UP, Height: 3, NetworkHeight: 9},
		vm:       &vmv1.QueryStatusResponse{State: vmv1.PluginState_PLUGIN_STATE_WAITING, Cause: "killed"},
		keystore: &keystorev1.StatusResponse{State: keystorev1.StatusResponse_STATE_NEEDS_OPERATOR, LastError: "no log"},
		errs:     map[string]error{"network-bridge": errors.New("no network-bridge is attached")},
	}
	got := map[string]string{}
	for _, c := range checks(p) {
		got[c.Name] = c.Cause
	}
	for name, want := range map[string]string{
		"overseer": "", "engine": "", "network-bridge": "no network-bridge is attached", "plugin": "backing-off killed",
		"signer": "needs_operator no log", "chain": "catching up: at height 3 of 9",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

func TestSinceIsWhenACheckChanged(t *testing.T) {
	s := &since{known: map[string]gateway.Check{}}
	one, two, three := time.Unix(1, 0), time.Unix(2, 0), time.Unix(3, 0)
	s.stamp(one, []gateway.Check{{Name: "a", OK: true}})
	if got := s.stamp(two, []gateway.Check{{Name: "a", OK: true}}); !got[0].Since.Equal(one) {
		t.Errorf("unchanged: since %v", got[0].Since)
	}
	if got := s.stamp(three, []gateway.Check{{Name: "a"}}); !got[0].Since.Equal(three) {
		t.Errorf("changed: since %v", got[0].Since)
	}
}
