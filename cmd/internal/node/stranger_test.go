package node

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/proc"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/process"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// doors are the variable by which the plugin knows the sockets of the node that it is to try; the test's own program is
// that plugin.
const doors = "TEST_DOORS"

func TestMain(m *testing.M) {
	proc.Confined()
	if os.Getenv(doors) != "" {
		vmsdk.Serve(&caller{})
		return
	}
	os.Exit(m.Run())
}

// asked is what would be the operator's to ask.
var asked = []string{
	"GET /status", "POST /down", "POST /nodes", "DELETE /nodes/v1", "POST /nodes/v1/stop",
	"POST /nodes/v1/processes/engine/restart", "POST /nodes/v1/processes/engine/substitute",
	"GET /ext/vm/kv", "POST /ext/vm/kv/restart", "POST /ext/vm/kv/log-level?level=error",
}

// caller is a VM that says as its complaint what a node's sockets let it do.
type caller struct{ kvvm.VM }

func (*caller) HealthCheck(ctx context.Context) error {
	answers := map[string]string{}
	for _, socket := range filepath.SplitList(os.Getenv(doors)) {
		c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) },
		}}
		for _, what := range append(asked, "GET /ext/health/readiness") {
			method, path, _ := strings.Cut(what, " ")
			answers[filepath.Base(socket)+" "+what] = replied(ctx, c, method, path)
		}
		if _, err := os.ReadFile(strings.TrimSuffix(socket, ".sock") + ".key"); err == nil {
			answers["the key of "+filepath.Base(socket)] = "itself"
		}
	}
	text, err := json.Marshal(answers)
	return errors.Join(err, errors.New(string(text)))
}

func replied(ctx context.Context, c *http.Client, method, path string) string {
	r, err := http.NewRequestWithContext(ctx, method, "http://node"+path,
		strings.NewReader(`{"why":"me","command":["/bin/sh"]}`))
	if err != nil {
		return err.Error()
	}
	a, err := c.Do(r)
	if err != nil {
		return err.Error()
	}
	defer a.Body.Close()
	io.Copy(io.Discard, io.LimitReader(a.Body, 1<<20)) //nolint:errcheck // the status is all that it is about
	return a.Status
}

// callAll starts a confined plugin that tries the sockets, and returns how it was answered.
func callAll(t *testing.T, n *Node, sockets []string) map[string]string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Launcher{
		Path: self, RunDir: n.Home.SocketDir(), Env: []string{doors + "=" + strings.Join(sockets, ":")},
		Confine: &launch.Confine{Hidden: []string{filepath.Dir(n.Home.Dir), n.Home.SocketDir()}},
	}.Launch(launch.Request{
		Services: func(grpc.ServiceRegistrar) {}, OnExit: func(error) {}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(time.Second) })
	answer, err := pluginv1.NewVMServiceClient(p.Conn()).HealthCheck(t.Context(), &pluginv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]string
	if err := json.Unmarshal([]byte(answer.GetCause()), &answers); err != nil {
		t.Fatalf("%s: %v", answer.GetCause(), err)
	}
	return answers
}

func TestAPluginAsksNothingOfItsNodeThatIsTheOperators(t *testing.T) {
	if proc.Landlock() == 0 {
		t.Skip("this kernel has no landlock: a plugin reads what its user can, keys included")
	}
	n := newNode(t)
	run(t, n.Overseer)
	network, err := devnet.Open(datadir.Network{Dir: filepath.Dir(n.Home.Dir)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	control, err := network.Serve(n.Home.Run(), func() { t.Error("the plugin ended the network") })
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	await(t, n, func(c map[string]gateway.Check) bool { return len(c) > 0 })
	sockets, err := filepath.Glob(filepath.Join(n.Home.SocketDir(), "*.sock"))
	if err != nil || len(sockets) != 3 {
		t.Fatalf("the sockets are %q, %v", sockets, err)
	}
	const public = "monitor.sock GET /ext/health/readiness"
	for what, how := range callAll(t, n, sockets) {
		switch {
		case what == public && (strings.HasPrefix(how, "200") || strings.HasPrefix(how, "503")):
		case strings.HasPrefix(what, "bus.sock") && !strings.HasPrefix(how, "2"): // it speaks no HTTP/1
		case strings.HasPrefix(what, "monitor.sock") && strings.HasPrefix(how, "404"):
		case strings.HasPrefix(how, "401"):
		default:
			t.Errorf("%s was answered with %s", what, how)
		}
	}
	if keys, err := filepath.Glob(filepath.Join(n.Home.SocketDir(), "*.key")); err != nil || len(keys) != 2 {
		t.Errorf("the keys are %q, %v", keys, err)
	}
	if _, err := devnet.Dial(n.Home.Run()).Status(t.Context()); err != nil { // an operator's command goes on
		t.Error(err)
	}
	if _, err := devnet.VM(t.Context(), n.Home, "none"); err == nil || !strings.Contains(err.Error(), "no such chain") {
		t.Errorf("of the operator's question: %v", err)
	}
}
