package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/internal/process/supervise"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// hangTime is about how long a host needs to see that its plugin hangs: whatever waited for that would take as long.
const hangTime = 2 * time.Second

// Two chains on the same four validators, with real processes: each has its engine, host, plugin and path, and what
// happens to the plugins of one is nothing to the other.
func TestTwoChainsAreTwoStories(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some forty processes")
	}
	m := newMachine(t)
	m.reeve("devnet", "up", "--detach", "--port-base", "0", "--timeout", "50s", "--chain", "a=kvvm", "--chain",
		"b=kvvm")
	m.downAtTheEnd()
	s := m.status()
	if len(s.Nodes) != 4 || len(pids(s)) != 4*9 {
		t.Fatalf("%d nodes with %d processes: %+v", len(s.Nodes), len(pids(s)), s)
	}
	for _, chain := range []string{"a", "b"} {
		m.reeve("kv", "put", "color", chain, "--chain", chain, "--wait")
		for _, n := range s.Nodes {
			if got := m.reeve("kv", "get", "color", "--chain", chain, "--node", n.Name); got != chain+"\n" {
				t.Errorf("%s reads %q on %s", n.Name, got, chain)
			}
		}
	}

	alone := m.finality("a", 40, 0)
	stop := m.hang("b")
	beside := m.finality("a", 40, 3*hangTime)
	stop()
	t.Logf("finality of a: p50 %v, p99 %v; while all plugins of b hang: p50 %v, p99 %v",
		at(alone, 50), at(alone, 99), at(beside, 50), at(beside, 99))
	if slowest := beside[len(beside)-1]; slowest >= hangTime {
		t.Errorf("a transaction of a took %v while b hung", slowest)
	}
	m.reeve("kv", "put", "back", "again", "--chain", "b", "--wait")

	m.crash("v1", "b")
	looping := m.finality("a", 20, 0)
	t.Logf("while the plugin of b isn't started any more on v1: p50 %v, p99 %v", at(looping, 50), at(looping, 99))
	m.reeve("kv", "put", "without", "v1", "--chain", "b", "--node", "v2") // three of four are enough
	m.reeve("svc", "restart", "plugin", "--chain", "b", "--node", "v1", "--why", "it is mended")
	m.await("the plugin runs again", func(now devnet.Status) bool {
		n, _ := now.Node("v1")
		p, _ := n.Process("plugin@b")
		return p.State == string(supervise.Running) && n.Ready
	})
	m.reeve("svc", "log-level", "debug", "--chain", "b", "--node", "v1")
	if got := m.reeve("svc", "describe", "plugin@b", "--node", "v1"); !strings.Contains(got, "kvvm") {
		t.Errorf("the plugin is described as\n%s", got)
	}
	m.await("nothing of a was touched", func(now devnet.Status) bool {
		for i, n := range now.Nodes {
			for _, p := range n.Processes {
				before, _ := s.Nodes[i].Process(n.Title(p))
				if p.Instance != "b" && p.PID != before.PID {
					t.Errorf("%s of %s was process %d and is %d now", n.Title(p), n.Name, before.PID, p.PID)
				}
			}
		}
		return true
	})
	m.reeve("devnet", "down")
}

// finality puts one transaction after the other, at least n and for at least d, and returns how long each took to be
// final, the shortest first.
func (m *machine) finality(chain string, n int, d time.Duration) (took []time.Duration) {
	m.t.Helper()
	s := m.status()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	began := time.Now()
	for i := 0; i < n || time.Since(began) < d; i++ {
		key := fmt.Sprint(began.UnixNano(), "-", i)
		f, err := kv.New(s.Nodes[i%len(s.Nodes)].HTTP, chain).Put(ctx, kv.NewAccount(), 0, key, "value")
		if err != nil {
			m.t.Fatalf("transaction %d on %s: %v", i, chain, err)
		}
		took = append(took, time.Duration(f.Millis*float64(time.Millisecond)).Round(100*time.Microsecond))
	}
	slices.Sort(took)
	return took
}

func at(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)-1)*percent/100]
}

// hang stops the chain's plugins on all nodes, and those that take their place; the function that it returns lets them
// go on.
func (m *machine) hang(chain string) (stop func()) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	var running sync.WaitGroup
	stopped := map[proc.Identity]bool{}
	round := func() {
		for _, n := range m.status().Nodes {
			if p, ok := n.Process("plugin@" + chain); ok && p.PID != 0 {
				id := proc.Identify(p.PID)
				if !stopped[id] && id.Signal(syscall.SIGSTOP) == nil {
					stopped[id] = true
				}
			}
		}
	}
	round()
	running.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond) // looking costs the machine something, too
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				round()
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
		for id := range stopped {
			_ = id.Signal(syscall.SIGCONT) // those that were replaced are gone
		}
	}
}

// crash kills the chain's plugin on a node until nobody starts another.
func (m *machine) crash(node, chain string) {
	m.t.Helper()
	m.await("the plugin of "+chain+" isn't started any more", func(s devnet.Status) bool {
		n, _ := s.Node(node)
		p, ok := n.Process("plugin@" + chain)
		if ok && p.PID != 0 && p.State == string(supervise.Running) {
			_ = proc.Identify(p.PID).Signal(syscall.SIGKILL) // it may be gone already
		}
		return p.State == string(supervise.Quarantined)
	})
}
