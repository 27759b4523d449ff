package devnet

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/internal/store/disk"
)

var errCrash = errors.New("the process was killed here")

// crashAfter fails after so many steps: nothing is done any more then, as if the process had been killed. steps counts
// them.
func crashAfter(steps *int, at int) func(string) error {
	return func(string) error {
		if *steps++; *steps == at {
			return errCrash
		}
		return nil
	}
}

// whole makes sure that a directory holds a network with all that its nodes need, and nothing that was left.
func whole(t *testing.T, dir datadir.Network, at, nodes int) {
	t.Helper()
	n, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("interrupted after step %d: %v", at, err)
	}
	names, err := n.Names()
	if err != nil || len(names) != nodes {
		t.Fatalf("interrupted after step %d: the nodes are %v, %v", at, names, err)
	}
	for _, name := range names {
		h := dir.Node(name)
		if _, err := n.Settings(h); err != nil {
			t.Errorf("interrupted after step %d: %v", at, err)
		}
		v, ok := n.Genesis.Validator(datadir.NodeID(h))
		key, err := keys.Show(disk.OS{}, filepath.Join(h.Keys(), datadir.SignerFile))
		if err != nil || !ok || v.Name != name || keys.Public(v.PublicKey) != key.Public {
			t.Errorf("interrupted after step %d: %s isn't the genesis's: %v", at, name, err)
		}
		s := signer.New(datadir.Signer(h))
		if _, err := s.Open(); err != nil {
			t.Errorf("interrupted after step %d: %s can't sign: %v", at, name, err)
			continue
		}
		s.Close()
	}
	if _, err := os.Stat(filepath.Join(dir.Dir, creating)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("interrupted after step %d: something is left: %v", at, err)
	}
}

// interrupted has make fail after each of its steps in turn, each time in a new directory, and then try again.
func interrupted(t *testing.T, nodes int, make func(datadir.Network, func(string) error) error,
	again func(datadir.Network) error) {
	t.Helper()
	for at := 1; ; at++ {
		dir, err := datadir.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		steps := 0
		err = make(dir, crashAfter(&steps, at))
		if err == nil {
			if at < 5 {
				t.Fatalf("there are only %d steps", at-1)
			}
			return // it has fewer steps
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		if err := again(dir); err != nil {
			t.Fatalf("interrupted after step %d, and then: %v", at, err)
		}
		whole(t, dir, at, nodes)
	}
}

func TestACreationThatWasInterruptedAnywhereIsEndedByTheNext(t *testing.T) {
	o := Options{Validators: 2, Chains: kv(nil), Ports: DefaultPorts}
	interrupted(t, 2, func(dir datadir.Network, after func(string) error) error {
		o := o
		o.after = after
		_, err := Create(dir, o)
		return err
	}, func(dir datadir.Network) error {
		if err := Resume(dir); err != nil {
			return err
		}
		if _, err := os.Stat(dir.Genesis()); err == nil {
			return nil // it was whole
		}
		_, err := Create(dir, o)
		return err
	})
}

func TestANodeWhoseCreationWasInterruptedAnywhereIsMadeByTheNext(t *testing.T) {
	o := JoinOptions{Name: "v1", Plugin: Plugin{Name: "kvvm", builtin: true}}
	interrupted(t, 1, func(dir datadir.Network, after func(string) error) error {
		o := o
		o.after = after
		_, err := Init(dir, o)
		return err
	}, func(dir datadir.Network) error {
		if err := Resume(dir); err != nil {
			return err
		}
		if _, err := os.Stat(dir.Node("v1").Config()); err == nil {
			return nil
		}
		_, err := Init(dir, o)
		return err
	})
}

// Keys that belong to no network here are nobody's to remove.
func TestADirectoryInTheWayOfANodeIsLeftAlone(t *testing.T) {
	dir, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(dir.Node("v1").Keys(), "signing.key")
	if err := os.MkdirAll(filepath.Dir(precious), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(precious, []byte("a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, Options{Validators: 1, Chains: kv(nil), Ports: DefaultPorts}); err == nil {
		t.Error("a network is made over a key")
	}
	if text, err := os.ReadFile(precious); err != nil || string(text) != "a key" {
		t.Errorf("%q, %v", text, err)
	}
}
