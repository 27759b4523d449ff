package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/process/errcode"
)

// fails runs a command that doesn't work, and returns its exit code and what it says.
func (m *machine) fails(args ...string) (errcode.Code, string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(m.dir, "reeve"), args...)
	cmd.Dir = m.dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err == nil {
		m.t.Fatalf("reeve %s works", strings.Join(args, " "))
	}
	return errcode.Code(cmd.ProcessState.ExitCode()), errs.String()
}

// What keeps a network from starting has its exit code and is said once, whoever notices it: the command itself, the
// supervisor that it leaves behind, or a process that the supervisor starts.
func TestWhatKeepsANetworkFromStartingHasItsExitCodeAndIsSaidOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some twenty processes")
	}
	m := newMachine(t)
	m.reeve("node", "init", "--data-dir", "other")
	// from now on it knows its network
	m.reeve("devnet", "up", "--data-dir", "net", "--validators", "1", "--port-base", "0", "--detach", "--timeout", "50s")
	m.reeve("devnet", "down", "--data-dir", "net")
	read := func(file string) string {
		text, err := os.ReadFile(filepath.Join(m.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	write := func(file, text string) {
		if err := os.WriteFile(filepath.Join(m.dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, file, text, says string
		want                   errcode.Code
	}{
		{"wrong settings", "net/v1/config.toml", "steak = 1\n", "unknown key steak", errcode.Usage},
		{"no genesis", "net/genesis.json", "{}", "REEVE-1013", errcode.Usage},
		{"another genesis", "net/genesis.json", read("other/genesis.json"), "REEVE-1014", errcode.Usage},
		{"data of a later release", "net/v1/data/format.json", `{"version": 99}`, "REEVE-1016", errcode.Incompatible},
	} {
		before := read(c.file)
		write(c.file, c.text)
		for _, detach := range []string{"--detach", "--detach=false"} {
			code, said := m.fails("devnet", "up", "--data-dir", "net", detach, "--timeout", "50s")
			if code != c.want || strings.Count(said, c.says) != 1 {
				t.Errorf("%s, %s: exit code %d, want %d, and the reason once in:\n%s", c.name, detach, code, c.want, said)
			}
		}
		write(c.file, before)
	}
}
