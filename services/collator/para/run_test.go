package para

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// network is one with two nodes, as far as it takes to attach to them.
func network(t *testing.T) string {
	net := datadir.Network{Dir: t.TempDir()}
	for _, name := range []string{"v2", "v1"} {
		n := net.Node(name)
		if err := n.MakeFiles(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(n.Config(), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := datadir.MakeToken(n, Role); err != nil {
			t.Fatal(err)
		}
	}
	return net.Dir
}

func TestANodeIsFoundByItsNameOrIsTheFirst(t *testing.T) {
	dir := network(t)
	for name, want := range map[string]string{"": "v1", "v2": "v2"} {
		at, err := At(dir, name)
		if err != nil || at.Blobs != filepath.Join(dir, want, "data", "blobs") || len(at.Token) == 0 ||
			!strings.HasPrefix(at.Address, "unix:") {
			t.Errorf("%q: %+v, %v", name, at, err)
		}
	}
	if _, err := At(dir, "v3"); errcode.Of(err) == errcode.OK || !strings.Contains(err.Error(), "v3") {
		t.Error(err)
	}
	if _, err := At(t.TempDir(), ""); errcode.Of(err) != errcode.Unreachable {
		t.Error(err)
	}
}

// Main says what is wrong by its exit code, as the commands of reeve do.
func TestMainWithoutANetworkEndsWithTheCodeForThat(t *testing.T) {
	t.Setenv(EnvDataDir, t.TempDir())
	t.Setenv(envBus, "")
	if code := Main(t.Context(), id, &toy{}); code != int(errcode.Unreachable) {
		t.Error(code)
	}
	t.Setenv(EnvDataDir, network(t))
	t.Setenv(EnvNode, "v9")
	var known *errcode.Error
	if _, err := At(os.Getenv(EnvDataDir), "v9"); !errors.As(err, &known) {
		t.Error(err)
	}
	if code := Main(t.Context(), id, &toy{}); code == int(errcode.OK) {
		t.Error(code)
	}
}
