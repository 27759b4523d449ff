package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// existing makes a network of one validator with the given VM, without starting it.
func existing(t *testing.T, dir, plugin string) datadir.Network {
	t.Helper()
	net, err := datadir.Open(filepath.Join(dir, "net"))
	if err != nil {
		t.Fatal(err)
	}
	vm, err := devnet.FindPlugin(plugin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := devnet.Create(net, devnet.Options{Validators: 1, Ports: devnet.Ports{Base: 21500},
		Chains: []devnet.NewChain{{Name: vm.Chain(), Plugin: vm, Genesis: []byte("{}")}}}); err != nil {
		t.Fatal(err)
	}
	return net
}

func TestFlagsThatANetworkCanNotFollowAreRefused(t *testing.T) {
	dir := t.TempDir()
	plugin := withPlugin(t, dir)
	existing(t, dir, plugin)
	elsewhere := withPlugin(t, t.TempDir())
	genesis := filepath.Join(dir, "genesis")
	if err := os.WriteFile(genesis, []byte("{} "), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, says string }{
		{"--validators 3", "it has 1 validators, not 3"},
		{"--port-base 9750", "its ports begin at 21500, not at 9750"},
		{"--vm " + dir + "/nothing", "there is no VM plugin"},
		{"--vm " + elsewhere, "its vm.plugin-dir is " + dir},
		{"--chain a=" + plugin + " --chain b=" + plugin, "it has 1 chains, not 2"},
		{"--chain other=" + plugin, "it has no chain other"},
		{"--vm " + plugin + " --vm-genesis " + genesis, "the genesis of its chain kv is another one"},
		{"--for -1s", "--for is -1s"},
		{"--timeout -1s", "--timeout is -1s"},
		{"--transactions -1", "--transactions is -1"},
	} {
		code, _, stderr := command(t, dir, append([]string{"devnet", "up"}, strings.Fields(c.line)...)...)
		if code == errcode.OK || !strings.Contains(stderr, c.says) {
			t.Errorf("up %s: exit code %d, %q should say %q", c.line, code, stderr, c.says)
		}
		if strings.Contains(stderr, "REEVE-1020") && (code != errcode.Usage || !strings.Contains(stderr, "--data-dir")) {
			t.Errorf("up %s: exit code %d, %q doesn't say how to begin anew", c.line, code, stderr)
		}
	}
	t.Setenv("REEVE_VALIDATORS", "2")
	if code, _, stderr := command(t, dir, "devnet", "up"); code != errcode.Usage || !strings.Contains(stderr, "not 2") {
		t.Errorf("by the environment: %d %s", code, stderr)
	}
}

func TestPortsThatThereCanNotBeAreRefused(t *testing.T) {
	dir := t.TempDir()
	plugin := withPlugin(t, dir)
	for _, base := range []string{"-5", "65530", "70000"} {
		code, _, stderr := command(t, dir, "devnet", "up", "--vm", plugin, "--port-base", base)
		if code != errcode.Usage || !strings.Contains(stderr, "no port has that number") {
			t.Errorf("--port-base %s: %d %s", base, code, stderr)
		}
	}
}

func TestAVariableThatMeansNothingIsNamed(t *testing.T) {
	t.Setenv("REEVE_HTP_LISTEN", "127.0.0.1:1")
	t.Setenv("REEVE_HTTP_LISTEN", "127.0.0.1:1")
	t.Setenv("REEVE_BUS_CARRIER", "grpc")
	dir := t.TempDir()
	if code, _, stderr := command(t, dir, "version"); code != errcode.OK ||
		!strings.HasPrefix(stderr, "REEVE_HTP_LISTEN means nothing") || strings.Count(stderr, "REEVE_") != 1 {
		t.Errorf("%d %q", code, stderr)
	}
	_, _, stderr := command(t, dir, "devnet", "up", "--vm", "./nothing-here")
	if !strings.Contains(stderr, "REEVE_HTTP_LISTEN is the setting of one node and is left out") {
		t.Errorf("%q", stderr)
	}
}

func TestANodeOfAnotherGenesisIsNotTakenForTheOneThatWasAskedFor(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	plugin := withPlugin(t, dir)
	existing(t, dir, plugin)
	theirs := existing(t, other, plugin).Genesis()
	code, _, stderr := command(t, dir, "node", "init", "--if-missing", "--genesis", theirs)
	if code == errcode.OK || !strings.Contains(stderr, "REEVE-1014") {
		t.Errorf("%d %s", code, stderr)
	}
}
