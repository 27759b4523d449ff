package devnet

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
)

// A long genesis travels with genesis.json to whoever joins, and to the one process that reads it.
func TestALongGenesisIsWhereTheVMIsStarted(t *testing.T) {
	long := bytes.Repeat([]byte("code"), genesis.MaxInline)
	dir := datadir.Network{Dir: t.TempDir()}
	o := Options{Validators: 1, Chains: kv(long), Ports: DefaultPorts}
	if _, err := Create(dir, o); err != nil {
		t.Fatal(err)
	}
	if list, err := Differences(dir, o, true); err != nil || len(list) > 0 {
		t.Errorf("it isn't the network that was made: %v %q", err, list)
	}
	joined, err := Init(datadir.Network{Dir: t.TempDir()}, JoinOptions{Name: "v2", Genesis: dir.Genesis()})
	if err != nil {
		t.Fatal(err)
	}
	handed := t.TempDir()
	for _, name := range []string{"vmhost", others} {
		if err := os.Mkdir(filepath.Join(handed, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := HandOut(joined, handed); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		filepath.Dir(joined.Genesis()): true, filepath.Join(handed, "vmhost"): true, filepath.Join(handed, others): false,
	} {
		g, err := datadir.LoadGenesis(datadir.Network{Dir: path}.Genesis())
		if err != nil {
			t.Fatal(err)
		}
		if content, err := g.Chains[0].Content(path); bytes.Equal(content, long) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := os.Remove(filepath.Join(dir.Dir, g0(t, dir).ContentFile())); err != nil {
		t.Fatal(err)
	}
	if _, err := Init(datadir.Network{Dir: t.TempDir()}, JoinOptions{Name: "v3", Genesis: dir.Genesis()}); err == nil {
		t.Error("a node joins without the chain's genesis")
	}
}

func g0(t *testing.T, dir datadir.Network) genesis.Chain {
	t.Helper()
	g, err := datadir.LoadGenesis(dir.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	return g.Chains[0]
}
