package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/internal/process/errcode"
)

// command runs one command line in dir.
func command(t *testing.T, dir string, args ...string) (code errcode.Code, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append(args, "--data-dir", filepath.Join(dir, "net")), &out, &errs)
	return code, out.String(), errs.String()
}

// withPlugin makes an executable that init takes for a plugin.
func withPlugin(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "kvvm")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatGoesWrongHasItsExitCodeAndANumber(t *testing.T) {
	dir := t.TempDir()
	plugin := withPlugin(t, dir)
	notExecutable := filepath.Join(dir, "text")
	if err := os.WriteFile(notExecutable, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line string
		code errcode.Code
		says string
	}{
		{"nonsense", errcode.Usage, "REEVE-1001"},
		{"devnet nonsense", errcode.Usage, "has no command"},
		{"version --nonsense", errcode.Usage, "unknown flag"},
		{"version -o xml", errcode.Usage, "table or json"},
		{"kv get", errcode.Usage, "kv get KEY"},
		{"devnet status", errcode.Unreachable, "no network runs in"},
		{"devnet down", errcode.Unreachable, "reeve devnet up"},
		{"kv get k", errcode.Unreachable, "REEVE-1012"},
		{"node status", errcode.Unreachable, "holds no node"},
		{"devnet up --vm ./nothing-here", errcode.Failed, "REEVE-1201"},
		{"devnet up --vm " + notExecutable, errcode.Failed, "chmod +x"},
		{"devnet up --validators 0 --vm " + plugin, errcode.Usage, "from 1 to 100"},
		{"devnet up --parachain --vm " + plugin, errcode.Usage, "--vm relayvm"},
		{"devnet up --para 7=nowhere,head=00 --vm " + plugin, errcode.Usage, "--vm relayvm"},
		{"para register nonsense", errcode.Usage, "ID=CODE,head=HEX"},
		{"para new Hello", errcode.Usage, "lower-case"},
		{"para status", errcode.Unreachable, "holds no node"},
		{"para collate", errcode.Unreachable, "holds no node"},
		{"keys import nonsense", errcode.Usage, "identity or signing"},
		{"run nonsense", errcode.Unreachable, "holds no node"},
		{"chaos byzantine engine=honest", errcode.Usage, "equivocate, wait, flatter"},
		{"chaos byzantine parachain=honest", errcode.Usage, "second-garbage, equivocate, back-two"},
		{"chaos byzantine keystore=silent", errcode.Usage, "an engine can lie, and the parachain host"},
		{"chaos byzantine parachain=wrong-pov", errcode.Unreachable, "no network runs in"},
		{"chaos byzantine engine=silent", errcode.Unreachable, "no network runs in"},
		{"kv get k --url http://127.0.0.1:1", errcode.Unreachable, "doesn't answer"},
	} {
		code, stdout, stderr := command(t, dir, strings.Fields(c.line)...)
		if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("reeve %s: exit code %d, want %d; %q should say %q; on standard output: %q", c.line, code, c.code,
				stderr, c.says, stdout)
		}
	}
}

func TestANodeIsMadeAndShownAndNotMadeTwice(t *testing.T) {
	dir := t.TempDir()
	plugin := withPlugin(t, dir)
	if code, _, stderr := command(t, dir, "node", "init", "--vm", plugin); code != errcode.OK {
		t.Fatalf("%d %s", code, stderr)
	}
	if code, _, stderr := command(t, dir, "node", "init", "--vm", plugin); code == errcode.OK ||
		!strings.Contains(stderr, "already") {
		t.Errorf("a second time: %d %s", code, stderr)
	}
	if code, _, stderr := command(t, dir, "node", "init", "--vm", plugin, "--if-missing"); code != errcode.OK {
		t.Errorf("if missing: %d %s", code, stderr)
	}
	_, stdout, _ := command(t, dir, "keys", "show", "-o", "json")
	var keys []shownKey
	if err := json.Unmarshal([]byte(stdout), &keys); err != nil || len(keys) != 2 || keys[0].NodeID.IsZero() {
		t.Errorf("%v: %s", err, stdout)
	}
	if code, _, _ := command(t, dir, "healthcheck"); code != errcode.NotReady {
		t.Errorf("the health of a node that doesn't run: %d", code)
	}
	if code, _, stderr := command(t, dir, "node", "wait", "--timeout", "20ms"); code != errcode.Timeout {
		t.Errorf("waiting for it: %d %s", code, stderr)
	}
	if code, _, stderr := command(t, dir, "chain", "head"); code != errcode.Unreachable {
		t.Errorf("its chain: %d %s", code, stderr)
	}
}

func TestSettingsSayWhereTheyComeFrom(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := command(t, dir, "node", "init", "--vm", withPlugin(t, dir)); code != errcode.OK {
		t.Fatal(stderr)
	}
	t.Setenv("REEVE_LOG_LEVEL", "warn")
	_, stdout, stderr := command(t, dir, "config", "view", "--origin", "--metrics-listen", "127.0.0.1:1")
	for _, want := range []string{"environment REEVE_LOG_LEVEL", "flag --metrics-listen", "config.toml", "default"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q isn't in %s %s", want, stdout, stderr)
		}
	}
	t.Setenv("REEVE_LOG_LEVEL", "loud")
	if code, _, stderr := command(t, dir, "config", "view"); code != errcode.Usage ||
		!strings.Contains(stderr, "log.level") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestTheEnvironmentStandsInForFlags(t *testing.T) {
	t.Setenv("REEVE_OUTPUT", "json")
	_, stdout, _ := command(t, t.TempDir(), "version")
	var v versions
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || v.Go == "" {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestEveryCommandIsExplained(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.Hidden && c.Short == "" {
			t.Errorf("%s isn't explained", c.CommandPath())
		}
		if c.Name() != strings.ToLower(c.Name()) || strings.Contains(c.Name(), "_") {
			t.Errorf("%s isn't in kebab-case", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&app{}).root())
}

func TestTheGraphNamesTheParts(t *testing.T) {
	_, stdout, stderr := command(t, t.TempDir(), "bus", "graph")
	for _, want := range []string{"flowchart", "keystore", "network-bridge"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %s in %s %s", want, stdout, stderr)
		}
	}
}
