package node

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// step is one of those of which a start consists: what makes it fail, and what the error says then. fail returns what
// takes the cause away again.
type step struct {
	name string
	fail func(*testing.T, *Node) (mend func())
	id   errcode.ID
	says string // a file or an address; $NODE is the node's directory
}

// taken has another program listen at an address.
func taken(address func(*Node) string) func(*testing.T, *Node) func() {
	return func(t *testing.T, n *Node) func() {
		l, err := net.Listen("tcp", address(n))
		if err != nil {
			t.Fatal(err)
		}
		return func() { l.Close() }
	}
}

// occupied puts a directory with something in it where a file should be, and what was there back in the end.
func occupied(path func(*Node) string) func(*testing.T, *Node) func() {
	return func(t *testing.T, n *Node) func() {
		at := path(n)
		if err := os.Rename(at, at+".aside"); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(at, "something"), 0o755); err != nil {
			t.Fatal(err)
		}
		return func() {
			os.RemoveAll(at)
			os.Rename(at+".aside", at)
		}
	}
}

// variable sets one in the environment to something that is no value of it.
func variable(name string) func(*testing.T, *Node) func() {
	return func(t *testing.T, _ *Node) func() {
		t.Setenv(name, "nonsense")
		return func() { os.Unsetenv(name) }
	}
}

// fails starts a process that must end with the error of the step.
func fails(t *testing.T, s step, n *Node, main func(context.Context) error) {
	t.Helper()
	mend := s.fail(t, n)
	defer mend()
	err := main(t.Context())
	var e *errcode.Error
	if !errors.As(err, &e) || e.ID != s.id {
		t.Fatalf("%v, it should be a %v", err, s.id)
	}
	if says := strings.ReplaceAll(s.says, "$NODE", n.Home.Dir); !strings.Contains(err.Error(), says) {
		t.Errorf("%q doesn't say %q", err, says)
	}
	if e.Do == "" {
		t.Errorf("%q doesn't say what to do", err)
	}
}

// In each step of its start the overseer fails with a sentence, and has given back what it had opened: once the cause is
// gone, it starts.
func TestEachStepOfTheOverseersStartMayFail(t *testing.T) {
	for _, s := range []step{
		{"carrier", variable(carrier.Variable), errcode.BadConfig, "nonsense"},
		{"tracing", func(t *testing.T, n *Node) func() {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			return variable("OTEL_TRACES_SAMPLER_ARG")(t, n)
		}, errcode.BadConfig, "OTEL_TRACES_SAMPLER_ARG"},
		{"format", occupied(func(n *Node) string { return n.Home.Data(formatFile) }), errcode.DataDirBroken, "format.json"},
		{"clients' port", taken(func(n *Node) string { return n.Config.HTTP.Listen }), errcode.PortTaken, "127.0.0.1:"},
		{"monitoring's port", taken(func(n *Node) string { return n.Config.Metrics.Listen }), errcode.PortTaken, "127.0.0.1:"},
		{"monitoring's socket", occupied(func(n *Node) string { return n.Home.Socket(datadir.MonitorSocket) }),
			errcode.DataDirBroken, "monitor.sock"},
		{"socket of the bus", occupied(func(n *Node) string { return n.Home.Socket(BusSocket) }), errcode.DataDirBroken,
			"bus.sock"},
		{"lock", occupied(func(n *Node) string { return filepath.Join(n.Home.Data("overseer"), "lock") }),
			errcode.DataDirBroken, "lock"},
		{"epoch", occupied(func(n *Node) string { return filepath.Join(n.Home.Data("overseer"), "epoch") }),
			errcode.DataDirBroken, "epoch"},
	} {
		t.Run(s.name, func(t *testing.T) {
			n := newNode(t)
			fails(t, s, n, n.Overseer)
			os.Unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT")
			run(t, n.Overseer)
			await(t, n, func(c map[string]gateway.Check) bool { return c["overseer"].OK })
		})
	}
}

// A part's process, too.
func TestEachStepOfAPartsStartMayFail(t *testing.T) {
	metrics := occupied(func(n *Node) string { return metricsSocket(n, "keystore") })
	for _, s := range []step{
		{"tracing", func(t *testing.T, n *Node) func() {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			return variable("OTEL_TRACES_SAMPLER_ARG")(t, n)
		}, errcode.BadConfig, "OTEL_TRACES_SAMPLER_ARG"},
		{"no token", func(t *testing.T, n *Node) func() {
			file, err := datadir.MakeToken(n.Home, "keystore")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(file, file+".aside"); err != nil {
				t.Fatal(err)
			}
			return func() { os.Rename(file+".aside", file) }
		}, errcode.KeyMissing, "no token of keystore"},
		{"token that can't be read", occupied(func(n *Node) string {
			return filepath.Join(n.Home.Keys(), "tokens", "keystore.token")
		}), errcode.KeyBroken, "the token of keystore can't be read"},
		{"socket of metrics", metrics, errcode.DataDirBroken, "keystore.metrics.sock"},
	} {
		t.Run(s.name, func(t *testing.T) {
			n := newNode(t)
			run(t, n.Overseer)
			main := func(ctx context.Context) error { return n.Run(ctx, instance(t, n, "keystore")) }
			fails(t, s, n, main)
			os.Unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT")
			run(t, main)
			await(t, n, func(c map[string]gateway.Check) bool { return c["keystore"].OK })
		})
	}
}

// The bridge listens once it is attached: a port that is taken then ends its process with the same sentence.
func TestABridgeWhosePortIsTakenSaysWhich(t *testing.T) {
	n := newNode(t)
	run(t, n.Overseer)
	at := n.Config.Listens()["p2p.listen"]
	where, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer where.Close()
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = n.Run(ctx, instance(t, n, "network-bridge"))
	var e *errcode.Error
	if !errors.As(err, &e) || e.ID != errcode.PortTaken || !strings.Contains(err.Error(), port) {
		t.Errorf("%v", err)
	}
}
