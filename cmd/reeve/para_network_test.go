package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/collate"
	"github.com/reevenet/reeve/cmd/internal/paradev"
)

// withRelay builds what a relay chain with the ledger takes.
func (m *machine) withRelay() *machine {
	m.t.Helper()
	for out, args := range map[string][]string{
		"plugins/relayvm":   {"../../vmhost/relayvm/cmd/relayvm"},
		"paras/ledger.wasm": {"-buildmode=c-shared", "-ldflags=-s -w", "../../services/collator/ledger/validation"},
	} {
		build := exec.Command("go", append([]string{"build", "-trimpath", "-o", filepath.Join(m.dir, out)}, args...)...)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if strings.HasSuffix(out, ".wasm") {
			build.Env = append(build.Env, "GOOS=wasip1", "GOARCH=wasm")
		}
		if text, err := build.CombinedOutput(); err != nil {
			m.t.Fatalf("building %s: %v\n%s", out, err, text)
		}
	}
	return m
}

// ledger is a process that produces the ledger's blocks.
type ledger struct {
	m   *machine
	cmd *exec.Cmd
	url string
}

// produce starts one, whose treasury pays all the time.
func (m *machine) produce() *ledger {
	m.t.Helper()
	l := &ledger{m: m, cmd: exec.Command(filepath.Join(m.dir, "reeve"), "para", "collate", "--listen", "127.0.0.1:0",
		"--pay", "100ms")}
	l.cmd.Dir = m.dir
	says, err := l.cmd.StderrPipe()
	if err == nil {
		err = l.cmd.Start()
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(l.kill)
	lines := bufio.NewScanner(says)
	for l.url == "" && lines.Scan() {
		_, at, _ := strings.Cut(lines.Text(), "answers at http://")
		if at = strings.TrimSuffix(at, ":"); at != "" {
			l.url = "http://" + at
		}
	}
	go func() {
		for lines.Scan() { // it may not wait for us
		}
	}()
	return l
}

// kill ends it as kill -9 does.
func (l *ledger) kill() {
	l.cmd.Process.Kill() //nolint:errcheck // it may have ended
	l.cmd.Wait()         //nolint:errcheck // it was killed
}

// account is what users are shown.
type account struct{ Balance, Nonce, Block uint64 }

func (l *ledger) look(path string, into any) bool {
	r, err := http.Get(l.url + path)
	if err != nil {
		return false
	}
	defer r.Body.Close()
	return r.StatusCode == http.StatusOK && json.NewDecoder(r.Body).Decode(into) == nil
}

// grown waits until the shop has more than that, and the ledger builds on a block above a number. Both accounts are
// those of one block.
func (l *ledger) grown(balance, block uint64) (shop, treasury account) {
	l.m.t.Helper()
	for limit := time.Now().Add(2 * time.Minute); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		if l.look(fmt.Sprintf("/accounts/%x", []byte(collate.DemoPayee)), &shop) && shop.Balance > balance &&
			shop.Block > block && l.look(fmt.Sprintf("/accounts/%x", []byte(collate.DemoTreasury)), &treasury) &&
			treasury.Block == shop.Block {
			return shop, treasury
		}
	}
	l.m.t.Fatalf("the shop has %d, and it should get more than %d: %+v", shop.Balance, balance, shop)
	return shop, treasury
}

// With real processes: the producer of the ledger is killed, and one that begins with nothing goes on where it was.
// Nothing that was paid is lost or paid twice.
func TestALedgersProducerThatHasLostEverythingGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some eighty processes")
	}
	m := newMachine(t).withRelay()
	m.reeve("devnet", "up", "--detach", "--port-base", "0", "--timeout", "50s", "--vm", "relayvm", "--parachain")
	m.downAtTheEnd()
	first := m.produce()
	before, _ := first.grown(3, 3)
	first.kill()
	second := m.produce()
	after, treasury := second.grown(before.Balance+3, before.Block+3)
	if paid := treasury.Nonce; after.Balance != paid || treasury.Balance+paid != 1_000_000_000 {
		t.Errorf("%d payments; the shop has %d, the treasury %d", paid, after.Balance, treasury.Balance)
	}
	var list []paradev.Status
	if err := json.Unmarshal([]byte(m.reeve("para", "status", "-o", "json")), &list); err != nil || len(list) != 1 ||
		list[0].Para != collate.DemoPara || list[0].Candidate == nil || list[0].Core == nil {
		t.Errorf("%+v, %v", list, err)
	}
}
