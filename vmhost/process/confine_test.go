package process_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/process/proc"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/process"
)

// prey is the plugin's variable for the node whose files it wants.
const prey = "TEST_PREY"

// spy is a VM that says as its complaint all that it has got hold of and shouldn't have.
type spy struct{ kvvm.VM }

func (*spy) HealthCheck(context.Context) error {
	var got []string
	_ = filepath.WalkDir(os.Getenv(prey), func(path string, _ os.DirEntry, err error) error {
		if text, bad := os.ReadFile(path); bad == nil {
			got = append(got, fmt.Sprintf("read %s: %s", path, text))
		}
		return nil
	})
	if os.WriteFile(filepath.Join(os.Getenv(prey), "mine"), nil, 0o600) == nil {
		got = append(got, "wrote into the node's directory")
	}
	host := os.Getppid()
	if syscall.Kill(host, 0) == nil {
		got = append(got, "may signal its host")
	}
	if _, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", host)); err == nil {
		got = append(got, "read its host's environment")
	}
	if f, err := os.Open(fmt.Sprintf("/proc/%d/mem", host)); err == nil {
		got = append(got, "opened its host's memory")
		f.Close()
	}
	if syscall.Unshare(syscall.CLONE_NEWUSER) == nil { // of one thread
		got = append(got, "made itself root of a namespace")
	}
	if f, err := os.CreateTemp("", "x"); err != nil {
		got = append(got, "has no place for a file: "+err.Error())
	} else {
		f.Close()
	}
	return errors.New(fmt.Sprint(os.Getuid(), ": ", strings.Join(got, "; ")))
}

// loot is what a spy gets.
func loot(t *testing.T, confine *launch.Confine) (string, *process.Plugin) {
	t.Helper()
	node := t.TempDir()
	for _, name := range []string{"keys/signing.key", "tokens/engine.token", "data/signlog"} {
		path := filepath.Join(node, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if confine != nil {
		confine.Hidden = []string{node}
	}
	l := launcher(t, "spy")
	l.Env, l.Confine = append(l.Env, prey+"="+node), confine
	p, _ := running(t, l, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := pluginv1.NewVMServiceClient(p.Conn()).HealthCheck(ctx, &pluginv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetCause(), p.(*process.Plugin)
}

func TestAPluginReadsNothingOfItsNode(t *testing.T) {
	if proc.Landlock() == 0 {
		t.Skip("this kernel has no landlock")
	}
	got, p := loot(t, &launch.Confine{Memory: 4 << 30, Files: 1000})
	if want := fmt.Sprintf("%d: ", os.Getuid()); got != want {
		t.Errorf("a confined plugin, %s", got)
	}
	if guard := p.Guard(); !strings.Contains(guard, "landlock") || !strings.Contains(guard, "4096 MiB, 1000 files") ||
		!strings.Contains(guard, map[bool]string{true: "seccomp, ", false: "no seccomp"}[proc.Seccomp()]) {
		t.Errorf("what protects from it: %s", guard)
	}
	if got, p := loot(t, nil); !strings.Contains(got, "signing.key: secret") || !strings.Contains(p.Guard(), "nothing") {
		t.Errorf("a plugin that isn't confined, %s; %s", got, p.Guard())
	}
}

func TestAPluginRunsAsAUserOfItsOwn(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start it so")
	}
	got, p := loot(t, &launch.Confine{User: &syscall.Credential{Uid: 12345, Gid: 12345}, Processes: 200})
	if got != "12345: " || !strings.Contains(p.Guard(), "user 12345:12345, 200 processes") {
		t.Errorf("%s; %s", got, p.Guard())
	}
	if err := ping(p); err != nil {
		t.Error(err)
	}
}

func TestWhatIsHiddenStaysSoInAnOpenDirectory(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"beside", "net/v1/keys", "net/v2"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	got := process.Without(dir, []string{filepath.Join(dir, "net/v1")})
	want := []string{filepath.Join(dir, "beside"), filepath.Join(dir, "net/v2")}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("open are %q", got)
	}
}

func TestAWritableDirectoryIsOpenedWithoutWhatIsHiddenInIt(t *testing.T) {
	dir := t.TempDir()
	node, beside, link := filepath.Join(dir, "node"), filepath.Join(dir, "beside"), filepath.Join(t.TempDir(), "link")
	for _, path := range []string{node + "/cache", beside} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(node, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ writable, hidden, want string }{
		{dir, node, beside}, {dir, link, beside}, {beside, node, beside},
		{node + "/cache", node, node + "/cache"}, // somebody has said just that
	} {
		open := process.Writable(&launch.Confine{Hidden: []string{c.hidden}, Writable: []string{c.writable}})
		if len(open) != 1 || open[0] != c.want {
			t.Errorf("%s without %s is %q", c.writable, c.hidden, open)
		}
	}
}
