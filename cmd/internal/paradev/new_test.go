package paradev_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reevenet/reeve/cmd/internal/paradev"
	"github.com/reevenet/reeve/cmd/internal/scaffold"
	"github.com/reevenet/reeve/cmd/internal/scaffold/scaffoldtest"
)

// goes runs the go command in a new module, as somebody does who has no network.
func goes(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// What the README of a new parachain says, as far as it goes without a network: it builds outside of the repository,
// its tests pass, its code is a file that a relay chain takes, and it says with which head it begins.
func TestANewParachainBuildsAndItsTestsPass(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	dir, err := paradev.New(t.Context(), scaffold.Project{Name: "hello", Dir: t.TempDir(), Module: "example.org/hello"})
	if err != nil {
		t.Fatal(err)
	}
	goes(t, dir, nil, "test", "./...")
	goes(t, dir, nil, "vet", "./...")
	goes(t, dir, []string{"GOOS=wasip1", "GOARCH=wasm"}, "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w",
		"-o", "hello.wasm", "./validation")
	goes(t, dir, nil, "build", "-o", "hello", ".")
	head, err := exec.Command(filepath.Join(dir, "hello"), "head").Output()
	if err != nil {
		t.Fatal(err)
	}
	p, err := paradev.Parse(fmt.Sprintf("2100=%s,head=%s", filepath.Join(dir, "hello.wasm"), bytes.TrimSpace(head)))
	if err != nil || p.ID != 2100 || hex.EncodeToString(p.Head) != strings.TrimSpace(string(head)) ||
		!bytes.HasPrefix(p.Code, []byte("\x00asm")) {
		t.Errorf("%d, head %x, %d bytes of code, %v", p.ID, p.Head, len(p.Code), err)
	}
	scaffoldtest.Formatted(t, dir)
}

// A block producer is a client of the node: when this fails, package para has begun to import what a node is made of.
func TestANewParachainListsOnlyTheModulesThatItNeeds(t *testing.T) {
	dir, err := paradev.New(t.Context(), scaffold.Project{Name: "hello", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	scaffoldtest.Needs(t, dir, 40)
}

func TestAParaIsReadAsItIsWritten(t *testing.T) {
	code := filepath.Join(t.TempDir(), "code.wasm")
	if err := os.WriteFile(code, []byte("code"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.wasm")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := paradev.Parse("7=" + code + ",head=0a0b"); err != nil || p.ID != 7 || string(p.Code) != "code" ||
		!bytes.Equal(p.Head, []byte{10, 11}) {
		t.Error(p, err)
	}
	for _, text := range []string{"", "7", "7=" + code, "x=" + code + ",head=00", "4294967296=" + code + ",head=00",
		"7=" + code + ",head=x", "7=nowhere.wasm,head=00", "7=,head=00", "7=" + empty + ",head=00"} {
		if _, err := paradev.Parse(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
