package vmhost_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/overseer/overseertest"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/pebbledb"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/process"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// The test's own binary is the plugin.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_PLUGIN") != "" {
		vmsdk.Serve(&slowVM{})
		return
	}
	os.Exit(m.Run())
}

// slowVM is kvvm that hangs when a block is built at a certain time, ends on a block with the word deadly in it, and
// hangs on one with the word endless.
type slowVM struct {
	kvvm.VM
	chain *vmsdk.Chain
}

func (vm *slowVM) Initialize(ctx context.Context, chain *vmsdk.Chain, batch *database.Batch) (vmsdk.Block, error) {
	vm.chain = chain
	return vm.VM.Initialize(ctx, chain, batch)
}

var quiet = slog.New(slog.DiscardHandler)

var hangTime = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)

func (vm *slowVM) BuildBlock(ctx context.Context, parent vmsdk.Block, build vmsdk.BuildContext) (vmsdk.Block, error) {
	if build.Time.Equal(hangTime) {
		select {}
	}
	return vm.VM.BuildBlock(ctx, parent, build)
}

func (vm *slowVM) ParseBlock(ctx context.Context, content []byte) (vmsdk.Block, error) {
	switch {
	case bytes.Contains(content, []byte("deadly")):
		os.Exit(3)
	case bytes.Contains(content, []byte("endless")):
		select {}
	}
	return vm.VM.ParseBlock(ctx, content)
}

// real is a host with a plugin process, a database on disk and an HTTP socket. Its time is the test's.
type real struct {
	*overseertest.Overseer
	t      testing.TB
	socket string
}

func launcher(t testing.TB) process.Launcher {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Launcher{Path: program, Env: []string{"TEST_PLUGIN=1"}, RunDir: t.TempDir()}
}

func startReal(t testing.TB) *real { return startRealWith(t, launcher(t)) }

func startRealWith(t testing.TB, l process.Launcher) *real {
	dir := t.TempDir()
	r := &real{t: t, socket: filepath.Join(dir, "kv.http.sock")}
	r.Overseer = overseertest.Start(t, vmhost.Spec(vmhost.Config{
		Chain: "kv", ChainID: chainID, NodeID: self, HTTPSocket: r.socket,
		OpenDB:   func() (database.Database, error) { return pebbledb.Open(filepath.Join(dir, "db"), quiet) },
		Launcher: l,
		Limits:   vmhost.Limits{BlockCall: time.Second, Silence: 500 * time.Millisecond},
	}))
	t.Cleanup(func() { r.Handler().(interface{ Close() }).Close() })
	return r
}

func (r *real) http(method, path string, body []byte) (int, string, http.Header) {
	r.t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", r.socket)
		}}}
	q, err := http.NewRequest(method, "http://node/ext/bc/kv"+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	a, err := client.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer a.Body.Close()
	content, _ := io.ReadAll(a.Body)
	return a.StatusCode, string(content), a.Header
}

func (r *real) plugin() *statusv1.Process { return r.Status().GetProcesses()[0] }

// until steps the host, whose plugin is on a clock of its own, until done.
func (r *real) until(what string, done func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); r.Step() {
		if time.Now().After(end) {
			r.t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond) // the plugin's own clock: there is no event to wait for
	}
}

func (r *real) extend(nonce uint64) {
	r.t.Helper()
	tx := kvvm.NewTx(chainID, key, nonce, kvvm.Put, []byte("n"), fmt.Append(nil, nonce))
	if code, body, _ := r.http("POST", "/tx", tx.Bytes()); code != 200 {
		r.t.Fatalf("POST /tx: %d %s", code, body)
	}
	b := r.build(r.Runtime.Now())
	if b.GetError() != nil {
		r.t.Fatal(b.GetError())
	}
	v := overseertest.Must[*pluginv1.VerifyBlockResponse](r.t,
		r.Ask("engine", &pluginv1.VerifyBlockRequest{BlockId: b.GetBlock().GetId()}))
	if v.GetError() != nil {
		r.t.Fatal(v.GetError())
	}
	overseertest.Must[*pluginv1.SetPreferenceResponse](r.t,
		r.Ask("engine", &pluginv1.SetPreferenceRequest{BlockId: b.GetBlock().GetId()}))
	if a := overseertest.Must[*vmv1.AcceptBlockResponse](r.t,
		r.Ask("engine", wrap(b.GetBlock()))); a.GetError() != nil {
		r.t.Fatal(a.GetError())
	}
}

func (r *real) build(at time.Time) *pluginv1.BuildBlockResponse {
	r.t.Helper()
	a := r.Ask("engine", &pluginv1.BuildBlockRequest{Context: &pluginv1.BuildContext{Proposer: self[:],
		Time: timestamppb.New(at)}})
	r.until("the answer to BuildBlock", func() bool {
		if !a.Done {
			r.Advance(50 * time.Millisecond)
		}
		return a.Done
	})
	return overseertest.Must[*pluginv1.BuildBlockResponse](r.t, a)
}

func TestAPluginProcessServesBlocksAndHTTP(t *testing.T) {
	r := startReal(t)
	r.extend(0)
	if code, body, _ := r.http("GET", "/key/n", nil); code != 200 || !strings.Contains(body, `"value":"0"`) {
		t.Errorf("GET /key: %d %s", code, body)
	}
	if code, body, _ := r.http("GET", "/nothing/here", nil); code != 404 {
		t.Errorf("an unknown path: %d %s", code, body)
	}
}

func TestAKilledPluginIsReplacedAndGoesOn(t *testing.T) {
	r := startReal(t)
	r.extend(0)
	before := r.plugin()
	syscall.Kill(int(before.GetPid()), syscall.SIGKILL)
	r.until("the death is noticed", func() bool { return !running(r.plugin()) })
	if code, body, header := r.http("GET", "/head", nil); code != 503 || header.Get("Retry-After") == "" ||
		!strings.Contains(body, "signal 9") {
		t.Errorf("while no plugin runs: %d %s", code, body)
	}
	r.Advance(time.Second)
	after := r.plugin()
	if !running(after) || after.GetPid() == before.GetPid() || after.GetRestarts() != 1 {
		t.Fatalf("a second later: %v", after)
	}
	if !strings.Contains(after.GetCause(), "signal 9") {
		t.Errorf("the cause is %q", after.GetCause())
	}
	r.extend(1)
}

func TestAStoppedPluginIsFoundAndReplaced(t *testing.T) {
	r := startReal(t)
	r.extend(0)
	before := r.plugin()
	syscall.Kill(int(before.GetPid()), syscall.SIGSTOP)
	r.until("another plugin runs", func() bool {
		r.Advance(100 * time.Millisecond)
		s := r.plugin()
		return running(s) && s.GetPid() != before.GetPid()
	})
	r.extend(1)
}

func TestAHangingCallEndsAndThePluginIsReplaced(t *testing.T) {
	r := startReal(t)
	r.extend(0)
	before := r.plugin()
	if b := r.build(hangTime); b.GetError().GetUnavailable() == nil ||
		!strings.Contains(b.GetError().GetUnavailable().GetCause(), "BuildBlock wasn't answered within 1s") {
		t.Errorf("a call on which two plugins hang: %v", b)
	}
	r.until("another plugin runs", func() bool {
		r.Advance(100 * time.Millisecond)
		s := r.plugin()
		return running(s) && s.GetPid() != before.GetPid()
	})
	r.extend(1)
}

// A process that ends on a block, or hangs on one, is replaced, and the chain goes on with other blocks at once; the
// block is shown to one process after another, never twice in a row.
func TestAProcessThatDiesOnABlockIsServedTheOthersBeforeItSeesThatOneAgain(t *testing.T) {
	for word, cause := range map[string]string{"deadly": "VerifyBlock failed",
		"endless": "VerifyBlock wasn't answered within 1s"} {
		r := startReal(t)
		tx := kvvm.NewTx(chainID, key, 0, kvvm.Put, []byte(word), nil)
		if code, body, _ := r.http("POST", "/tx", tx.Bytes()); code != 200 {
			t.Fatalf("POST /tx: %d %s", code, body)
		}
		content := r.build(r.Runtime.Now()).GetBlock().GetContent()
		for nonce := range uint64(3) {
			restarts := r.plugin().GetRestarts()
			if e := r.verify(content); !strings.Contains(e.GetInternal().GetReason(), cause) {
				t.Fatalf("%s: %v", word, e)
			}
			if e := r.verify(content); !strings.Contains(e.GetInternal().GetReason(), "isn't shown again") {
				t.Errorf("%s, at once again: %v", word, e)
			}
			r.extend(nonce)
			if n := r.plugin().GetRestarts() - restarts; n != 1 {
				t.Errorf("%s: the plugin was started %d times", word, n)
			}
			r.Advance(time.Minute)
		}
	}
}

// verify shows the plugin a block as the engine does: by its bytes.
func (r *real) verify(content []byte) *pluginv1.Error {
	r.t.Helper()
	a := r.Ask("engine", &pluginv1.VerifyBlockRequest{Content: content})
	r.until("the answer to VerifyBlock", func() bool {
		if !a.Done {
			r.Advance(50 * time.Millisecond)
		}
		return a.Done
	})
	return overseertest.Must[*pluginv1.VerifyBlockResponse](r.t, a).GetError()
}

// BenchmarkBlockCycle is building, verifying, preferring and accepting a small block through host, plugin process and
// disk. The median is what to look at: a machine that does other things makes the mean anything.
func BenchmarkBlockCycle(b *testing.B) {
	r := startReal(b)
	var whole []time.Duration
	var parts [4][]time.Duration
	for nonce := uint64(0); b.Loop(); nonce++ {
		b.StopTimer()
		tx := kvvm.NewTx(chainID, key, nonce, kvvm.Put, []byte("n"), make([]byte, 64))
		if code, body, _ := r.http("POST", "/tx", tx.Bytes()); code != 200 {
			b.Fatalf("%d %s", code, body)
		}
		b.StartTimer()
		begin := time.Now()
		took := cycle(b, r)
		whole = append(whole, time.Since(begin))
		for i, d := range took {
			parts[i] = append(parts[i], d)
		}
	}
	report := func(what string, all []time.Duration) {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), what+"-p50-µs")
	}
	report("cycle", whole)
	for i, what := range []string{"build", "verify", "prefer", "accept"} {
		report(what, parts[i])
	}
}

// steps are the times of the calls of a cycle.
type steps [4]time.Duration

func cycle(b *testing.B, r *real) (took steps) {
	begin := time.Now()
	lap := func(i int) {
		took[i] = time.Since(begin)
		begin = time.Now()
	}
	built := overseertest.Must[*pluginv1.BuildBlockResponse](b,
		r.Ask("engine", &pluginv1.BuildBlockRequest{Context: &pluginv1.BuildContext{Proposer: self[:],
			Time: timestamppb.New(r.Runtime.Now())}}))
	if built.GetError() != nil {
		b.Fatal(built.GetError())
	}
	lap(0)
	id := built.GetBlock().GetId()
	if v := overseertest.Must[*pluginv1.VerifyBlockResponse](b,
		r.Ask("engine", &pluginv1.VerifyBlockRequest{BlockId: id})); v.GetError() != nil {
		b.Fatal(v.GetError())
	}
	lap(1)
	overseertest.Must[*pluginv1.SetPreferenceResponse](b, r.Ask("engine", &pluginv1.SetPreferenceRequest{BlockId: id}))
	lap(2)
	if a := overseertest.Must[*vmv1.AcceptBlockResponse](b,
		r.Ask("engine", wrap(built.GetBlock()))); a.GetError() != nil {
		b.Fatal(a.GetError())
	}
	lap(3)
	return took
}

func TestAVMThatDoesNotSayHowItIsHoldsUpNothing(t *testing.T) {
	l := launcher(t)
	l.Env = append(l.Env, endlessHealth+"=1")
	r := startRealWith(t, l)
	pid := r.plugin().GetPid()
	r.Advance(time.Second) // the question is under way from now on
	r.extend(0)
	r.until("the check says that it doesn't answer", func() bool {
		return strings.Contains(r.Trouble("vm"), "didn't say within")
	})
	r.extend(1)
	if r.plugin().GetPid() != pid {
		t.Error("the plugin was replaced")
	}
}

func TestASocketThatSomebodyRemovesIsMadeAgain(t *testing.T) {
	l := launcher(t)
	l.RunDir = shortDir(t)
	r := startRealWith(t, l)
	r.extend(0)
	pid := r.plugin().GetPid()
	serves := func() bool {
		if _, err := os.Lstat(r.socket); err != nil {
			return false
		}
		code, _, _ := r.http("GET", "/key/n", nil)
		return code == http.StatusOK
	}
	if !serves() {
		t.Fatal("the VM's HTTP doesn't work")
	}
	os.Remove(r.socket) // the host's
	r.until("the host's socket is there again", func() bool {
		r.Advance(time.Second)
		return serves()
	})
	if r.plugin().GetPid() != pid {
		t.Error("the plugin was replaced for the host's socket")
	}
	for _, name := range []string{"http/http.sock", "host.sock", "plugin-dir*/plugin*"} {
		found, _ := filepath.Glob(filepath.Join(l.RunDir, "reeve-vm*", name))
		if len(found) != 1 {
			t.Fatalf("%s: there are %q", name, found)
		}
		before := r.plugin().GetPid()
		os.Remove(found[0])
		r.until("another plugin answers after "+name+" was removed", func() bool {
			r.Advance(time.Second)
			return r.plugin().GetPid() != before && running(r.plugin()) && serves()
		})
	}
	r.extend(1)
}

// shortDir is a directory whose name leaves room for a socket's.
func shortDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "rv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
