package datadir

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
