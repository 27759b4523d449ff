package wasmtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Adder is the example in C, as it is committed.
func Adder(t testing.TB) []byte { return read(t, filepath.Join(root(t), "examples/cadder/adder.wasm")) }

// Build makes a guest of a package in Go below candidatevalidation's folder, with the toolchain that runs the test.
func Build(t testing.TB, folder string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", file, "./"+folder)
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return read(t, file)
}

// root is candidatevalidation's folder, whichever package below it is tested.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil && filepath.Base(dir) != "candidatevalidation" && dir != "/" {
		dir = filepath.Dir(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
