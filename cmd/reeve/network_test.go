package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/process/proc"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// machine is a directory with the real program and plugin in it, and a network's data.
type machine struct {
	t   *testing.T
	dir string
}

// newMachine builds the program and the plugin as make does.
func newMachine(t *testing.T) *machine {
	m := &machine{t: t, dir: t.TempDir()}
	for out, pkg := range map[string]string{"reeve": ".", "plugins/kvvm": "../../vmhost/kvvm/cmd/kvvm"} {
		build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(m.dir, out), pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", pkg, err, text)
		}
	}
	return m
}

// reeve runs a command and returns what it prints.
func (m *machine) reeve(args ...string) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(m.dir, "reeve"), args...)
	cmd.Dir = m.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		m.t.Fatalf("reeve %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// downAtTheEnd ends the network with the test, if it still runs then.
func (m *machine) downAtTheEnd() {
	m.t.Cleanup(func() {
		exec.Command(filepath.Join(m.dir, "reeve"), "devnet", "down", "--data-dir", filepath.Join(m.dir, ".reeve")).Run()
	})
}

func (m *machine) status() (s devnet.Status) {
	m.t.Helper()
	if err := json.Unmarshal([]byte(m.reeve("devnet", "status", "-o", "json")), &s); err != nil {
		m.t.Fatal(err)
	}
	return s
}

// await looks at the network until cond holds.
func (m *machine) await(what string, cond func(devnet.Status) bool) {
	m.t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		s := m.status()
		if cond(s) {
			return
		}
		if time.Now().After(limit) {
			m.t.Fatalf("never: %s. %+v", what, s)
		}
	}
}

func pids(s devnet.Status) (list []proc.Identity) {
	for _, n := range s.Nodes {
		for _, p := range n.Processes {
			list = append(list, proc.Identify(p.PID))
		}
	}
	return list
}

// The story of a network, with real processes: it starts, finalises and proves it, survives a kill, takes in a new
// node, stops and starts again where it was, and leaves nothing behind.
func TestTheStoryOfANetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some thirty processes")
	}
	m := newMachine(t)
	m.reeve("devnet", "up", "--detach", "--port-base", "0", "-o", "json", "--timeout", "50s")
	m.downAtTheEnd() // when the test has failed half-way
	s := m.status()
	if !s.Ready() || len(s.Nodes) != 4 || len(pids(s)) != 24 {
		t.Fatalf("%d nodes with %d processes: %+v", len(s.Nodes), len(pids(s)), s)
	}

	var final kv.Final
	if err := json.Unmarshal([]byte(m.reeve("kv", "put", "first", "1", "--wait", "-o", "json")), &final); err != nil ||
		final.Height == 0 {
		t.Fatalf("%+v, %v", final, err)
	}
	for _, n := range s.Nodes {
		if got := m.reeve("kv", "get", "first", "--node", n.Name); got != "1\n" {
			t.Errorf("%s reads %q", n.Name, got)
		}
	}

	m.provesItsLastBlock()

	v2, _ := s.Node("v2")
	engine, _ := v2.Process("engine")
	if err := proc.Identify(engine.PID).Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	m.reeve("kv", "put", "second", "2", "--wait", "--node", "v2")
	m.await("the killed engine runs again, and all others as before", func(now devnet.Status) bool {
		n, _ := now.Node("v2")
		p, _ := n.Process("engine")
		return n.Ready && p.Restarts == 1 && p.PID != engine.PID && strings.Contains(p.Cause, "signal 9")
	})

	if name := strings.TrimSpace(m.reeve("devnet", "node", "add")); name != "v5" {
		t.Errorf("the new node is called %q", name)
	}
	if got := m.reeve("kv", "get", "second", "--node", "v5", "--wait"); got != "2\n" {
		t.Errorf("the new node reads %q", got)
	}
	m.await("all nodes have the same last block", func(now devnet.Status) bool {
		for _, n := range now.Nodes {
			if n.LastAccepted != now.Nodes[0].LastAccepted {
				return false
			}
		}
		return true
	})

	before := m.status()
	m.reeve("devnet", "down")
	for _, p := range pids(before) {
		if p.Alive() {
			t.Errorf("process %d is left", p.PID)
		}
	}
	m.noSockets()

	m.reeve("devnet", "up", "--detach", "--timeout", "50s")
	if got := m.reeve("kv", "get", "second", "--node", "v4"); got != "2\n" {
		t.Errorf("after a restart of everything v4 reads %q", got)
	}
	m.reeve("devnet", "down")
}

// provesItsLastBlock has the network prove its last block, checks the proof without it, and asks why it was decided.
func (m *machine) provesItsLastBlock() {
	m.t.Helper()
	m.reeve("chain", "proof", "latest", "--out", "latest.proof")
	var p proven
	line := []string{"chain", "verify", "latest.proof", "--genesis", ".reeve/genesis.json", "-o", "json"}
	if err := json.Unmarshal([]byte(m.reeve(line...)), &p); err != nil || p.Chain != "kv" || p.Stake < p.Quorum {
		m.t.Errorf("%+v, %v", p, err)
	}
	var w gateway.Why
	if err := json.Unmarshal([]byte(m.reeve("why", "block", p.Block.String(), "-o", "json")), &w); err != nil {
		m.t.Fatal(err)
	}
	if w.Height != p.Height || w.State != "accepted" || w.Decision == nil || w.Decision.Round != p.Round ||
		len(w.Votes) < 3 {
		m.t.Errorf("%+v", w)
	}
	if list := m.reeve("chain", "info"); !strings.Contains(list, "VOTES MISSING") {
		m.t.Error(list)
	}
	if list := m.reeve("evidence", "ls", "-o", "json"); strings.TrimSpace(list) != "[]" {
		m.t.Errorf("honest validators are accused: %s", list)
	}
}

func (m *machine) noSockets() {
	m.t.Helper()
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type()&(fs.ModeSocket|fs.ModeSymlink) != 0 {
			m.t.Errorf("%s is left", path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		m.t.Error(err)
	}
}
