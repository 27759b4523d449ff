package devnet

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// relay makes a network of one validator with a relay chain.
func relay(t *testing.T) datadir.Network {
	t.Helper()
	dir, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ports, err := Free(1)
	if err != nil {
		t.Fatal(err)
	}
	chains := []NewChain{ChainOf("relay", Plugin{Name: RelayVM, builtin: true}, nil)}
	if _, err := Create(dir, Options{Validators: 1, Chains: chains, Ports: ports}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// running lists the processes of a node whose part has that name, by their instances' names.
func running(t *testing.T, n *Network, name string) (instances []string) {
	t.Helper()
	s, err := n.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Nodes[0].Processes {
		if p.Name == name && p.PID != 0 {
			instances = append(instances, p.Instance)
		}
	}
	return instances
}

func TestAPartIsScaledWhileTheNodeRunsAndTheNextTimeToo(t *testing.T) {
	dir := relay(t)
	n := open(t, dir)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	control, err := n.Serve(dir.Run(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	c := Dial(dir.Run())
	first := "candidate-validation"
	for _, step := range []struct {
		count int
		want  []string
	}{
		{3, []string{first, first + "-2", first + "-3"}}, {2, []string{first, first + "-2"}}, {1, []string{first}},
		{2, []string{first, first + "-2"}},
	} {
		if err := c.Scale(t.Context(), "v1", first, step.count); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, running(t, n, first)); diff != "" {
			t.Errorf("%d: %s", step.count, diff)
		}
	}
	if err := c.RestartProcess(t.Context(), "v1", first+"-2"); err != nil {
		t.Error(err)
	}
	if err := c.StopNode(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	if left := n.group.Status(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if err := c.StartNode(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{first, first + "-2"}, running(t, n, first)); diff != "" {
		t.Errorf("after a new start: %s", diff)
	}
}

func TestWhatCanNotBeSharedIsNotScaled(t *testing.T) {
	dir := relay(t)
	n := open(t, dir)
	if err := n.Scale(t.Context(), "v1", "runtime-api", 2); errcode.Of(err) != errcode.Usage {
		t.Errorf("a node that doesn't run: %v", err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		part  string
		count int
		says  string
	}{
		{"keystore", 2, "keystore is single: a second instance wouldn't share its work"},
		{"bitfield-signing", 2, "bitfield-signing is single"},
		{"engine", 2, "engine is per-chain"},
		{"block-producer", 2, "isn't run by the node"},
		{"runtime-api", 0, "a node runs 1 to 16 instances of a part, not 0"},
		{"runtime-api", maxInstances + 1, "not 17"},
		{"nothing", 2, "there is no subsystem"},
	} {
		if err := n.Scale(t.Context(), "v1", c.part, c.count); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s=%d: %v", c.part, c.count, err)
		}
	}
	if err := n.Scale(t.Context(), "v1", "keystore", 1); err != nil {
		t.Error(err)
	}
	if got := running(t, n, "keystore"); len(got) != 1 {
		t.Errorf("keystores: %v", got)
	}
}

func TestAScaleThatCanNotBeReadKeepsTheNodeFromStartingAndSaysWhy(t *testing.T) {
	dir := relay(t)
	for text, says := range map[string]string{
		"{": "can't be read", `{"keystore": 2}`: "keystore is single", `{"runtime-api": 1000}`: "not 1000",
	} {
		if err := os.WriteFile(dir.Node("v1").Scale(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := open(t, dir).Start(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestABundledNodeHasNothingToScale(t *testing.T) {
	n := open(t, relay(t))
	n.Bundled = true
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	if err := n.Scale(t.Context(), "v1", "runtime-api", 2); err == nil || !strings.Contains(err.Error(), "runs no runtime-api") {
		t.Error(err)
	}
}
