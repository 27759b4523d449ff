package node

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
	"github.com/reevenet/reeve/services"
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
	if _, err := devnet.Create(dir,
		devnet.Options{Validators: 1, Chains: []devnet.NewChain{{Name: "kv", Plugin: devnet.Plugin{Name: "kvvm"}}},
			Ports: ports}); err != nil {
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

func instance(t *testing.T, n *Node, name string) part.Instance {
	t.Helper()
	i, err := n.Instance(name, "")
	if err != nil {
		t.Fatal(err)
	}
	return i
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
	run(t, func(ctx context.Context) error { return n.Run(ctx, instance(t, n, "keystore")) })
	await(t, n, func(c map[string]gateway.Check) bool {
		return c["keystore"].OK && c["keystore-signing"].OK && !c["engine"].OK
	})

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
	run(t, func(ctx context.Context) error { return n.Run(ctx, instance(t, n, "network-bridge")) })
	await(t, n, func(c map[string]gateway.Check) bool { return c["network-bridge"].OK })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for { // until the gateway is attached, too: the bridge is asked something
		if _, err := devnet.Peers(ctx, n.Config.Metrics.Listen); err == nil {
			break
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	metrics := get(t, "http://"+n.Config.Metrics.Listen+"/metrics")
	for _, want := range []string{
		`reeve_bus_attached{chain="",subsystem="keystore"} 1`, `reeve_metrics_source_up{part="keystore"} 1`,
		`reeve_metrics_source_up{chain="kv",part="engine"} 0`,
		`go_goroutines{part="overseer"}`, `reeve_part_ready{instance="keystore",part="keystore"} 1`,
		`reeve_part_status{field="signed",instance="keystore",part="keystore"} 0`, `go_goroutines{part="keystore"}`,
		`reeve_subsystem_handle_seconds_count{part="network-bridge",variant="Peers"}`,
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
	err = wrong.Run(t.Context(), instance(t, n, "keystore"))
	if err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("with another token than in %s: %v", path, err)
	}
	if _, err := n.Instance("nonsense", ""); errcode.Of(err) != errcode.Usage {
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
	if _, err := Open(n.Home, n.Config, "test", n.Log); err == nil ||
		!strings.Contains(err.Error(), "belongs to the network with genesis") {
		t.Errorf("another network: %v", err)
	}
	if err := os.WriteFile(n.Home.Data("format.json"),
		[]byte(`{"version":99,"genesis":"`+other.Genesis.Hash().String()+`"}`), 0o600); err != nil {
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

// report is a bus to which the named subsystems are attached, each with what it says; nil: it doesn't answer.
func report(said map[string]*statusv1.StatusResponse) overseer.Report {
	r := overseer.Report{Said: map[uint64]*statusv1.StatusResponse{}}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		generation := uint64(len(r.Said) + 1)
		r.Said[generation] = said[name]
		r.Subsystems = append(r.Subsystems, broker.SubsystemStatus{
			Name: name, Chain: chainOf(name), Starts: 1,
			Instances: []broker.InstanceStatus{{Name: name, Generation: generation, Pid: int64(generation)}},
		})
	}
	return r
}

// chainOf is the chain of a subsystem that there is one of per chain.
func chainOf(name string) string {
	if p, err := services.Parts().Find(name); err == nil && p.Spec.Class == subsystem.PerChain {
		return "kv"
	}
	return ""
}

func TestChecksNameTheCause(t *testing.T) {
	r := report(map[string]*statusv1.StatusResponse{
		"engine": {Checks: []*statusv1.Check{{Name: "stage"}, {Name: "catching-up", Cause: "at height 3 of 9"}}},
		"vm":     {Checks: []*statusv1.Check{{Name: "plugin", Cause: "backing-off killed"}}}, "keystore": nil,
		"uptime": {Cause: "it is starting"}, "gateway": {},
	})
	r.Subsystems = append(r.Subsystems,
		broker.SubsystemStatus{Name: "network-bridge", Starts: 1, LastCause: "it was killed"},
		broker.SubsystemStatus{Name: "stranger",
			Instances: []broker.InstanceStatus{{Name: "stranger", Generation: 99}}})
	got := map[string]string{}
	for _, c := range checks(r, services.Parts(), []genesis.Chain{{Name: "kv"}}) {
		got[c.Name] = c.Cause
		if c.OK != (c.Cause == "") {
			t.Errorf("%+v", c)
		}
	}
	if diff := cmp.Diff(map[string]string{
		"overseer": "", "engine": "", "engine-stage": "", "engine-catching-up": "at height 3 of 9", "vmhost": "",
		"vmhost-plugin": "backing-off killed",
		"keystore":      "it doesn't say how it is", "network-bridge": "it isn't attached: it was killed",
		"uptime": "it is starting", "stranger": "",
	}, got); diff != "" {
		t.Error(diff)
	}
}

// Whoever is attached is shown with what it says of itself, also one that nobody has heard of.
func TestInfoShowsWhoIsAttachedAndWhatItSays(t *testing.T) {
	n := newNode(t)
	text := func(name, v string) *statusv1.Field {
		return &statusv1.Field{Name: name, Value: &statusv1.Field_Text{Text: v}}
	}
	number := func(name string, v int64) *statusv1.Field {
		return &statusv1.Field{Name: name, Value: &statusv1.Field_Number{Number: v}}
	}
	last := primitives.Hash{7}
	i := n.info(report(map[string]*statusv1.StatusResponse{
		"engine":         {Fields: []*statusv1.Field{number("height", 7), text("last-accepted", last.String())}},
		"network-bridge": {Fields: []*statusv1.Field{number("peers", 3)}},
		"vm":             {Processes: []*statusv1.Process{{Name: "plugin", Instance: "kv", Pid: 42, State: "running"}}},
		"weather":        {Fields: []*statusv1.Field{text("sky", "grey"), number("degrees", -3)}},
	}), services.Parts())
	if i.Peers != 3 || i.Chains[0].Height != 7 || i.Chains[0].LastAccepted != last {
		t.Errorf("%+v", i)
	}
	byName := map[string]gateway.Part{}
	for _, p := range i.Parts {
		byName[p.Name] = p
	}
	if p := byName["plugin"]; p.Parent != "vmhost" || p.PID != 42 {
		t.Errorf("%+v", p)
	}
	if p := byName["weather"]; p.Fields["sky"] != "grey" || p.Fields["degrees"] != int64(-3) || p.State != "running" {
		t.Errorf("%+v", p)
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
