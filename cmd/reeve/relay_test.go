package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// newRelayMachine is a machine that has a relay chain's VM, too, and the example parachain's code.
func newRelayMachine(t *testing.T) *machine {
	m := newMachine(t)
	for out, build := range map[string][]string{
		"plugins/relayvm":   {"../../vmhost/relayvm/cmd/relayvm"},
		"paras/ledger.wasm": {"-buildmode=c-shared", "../../services/collator/ledger/validation"},
	} {
		cmd := exec.Command("go", append([]string{"build", "-trimpath", "-o", filepath.Join(m.dir, out)}, build...)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if strings.HasSuffix(out, ".wasm") {
			cmd.Env = append(cmd.Env, "GOOS=wasip1", "GOARCH=wasm")
		}
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", out, err, text)
		}
	}
	return m
}

// produces starts a relay chain of four validators and the example parachain on it, and ends them with the test.
func (m *machine) produces() {
	m.t.Helper()
	cmd := exec.Command(filepath.Join(m.dir, "reeve"), "devnet", "up", "--vm", "relayvm", "--parachain",
		"--port-base", "0", "--parachain-listen", "127.0.0.1:0", "--transactions", "1", "--timeout", "50s")
	cmd.Dir = m.dir
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		if err := cmd.Wait(); err != nil || m.t.Failed() {
			m.t.Errorf("reeve devnet up ends with %v, and said\n%s", err, said.String())
		}
	})
}
