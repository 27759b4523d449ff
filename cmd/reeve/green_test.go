package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/process/proc"
)

// On a real network a plugin dies, and its file is gone. The node says what is wrong, why and since when, and its log
// does, though nobody has asked; and that it is over, when the file is back.
func TestWhatIsWrongWithANodeIsACheckAndALineOfItsLog(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some twenty processes")
	}
	m := newMachine(t)
	m.reeve("devnet", "up", "--detach", "--port-base", "0", "-o", "json", "--timeout", "50s")
	m.downAtTheEnd()
	file := filepath.Join(m.dir, "plugins", "kvvm")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-time.Second)
	s := m.status()
	v2, _ := s.Node("v2")
	plugin, _ := v2.Process("plugin")
	if err := proc.Identify(plugin.PID).Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	m.awaitCheck("v2", "vmhost-plugin", began, "isn't there")
	m.awaitLine("v2", `"a check fails"`, `"vmhost-plugin"`, "isn't there")
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	m.reeve("svc", "restart", "plugin", "--node", "v2")
	m.awaitLine("v2", `"a check holds again"`, `"vmhost-plugin"`)
	m.await("the node is well again", func(now devnet.Status) bool { return now.Ready() })
}

// awaitCheck looks at a node's health until a check has failed, with that in its cause, since no earlier than began.
func (m *machine) awaitCheck(node, name string, began time.Time, cause string) {
	m.t.Helper()
	m.await(node+" says that "+name+" fails: "+cause, func(s devnet.Status) bool {
		n, _ := s.Node(node)
		health, err := devnet.Health(m.t.Context(), strings.TrimPrefix(n.HTTP, "http://"))
		return err == nil && slices.ContainsFunc(health.Checks, func(c gateway.Check) bool {
			return c.Name == name && !c.OK && strings.Contains(c.Cause, cause) && c.Since.After(began)
		})
	})
}

// awaitLine reads the log of a node's overseer until one of its lines has all of some words.
func (m *machine) awaitLine(node string, words ...string) {
	m.t.Helper()
	path := filepath.Join(m.dir, ".reeve", node, "logs", "overseer.log")
	m.await(fmt.Sprintf("%s has a line with %q", path, words), func(devnet.Status) bool {
		text, err := os.ReadFile(path)
		if err != nil {
			m.t.Fatal(err)
		}
		return slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
			return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
		})
	})
}
