package process_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/proc"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/handshake"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/process"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// The test's own binary is every plugin: this variable says which.
const role = "TEST_PLUGIN"

func TestMain(m *testing.M) {
	proc.Confined()
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "kvvm":
		vmsdk.Serve(&kvvm.VM{})
	case "talkative":
		fmt.Println("hello, I am a plugin")
		time.Sleep(time.Minute)
	case "exits":
		fmt.Fprintln(os.Stderr, "no configuration found")
		os.Exit(3)
	case "crashes":
		_ = syscall.Kill(os.Getpid(), syscall.SIGQUIT) // the report ends with the registers
		select {}
	case "silent":
		time.Sleep(time.Minute)
	case "newer":
		slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error(vmsdk.Incompatible, "protocolMin", 7, "protocolMax", 9)
		fmt.Println("1|7|unix|/nowhere|grpc|")
		time.Sleep(time.Minute)
	case "environment":
		json.NewEncoder(os.Stderr).Encode(map[string]any{"msg": "environment", "names": names(os.Environ())})
		vmsdk.Serve(&kvvm.VM{})
	case "spy":
		vmsdk.Serve(&spy{})
	case "greedy":
		vmsdk.Serve(&greedy{})
	case "chatty":
		vmsdk.Serve(&chatty{})
	case "printing":
		vmsdk.Serve(&printing{})
	case "stuck":
		vmsdk.Serve(&stuck{})
	}
}

func names(env []string) (out []string) {
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		out = append(out, name)
	}
	return out
}

// stuck is a VM whose health check never ends.
type stuck struct{ kvvm.VM }

func (s *stuck) HealthCheck(context.Context) error { select {} }

// records keeps a plugin's log.
type records struct {
	slog.Handler
	got chan slog.Record
}

func (r records) Handle(_ context.Context, rec slog.Record) error {
	select {
	case r.got <- rec.Clone():
	default:
	}
	return nil
}

func (r records) Enabled(context.Context, slog.Level) bool { return true }

func newRecords() records { return records{slog.DiscardHandler, make(chan slog.Record, 1000)} }

func (r records) find(t *testing.T, message string) slog.Record {
	t.Helper()
	for {
		select {
		case rec := <-r.got:
			if strings.Contains(rec.Message, message) {
				return rec
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("the log never said %q", message)
		}
	}
}

func launcher(t *testing.T, plays string) process.Launcher {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Launcher{Path: self, Env: []string{role + "=" + plays}, RunDir: t.TempDir()}
}

func running(t *testing.T, l process.Launcher, log *slog.Logger) (launch.Plugin, chan error) {
	t.Helper()
	exited := make(chan error, 2)
	p, err := l.Launch(launch.Request{
		Services: func(grpc.ServiceRegistrar) {}, OnExit: func(err error) { exited <- err }, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p, exited
}

func ping(p launch.Plugin) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := pluginv1.NewVMServiceClient(p.Conn()).Ping(ctx, &pluginv1.PingRequest{})
	return err
}

func gone(t *testing.T, exited chan error, within time.Duration) error {
	t.Helper()
	select {
	case err := <-exited:
		return err
	case <-time.After(within):
		t.Fatal("nobody noticed that the plugin ended")
		return nil
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestAPluginStartsAnswersAndStops(t *testing.T) {
	l := launcher(t, "kvvm")
	p, exited := running(t, l, quiet())
	if err := ping(p); err != nil {
		t.Fatal(err)
	}
	about, err := pluginv1.NewVMServiceClient(p.Conn()).Describe(context.Background(), &pluginv1.DescribeRequest{})
	if err != nil || about.GetName() != "kvvm" {
		t.Fatalf("Describe: %v, %v", about, err)
	}
	p.Stop(3 * time.Second)
	if err := gone(t, exited, time.Second); strings.Contains(fmt.Sprint(err), "killed") {
		t.Errorf("a stopped plugin had to be killed: %v", err)
	}
	left, _ := os.ReadDir(l.RunDir)
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	p, exited := running(t, launcher(t, "kvvm"), quiet())
	if err := ping(p); err != nil {
		t.Fatal(err)
	}
	p.Stop(3 * time.Second)
	gone(t, exited, 5*time.Second)
	goleak.VerifyNone(t, before)
}

func TestLeftoversAreRemoved(t *testing.T) {
	l := launcher(t, "kvvm")
	left := filepath.Join(l.RunDir, "reeve-vm123")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{left + ".lock", filepath.Join(left, "host.sock")} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := running(t, l, quiet())
	second, _ := running(t, l, quiet())
	if found, _ := filepath.Glob(left + "*"); len(found) > 0 {
		t.Errorf("still there are %q", found)
	}
	for _, p := range []launch.Plugin{first, second} {
		if err := ping(p); err != nil {
			t.Errorf("a living plugin lost its directory: %v", err)
		}
	}
}

func TestStartErrorsSayWhatHappened(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	self, _ := os.ReadFile("/proc/self/exe")
	foreign := append([]byte(nil), self[:4096]...)
	foreign[18] = 0xB7 // e_machine: aarch64
	foreign[19] = 0
	for name, c := range map[string]struct {
		l         process.Launcher
		want      []string
		id        errcode.ID
		permanent bool
	}{
		"no such file": {
			process.Launcher{Path: dir + "/none"},
			[]string{"isn't there"}, errcode.PluginMissing, true,
		},
		"a directory": {
			process.Launcher{Path: dir},
			[]string{"is a directory"}, errcode.PluginBroken, true,
		},
		"not executable": {
			process.Launcher{Path: file("plain", "x", 0o644)},
			[]string{"isn't executable", "chmod +x"}, errcode.PluginBroken, true,
		},
		"wrong processor": {
			process.Launcher{Path: file("foreign", string(foreign), 0o755)},
			[]string{"another processor", "GOARCH="}, errcode.PluginBroken, true,
		},
		"no program": {
			process.Launcher{Path: file("noise", "\x01\x02\x03", 0o755)},
			[]string{"isn't a program"}, errcode.PluginBroken, true,
		},
		"no interpreter": {
			process.Launcher{Path: file("script", "#!/no/such/thing\n", 0o755)},
			[]string{"interpreter"}, errcode.PluginBroken, true,
		},
		"prints": {
			launcher(t, "talkative"),
			[]string{`printed "hello, I am a plugin"`, "standard error"}, errcode.PluginBroken, false,
		},
		"exits": {
			launcher(t, "exits"),
			[]string{"exited with code 3", "no configuration found"}, errcode.PluginBroken, false,
		},
		"crashes": {
			launcher(t, "crashes"),
			[]string{"exited with code 2: SIGQUIT: quit"}, errcode.PluginBroken, false,
		},
		"says nothing": {
			launcher(t, "silent"),
			[]string{"didn't say within 500ms"}, errcode.PluginBroken, false,
		},
		"another version": {
			launcher(t, "newer"),
			[]string{"speaks plugin protocol 7 to 9, this node 1", "Upgrade this node"}, errcode.PluginIncompatible,
			true,
		},
		"another check sum": {
			withChecksum(launcher(t, "kvvm"), sha256.Sum256([]byte("x"))),
			[]string{"has SHA-256"}, errcode.PluginBroken, true,
		},
		"a long path in vain": {
			process.Launcher{Path: dir + "/" + strings.Repeat("x", 300)},
			[]string{"can't be looked at"}, errcode.PluginMissing, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.l.Handshake = 5 * time.Second
			if name == "says nothing" {
				c.l.Handshake = 500 * time.Millisecond
			}
			_, err := c.l.Launch(launch.Request{
				Services: func(grpc.ServiceRegistrar) {}, OnExit: func(error) {}, Log: quiet(),
			})
			if err == nil {
				t.Fatal("it started")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q isn't in:\n%v", want, err)
				}
			}
			var readable *errcode.Error
			if !errors.As(err, &readable) || readable.ID != c.id || errors.Is(err, launch.ErrPermanent) != c.permanent {
				t.Errorf("id and permanence: %#v", err)
			}
		})
	}
}

func withChecksum(l process.Launcher, sum [32]byte) process.Launcher {
	l.Checksum = sum[:]
	return l
}

func TestACheckedPluginRunsFromItsSealedCopy(t *testing.T) {
	l := launcher(t, "kvvm")
	content, err := os.ReadFile(l.Path)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := running(t, withChecksum(l, sha256.Sum256(content)), quiet())
	if err := ping(p); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.PID()))
	if err != nil || !strings.Contains(exe, "memfd:") {
		t.Errorf("it runs %q, %v", exe, err)
	}
}

func TestThePluginSeesNothingOfTheHostsEnvironment(t *testing.T) {
	t.Setenv("REEVE_SECRET", "x")
	log := newRecords()
	running(t, launcher(t, "environment"), slog.New(log))
	rec := log.find(t, "environment")
	rec.Attrs(func(a slog.Attr) bool {
		for _, name := range a.Value.Any().([]any) {
			switch n := name.(string); {
			case n == role, n == "TMPDIR", n == "REEVE_PARENT_PIPE", n == "REEVE_VM_PLUGIN", strings.HasPrefix(n, "PLUGIN_"):
			default:
				t.Errorf("the plugin sees %s", n)
			}
		}
		return true
	})
}

func TestAKillIsNoticedAtOnce(t *testing.T) {
	p, exited := running(t, launcher(t, "kvvm"), quiet())
	begin := time.Now()
	syscall.Kill(p.PID(), syscall.SIGKILL)
	if err := gone(t, exited, 5*time.Second); !strings.Contains(err.Error(), "signal 9") {
		t.Errorf("the cause is %v", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("noticed after %v", took)
	}
	if ping(p) == nil {
		t.Error("a dead plugin answers")
	}
}

func TestAStoppedPluginCanBeKilled(t *testing.T) {
	p, exited := running(t, launcher(t, "kvvm"), quiet())
	syscall.Kill(p.PID(), syscall.SIGSTOP)
	begin := time.Now()
	p.Dump()
	p.Kill()
	gone(t, exited, 5*time.Second)
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("ending a stopped plugin took %v", took)
	}
}

func TestAHangingPluginTellsWhatItWasDoing(t *testing.T) {
	log := newRecords()
	p, _ := running(t, launcher(t, "stuck"), slog.New(log))
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := pluginv1.NewVMServiceClient(p.Conn()).HealthCheck(ctx, &pluginv1.HealthCheckRequest{}); err == nil {
		t.Fatal("it answered")
	}
	p.Dump()
	rec := log.find(t, "what the plugin was doing")
	found := false
	rec.Attrs(func(a slog.Attr) bool {
		found = found || strings.Contains(a.Value.String(), "stuck).HealthCheck")
		return true
	})
	if !found {
		t.Error("the dump doesn't show the stuck goroutine")
	}
}

// BenchmarkPing is one unary call to the plugin: the least that any call can cost.
func BenchmarkPing(b *testing.B) {
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	l := process.Launcher{Path: program, Env: []string{role + "=kvvm"}, RunDir: b.TempDir()}
	p, err := l.Launch(launch.Request{Services: func(grpc.ServiceRegistrar) {}, OnExit: func(error) {}, Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Kill()
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		if err := ping(p); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(took[len(took)/10].Nanoseconds())/1e3, "p10-µs")
}

// Where the kernel doesn't end a plugin with its host, the end of its standard input does.
func TestAPluginEndsWithItsStandardInput(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), role+"=kvvm", handshake.EnvParentPipe+"=1", "PLUGIN_PROTOCOL_VERSIONS=1",
		handshake.Handshake.MagicCookieKey+"="+handshake.Handshake.MagicCookieValue)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
