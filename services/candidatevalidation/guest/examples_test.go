package guest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	cadder = "../examples/cadder/"
	// adderSum is SHA-256 of the example in C, as it is committed.
	adderSum = "6d005e2a34d9350ed2706e112c545b142b807aa3f920171c19bd52bff5828942"
)

var compile = regexp.MustCompile(`(?m)^\tclang (.*) -o \S+ \S+$`)

// The compiled example is committed, since few have the compiler. Where it is there, in that version, it makes the
// same.
func TestTheExampleInCIsWhatItsSourceMakes(t *testing.T) {
	committed, err := os.ReadFile(cadder + "adder.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(committed); hex.EncodeToString(sum[:]) != adderSum {
		t.Errorf("the committed code is %x", sum)
	}
	version, err := exec.Command("clang", "--version").Output()
	if _, lld := exec.LookPath("wasm-ld"); err != nil || lld != nil ||
		!bytes.Contains(version, []byte("clang version 14.")) {
		t.Skip("there is no clang 14 with lld here")
	}
	makefile, err := os.ReadFile("../../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "adder.wasm")
	args := append(strings.Fields(string(compile.FindSubmatch(makefile)[1])), "-o", out, "adder.c")
	cmd := exec.Command("clang", args...)
	cmd.Dir = cadder
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if made, err := os.ReadFile(out); err != nil || !bytes.Equal(made, committed) {
		t.Errorf("%v: its source makes something else: make guests", err)
	}
}
