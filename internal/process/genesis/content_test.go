package genesis

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestALongGenesisOfAChainHasAFileOfItsOwn(t *testing.T) {
	dir, g := t.TempDir(), sample()
	long := bytes.Repeat([]byte("code"), MaxInline)
	g.Chains = append(g.Chains, Chain{ID: ChainID("test", "relay"), Name: "relay", VM: "relayvm", Genesis: long})
	inline := *g
	inline.Chains = append([]Chain(nil), g.Chains...)
	files := g.Split()
	if len(files) != 1 || len(g.Encode()) > MaxInline || g.Check() != nil || g.Hash() == inline.Hash() {
		t.Fatalf("%d files, %d bytes, %v", len(files), len(g.Encode()), g.Check())
	}
	again, err := Parse(g.Encode())
	if err != nil || again.Hash() != g.Hash() {
		t.Fatal(err)
	}
	if _, err := again.Chains[1].Content(dir); err == nil || !strings.Contains(err.Error(), "genesis-relay.bin") {
		t.Errorf("without the file: %v", err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range [][]byte{g.Chains[0].Genesis, long} {
		if got, err := again.Chains[i].Content(dir); err != nil || !bytes.Equal(got, want) {
			t.Errorf("chain %d: %v", i, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "genesis-relay.bin"), long[1:], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Chains[1].Content(dir); err == nil || !strings.Contains(err.Error(), "isn't the genesis") {
		t.Errorf("another content: %v", err)
	}
	again.Chains[1].Genesis = long
	if err := again.Check(); err == nil {
		t.Error("a chain has two geneses")
	}
}
