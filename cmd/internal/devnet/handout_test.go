package devnet

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/services"
)

// divided is a new node, and a directory with one for each of these names.
func divided(t *testing.T, names ...string) (h datadir.Node, dir string) {
	t.Helper()
	h, err := Init(datadir.Network{Dir: t.TempDir()}, JoinOptions{Name: "v1",
		Plugin: Plugin{Name: "kvvm", builtin: true}})
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, name := range names {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return h, dir
}

// secretsIn lists the files of keys and tokens below a directory.
func secretsIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".key") || strings.HasSuffix(path, ".token") {
			names = append(names, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestEachProcessGetsItsOwnSecretsAndNoOthers(t *testing.T) {
	h, dir := divided(t, "overseer", "keystore", "network-bridge", others)
	id := datadir.NodeID(h)
	var tokens, rest []string
	for _, name := range slices.Sorted(slices.Values(services.Parts().Names())) {
		tokens = append(tokens, name+".token")
		if name != "keystore" && name != "network-bridge" {
			rest = append(rest, name+".token")
		}
	}
	for range 2 { // it may be repeated
		if err := HandOut(h, dir); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string][]string{
			"overseer": tokens, others: rest,
			"keystore": {"signing.key", "keystore.token"}, "network-bridge": {"identity.key", "network-bridge.token"},
		} {
			if diff := cmp.Diff(want, secretsIn(t, filepath.Join(dir, name))); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
			share := datadir.Network{Dir: filepath.Join(dir, name)}.Node("v1")
			if got := datadir.NodeID(share); got != id || id.IsZero() {
				t.Errorf("%s takes the node for %s, it is %s", name, got, id)
			}
			if _, err := datadir.LoadGenesis(share.Genesis()); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff(tokens, secretsIn(t, h.Dir)); diff != "" || datadir.NodeID(h) != id {
			t.Errorf("where it was made, it is %s, with\n%s", datadir.NodeID(h), diff)
		}
	}
	own := datadir.Signer(datadir.Network{Dir: filepath.Join(dir, "keystore")}.Node("v1"))
	s := signer.New(own)
	if _, err := s.Open(); err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestWhatCannotBeDividedIsRefusedAndNothingIsGivenAway(t *testing.T) {
	for _, c := range []struct {
		names []string
		ran   bool
		want  string
	}{
		{names: []string{"keystore", "engin", others}, want: "engin is no process"},
		{names: []string{"overseer", "keystore"}, want: "no directory for availability-distribution, "},
		{names: []string{"keystore", others}, ran: true, want: "v1 has run"},
	} {
		h, dir := divided(t, c.names...)
		if c.ran {
			if err := os.Mkdir(h.Data("overseer"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := HandOut(h, dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.names, err)
		}
		if given := secretsIn(t, dir); len(given) > 0 || datadir.NodeID(h).IsZero() {
			t.Errorf("%v: %v are given", c.names, given)
		}
	}
}
