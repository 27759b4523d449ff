package collate

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/reevenet/reeve/services/candidatevalidation/guest"
	"github.com/reevenet/reeve/services/candidatevalidation/job"
	"github.com/reevenet/reeve/services/candidatevalidation/sandbox"
	"github.com/reevenet/reeve/services/collator/ledger"
)

// The longest block that the ledger builds is judged within the fuel that code has: one that isn't would stop the
// parachain, since its producer would build it again and again.
func TestTheFullestBlockIsJudgedWithinItsFuel(t *testing.T) {
	if testing.Short() {
		t.Skip("builds validation code")
	}
	dir := t.TempDir()
	if err := sandbox.Prepare(t.Context(), validationCode(t), dir); err != nil {
		t.Fatal(err)
	}
	code, err := sandbox.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer code.Close(t.Context())
	for _, accounts := range []int{1, ledger.MaxAccounts - ledger.MaxTransfers} {
		state := ledger.State{{Key: account(1), Balance: 1000}}
		for n := range accounts - 1 {
			a := ledger.Account{Balance: 1}
			binary.BigEndian.PutUint64(a.Key[:], uint64(n))
			at, _ := state.Find(a.Key)
			state = append(state[:at:at], append(ledger.State{a}, state[at:]...)...)
		}
		c := New(state)
		for n := range uint64(ledger.MaxTransfers) {
			if err := c.Transfer(transfer(1, byte(2+n), 1, n)); err != nil {
				t.Fatal(err)
			}
		}
		head := ledger.Head{State: state.Hash()}.Encode()
		b := build(t, c, head)
		a := code.Run(t.Context(), guest.Params{ParentHead: head, BlockData: b.PoV}.Encode())
		t.Logf("%d accounts: %d units, %c", accounts, a.Fuel, a.Kind)
		if a.Kind != job.Returned || !bytes.Equal(a.Body, guest.Outputs{HeadData: b.Head}.Encode()) {
			t.Errorf("%d accounts: %+v", accounts, a)
		}
	}
}

// validationCode is the ledger's, made by the toolchain that runs the test.
func validationCode(t *testing.T) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ledger.wasm")
	make := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", file,
		"../../../services/collator/ledger/validation")
	make.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if said, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
