package datadir

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/store/disk/simdisk"
)

func TestNodesAreListedInTheirOrder(t *testing.T) {
	net, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"v10", "v2", "v1"} {
		node := net.Node(name)
		if err := node.Make(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(node.Config(), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	nodes, err := net.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	if got := strings.Join(names, " "); got != "v1 v2 v10" {
		t.Errorf("got %s", got)
	}
	if info, err := os.Stat(net.Node("v1").Keys()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("keys: %v, %v", info.Mode(), err)
	}
}

// Keys are synced into these directories when a node is made, and the network's genesis names the keys.
func TestAPowerCutTakesNoDirectoryOfANodeThatWasMade(t *testing.T) {
	for seed := range uint64(20) {
		machine := simdisk.New(seed)
		net, err := Open("/networks/one")
		if err != nil {
			t.Fatal(err)
		}
		node := net.Node("v1")
		if err := node.makeFiles(machine.Process()); err != nil {
			t.Fatal(err)
		}
		machine.Crash()
		for _, dir := range []string{node.Keys(), node.Data(""), filepath.Dir(node.Log("x"))} {
			if info, err := machine.Process().Stat(dir); err != nil || !info.Mode.IsDir() {
				t.Errorf("%s: %v, %v", dir, info.Mode, err)
			}
		}
	}
}

// A backup beside a node isn't another node, whatever it is called.
func TestACopyOfANodeIsAStray(t *testing.T) {
	net, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for dir, settings := range map[string]string{
		"v1": "name = 'v1'", "v2": "[http]\nlisten = '127.0.0.1:1'", "v1.bak": "name = 'v1'", "v3": "name = 'v1'",
		".old": "[http]\nlisten = '127.0.0.1:1'", "v4": "", // cut off: whoever starts it says so
	} {
		if err := os.MkdirAll(filepath.Join(net.Dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(net.Node(dir).Config(), []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(net.Dir, ".DS_Store"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	nodes, err := net.Nodes()
	if err != nil || len(nodes) != 3 || nodes[0].Name != "v1" || nodes[1].Name != "v2" || nodes[2].Name != "v4" {
		t.Errorf("the nodes are %v, %v", nodes, err)
	}
	if strays, err := net.Strays(); err != nil || len(strays) != 3 || strays["v1.bak"] != "v1" || strays["v3"] != "v1" {
		t.Errorf("the strays are %v, %v", strays, err)
	}
}

func TestASocketCanBeBoundInADeepDirectory(t *testing.T) {
	deep, err := Open(filepath.Join(t.TempDir(), strings.Repeat("a-long-name/", 12)))
	if err != nil {
		t.Fatal(err)
	}
	node := deep.Node("v1")
	for range 2 { // the second time everything is there already
		if err := node.Make(); err != nil {
			t.Fatal(err)
		}
	}
	path := node.Socket("engine")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := Clear(node.Run()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("%s is left behind: %v", filepath.Dir(path), err)
	}
}

// deep is a network's directory whose run directories need a short form.
func deep(t *testing.T) Node {
	t.Helper()
	n, err := Open(filepath.Join(t.TempDir(), strings.Repeat("a-long-name/", 12)))
	if err != nil {
		t.Fatal(err)
	}
	return n.Node("v1")
}

func TestATMPDIRThatIsTooLongIsPassedBy(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), strings.Repeat("a-long-name/", 12)))
	node := deep(t)
	if err := node.Make(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Clear(node.Run()) })
	listener, err := net.Listen("unix", node.Socket("engine"))
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if _, err := ShortTemp(100, 70); err == nil || !strings.Contains(err.Error(), "TMPDIR is "+os.TempDir()) {
		t.Errorf("where nothing is short enough: %v", err)
	}
}

// What a crash has left is used or made anew, also when TMPDIR is another one now.
func TestALinkThatACrashHasLeftIsNoHindrance(t *testing.T) {
	node := deep(t)
	if err := node.Make(); err != nil {
		t.Fatal(err)
	}
	first := node.SocketDir()
	t.Setenv("TMPDIR", t.TempDir())
	if len(os.TempDir()) > maxRunPath-30 {
		t.Setenv("TMPDIR", "/var/tmp")
	}
	if err := node.Make(); err != nil || node.SocketDir() != first {
		t.Errorf("somebody may be using %s, now it is %s: %v", first, node.SocketDir(), err)
	}
	if err := os.RemoveAll(first); err != nil { // what cleans directories for temporary files does this
		t.Fatal(err)
	}
	if err := node.Make(); err != nil || node.SocketDir() == first {
		t.Errorf("the directory is gone, and the link leads to %s: %v", node.SocketDir(), err)
	}
	if _, err := os.Stat(node.SocketDir()); err != nil {
		t.Error(err)
	}
	second := node.SocketDir()
	t.Setenv("TMPDIR", "")
	if err := Clear(node.Run()); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{second, node.Run()} {
		if _, err := os.Lstat(left); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", left, err)
		}
	}
}

func TestADirectoryThatOthersCanEnterIsNotUsedForSockets(t *testing.T) {
	node := deep(t)
	short := filepath.Join(os.TempDir(), shortName(node.Run()))
	if err := os.Mkdir(short, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	if err := os.Chmod(short, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := node.Make(); err == nil || !strings.Contains(err.Error(), short) {
		t.Errorf("a directory that anybody could have made is used: %v", err)
	}
}

func TestADirectoryHasOneHolder(t *testing.T) {
	dir := t.TempDir()
	release, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	var busy *InUse
	if _, err := Lock(dir); !errors.As(err, &busy) || busy.PID != os.Getpid() {
		t.Errorf("the second holder got %v", err)
	}
	release()
	release, err = Lock(dir)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	release()
}
