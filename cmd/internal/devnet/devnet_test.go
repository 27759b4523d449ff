package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/bus/accept/accepttest"
	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// The test binary is also the reeve program whose processes the tests supervise: its first argument is the command
// then.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		play(os.Args[1:])
		return
	}
	os.Exit(m.Run())
}

// play is one process of a node: all wait for SIGTERM, and the overseer answers at the node's doors.
func play(args []string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if args[0] != "overseer" && args[0] != "bundle" {
		<-ctx.Done()
		return
	}
	h := datadir.Network{Dir: args[2]}.Node(args[4])
	c, err := fileSettings(h)
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", c.Metrics.Listen)
	if err != nil {
		panic(err)
	}
	g := gateway.New(gateway.Config{
		Alive:  func(context.Context) error { return nil },
		Checks: func(context.Context) []gateway.Check { return []gateway.Check{{Name: "engine", OK: true}} },
		Info: func(context.Context) (*gateway.Info, error) {
			return &gateway.Info{
				NodeID: datadir.NodeID(h), Peers: 3,
				Chains: []gateway.Chain{{Name: "kv", Height: 7, LastAccepted: primitives.Hash{7}}},
				Parts:  []gateway.Part{{Name: "plugin", Instance: "kv", PID: os.Getpid(), State: "running"}},
			}, nil
		},
		Metrics: prometheus.NewRegistry(),
	})
	quiet := slog.New(slog.DiscardHandler)
	if err := gateway.Serve(ctx, context.Background(), l, g.Monitoring(), httpdoor.Places{}, quiet); err != nil {
		panic(err)
	}
}

func kv(genesis []byte) []NewChain {
	return []NewChain{{Name: "kv", Plugin: Plugin{Name: "kvvm", builtin: true}, Genesis: genesis}}
}

func create(t *testing.T, validators int) datadir.Network {
	t.Helper()
	dir, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ports, err := Free(validators + 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, Options{Validators: validators, Chains: kv([]byte("{}")), Ports: ports}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, dir datadir.Network) *Network {
	t.Helper()
	n, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close(t.Context()) })
	return n
}

func ready(t *testing.T, n *Network) *Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := n.WaitReady(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestANetworkStartsAndLeavesNothing(t *testing.T) {
	dir := create(t, 2)
	n := open(t, dir)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	s := ready(t, n)
	var pids []int
	for _, v := range s.Nodes {
		var names []string
		for _, p := range v.Processes {
			names = append(names, p.Name)
			pids = append(pids, p.PID)
		}
		if diff := cmp.Diff([]string{"overseer", "engine", "vmhost", "keystore", "network-bridge", "plugin"},
			names); diff != "" {
			t.Error(diff)
		}
		if v.Height != 7 || v.Peers != 3 || v.NodeID.IsZero() {
			t.Errorf("%+v", v)
		}
	}
	n.Close(t.Context())
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is left: %v", pid, err)
		}
	}
}

func TestTheNetworkChangesWhileItRuns(t *testing.T) {
	dir := create(t, 1)
	n := open(t, dir)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	down := make(chan struct{})
	control, err := n.Serve(dir.Run(), func() { close(down) })
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	c := Dial(dir.Run())
	name, err := c.Add(t.Context())
	if err != nil || name != "v2" {
		t.Fatalf("added %q, %v", name, err)
	}
	ready(t, n)
	if err := c.RestartProcess(t.Context(), "v2", "engine"); err != nil {
		t.Fatal(err)
	}
	s, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v2, _ := s.Node("v2")
	if p, ok := v2.Process("engine"); !ok || p.Restarts != 1 || p.PID == 0 {
		t.Errorf("%+v", p)
	}
	if err := c.StopNode(t.Context(), "v2"); err != nil {
		t.Fatal(err)
	}
	if err := c.StartNode(t.Context(), "v2"); err != nil {
		t.Fatal(err)
	}
	if err := c.RemoveNode(t.Context(), "v2"); err != nil {
		t.Fatal(err)
	}
	if err := c.RemoveNode(t.Context(), "v1"); err == nil ||
		!strings.Contains(err.Error(), "validator of the genesis") {
		t.Errorf("removing a validator: %v", err)
	}
	if err := c.StopNode(t.Context(), "v9"); errcode.Of(err) != errcode.Usage {
		t.Errorf("stopping a node that isn't there: %v", err)
	}
	if names, _ := n.Names(); len(names) != 1 {
		t.Errorf("left: %v", names)
	}
	if err := c.call(t.Context(), "POST", "/down", nil); err != nil {
		t.Fatal(err)
	}
	<-down
}

func TestWhoAsksForTheEndIsAnsweredThoughItHasBegun(t *testing.T) {
	dir := create(t, 1)
	serving, closed := make(chan *Control, 1), make(chan error, 1)
	control, err := open(t, dir).Serve(dir.Run(), func() {
		c := <-serving
		go func() { closed <- c.Close() }()
		for { // until nobody is let in any more
			conn, err := net.Dial("unix", controlSocket(dir.Run()))
			if err != nil {
				return
			}
			conn.Close()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	serving <- control
	if err := Dial(dir.Run()).call(t.Context(), "POST", "/down", nil); err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestANetworkThatHearsNoCommandAnyMoreSaysSo(t *testing.T) {
	dir := create(t, 1)
	n := open(t, dir)
	deaf := make(chan error, 1)
	n.Deaf = func(err error) { deaf <- err }
	control, err := n.Serve(dir.Run(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	control.hear(accepttest.Broken{Listener: l})
	if err := <-deaf; !errors.Is(err, syscall.EBADF) {
		t.Error(err)
	}
}

func TestABundledNodeIsOneProcess(t *testing.T) {
	n := open(t, create(t, 1))
	n.Bundled = true
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	v := ready(t, n).Nodes[0]
	if p, ok := v.Process("node"); !ok || p.PID == 0 || len(v.Processes) != 2 { // the other one is the plugin, as the node tells
		t.Errorf("%+v", v.Processes)
	}
}

func TestTroubleIsOneSentence(t *testing.T) {
	dir := create(t, 1)
	if _, err := Create(dir, Options{Validators: 1, Chains: kv(nil)}); err == nil ||
		!strings.Contains(err.Error(), "holds a network already") {
		t.Errorf("creating it twice: %v", err)
	}
	n := open(t, dir)
	c, err := fileSettings(dir.Node("v1"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", c.HTTP.Listen)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err == nil || !strings.Contains(err.Error(), c.HTTP.Listen) ||
		!strings.Contains(err.Error(), "--port-base") {
		t.Errorf("with a port taken: %v", err)
	}
	l.Close()
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Start(); err == nil || !strings.Contains(err.Error(), "in use by process") {
		t.Errorf("a second supervisor: %v", err)
	}
	if _, err := Open(datadir.Network{Dir: "/nowhere"}, nil); errcode.Of(err) != errcode.Unreachable {
		t.Errorf("a directory without a network: %v", err)
	}
	if _, err := Create(datadir.Network{Dir: "/proc/nowhere"}, Options{Validators: 1, Chains: kv(nil)}); err == nil ||
		!strings.Contains(err.Error(), "can't write to /proc/nowhere") {
		t.Errorf("a directory that can't be written to: %v", err)
	}
	if _, err := Dial("/nowhere/run").Status(t.Context()); errcode.Of(err) != errcode.Unreachable {
		t.Errorf("without a supervisor: %v", err)
	}
}

// A node is ready when it answers, not when somebody answers at its port.
func TestWhoeverAnswersAtItsPortIsNotTheNode(t *testing.T) {
	dir := create(t, 1)
	n := open(t, dir)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	v1 := ready(t, n).Nodes[0]
	c, err := fileSettings(dir.Node("v1"))
	if err != nil {
		t.Fatal(err)
	}
	other := NewNodeStatus(create(t, 1).Node("v1"))
	err = Observe(t.Context(), c.Metrics.Listen, other)
	if errcode.Of(err) != errcode.Unreachable || other.Ready || other.Height != 0 ||
		!strings.Contains(other.Cause, "answers another node, "+v1.NodeID.Short()) {
		t.Errorf("%v, %+v", err, other)
	}
	if err := Busy(dir); !strings.Contains(err.Error(), dir.Dir) {
		t.Error(err)
	}
}

func TestAProcessThatCannotRunEndsTheWait(t *testing.T) {
	dir := create(t, 1)
	n := open(t, dir)
	n.group.Policy.Intensity = 0
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	s := ready(t, n)
	engine, _ := s.Nodes[0].Process("engine")
	if err := syscall.Kill(engine.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		if s, err := n.Status(ctx); err != nil || Hopeless(dir, s) != nil {
			break
		}
	}
	if err := Hopeless(dir, must(n.Status(ctx))); err == nil ||
		!strings.Contains(err.Error(), "engine of node v1 doesn't run: killed by signal 9") {
		t.Errorf("got %v", err)
	}
}

func must(s *Status, err error) *Status {
	if err != nil {
		panic(err)
	}
	return s
}

func TestOnlyHarmlessVariablesReachTheProcesses(t *testing.T) {
	harmless := []string{
		"PATH=/bin", "REEVE_LOG_LEVEL=debug", "REEVE_BUS_CARRIER=grpc", "GOMAXPROCS=1", "OTEL_EXPORTER_OTLP_ENDPOINT=x",
	}
	got := (&Network{}).environment(append([]string{"AWS_SECRET=x", "REEVE_HTTP_LISTEN=:1"}, harmless...))
	want := harmless
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whoever runs as the supervisor's user can connect to its socket, a plugin among them.
func TestCallersThatSayNothingKeepNoOperatorOut(t *testing.T) {
	dir := create(t, 1)
	control, err := open(t, dir).Serve(dir.Run(), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	var first net.Conn
	for i := range 2 * callers {
		conn, err := net.Dial("unix", controlSocket(dir.Run()))
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer conn.Close()
		if first == nil {
			first = conn
		}
	}
	if _, err := Dial(dir.Run()).Status(t.Context()); err != nil {
		t.Error(err)
	}
	if err := first.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the longest silent one isn't turned out: %v", err)
	}
}

// Another process runs in the engine's place for as long as whoever asked for it stays.
func TestAProcessGivesItsPlaceToAnotherForATime(t *testing.T) {
	n := open(t, create(t, 1))
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	first := engineOf(t, ready(t, n))
	c, err := n.Serve(n.Home.Run(), func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	client := Dial(n.Home.Run())
	ctx, end := context.WithCancel(t.Context())
	begun, over := make(chan bool, 1), make(chan error, 1)
	go func() {
		over <- client.Substitute(ctx, "v1", "engine", "a drill", []string{"actor", "engine"}, func() { begun <- true })
	}()
	select {
	case <-begun:
	case err := <-over:
		t.Fatal(err)
	}
	other := engineOf(t, ready(t, n))
	if args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", other.PID)); err == nil &&
		!strings.Contains(string(args), "actor\x00engine\x00") {
		t.Errorf("it runs %q", args)
	}
	if other.PID == first.PID || other.Cause != "a drill" {
		t.Errorf("%+v, then %+v", first, other)
	}
	for _, which := range []string{"engine", "overseer", "plugin"} {
		if err := client.Substitute(t.Context(), "v1", which, "", nil,
			func() { t.Errorf("%s is replaced", which) }); err == nil {
			t.Errorf("%s can be replaced", which)
		}
	}
	end()
	if err := <-over; err != nil {
		t.Error(err)
	}
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if last := engineOf(t, ready(t, n)); last.Cause == "a drill: it is over" && last.PID != other.PID {
			return
		} else if time.Now().After(limit) {
			t.Fatalf("the engine isn't back: %+v", last)
		}
	}
}

func engineOf(t *testing.T, s *Status) ProcessStatus {
	t.Helper()
	p, ok := s.Nodes[0].Process("engine")
	if !ok {
		t.Fatalf("no engine: %+v", s)
	}
	return p
}

// In two containers of one service the watched process has the same pid, and one of them isn't attached.
func TestAttachedIsWhoHasTheNameAndThePid(t *testing.T) {
	h := create(t, 1).Node("v1")
	if err := h.Make(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", h.Socket(datadir.MonitorSocket))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ext/bus", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode([]gateway.Mailbox{{Subsystem: "keystore", Instances: []gateway.Instance{
			{Name: "keystore-abc", PID: 7, Standby: true}, {Name: "keystore-def-2", PID: 8}}}})
	})
	server := httpdoor.Inner(mux, slog.New(slog.DiscardHandler))
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	for _, c := range []struct {
		subsystem, name string
		pid             int
		attached        bool
	}{
		{"keystore", "keystore-abc", 7, true}, {"keystore", "keystore-def", 8, true},
		{"keystore", "keystore-xyz", 7, false}, {"keystore", "keystore-abc", 8, false},
		{"engine", "keystore-abc", 7, false},
	} {
		if err := Attached(t.Context(), h, c.subsystem, c.name, c.pid); (err == nil) != c.attached {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
