package main

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/proc"
)

// A node that may open few files has more clients than that, who stay and say nothing. A part that is killed meanwhile
// comes back: its place on the bus isn't theirs.
func TestIdleClientsKeepNoPartFromComingBack(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a network")
	}
	m := newMachine(t)
	up := exec.Command("sh", "-c", "ulimit -n 256 && exec ./reeve devnet up --detach --validators 1 --port-base 0 --timeout 50s")
	up.Dir = m.dir
	if text, err := up.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	m.downAtTheEnd()
	before := m.status()
	for range 400 {
		c, err := net.Dial("tcp", strings.TrimPrefix(before.Nodes[0].HTTP, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprint(c, "GET /ext/info HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	engine := func(s devnet.Status) (e devnet.ProcessStatus) {
		for _, p := range s.Nodes[0].Processes {
			if p.Name == "engine" {
				e = p
			}
		}
		return e
	}
	if err := proc.Identify(engine(before).PID).Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	m.await("the engine is back while the clients are there", func(s devnet.Status) bool {
		return s.Ready() && engine(s).PID != engine(before).PID && engine(s).Restarts == 1
	})
}
