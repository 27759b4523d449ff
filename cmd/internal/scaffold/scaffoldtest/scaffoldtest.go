// Package scaffoldtest says what holds for every module that a command writes for somebody.
package scaffoldtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
)

// Needs checks that the module in dir lists at most so many others, and as the go command would write it.
func Needs(t *testing.T, dir string, most int) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(mod.Require); n > most {
		t.Errorf("it needs %d modules, at most %d are wanted:\n%s", n, most, content)
	}
	tidy, err := mod.Format()
	if err != nil || !bytes.Equal(tidy, content) {
		t.Errorf("go.mod isn't written as the go command would: %v\n%s", err, content)
	}
}

// Formatted checks that gofmt would leave the module as it is.
func Formatted(t *testing.T, dir string) {
	t.Helper()
	unformatted, err := exec.Command("gofmt", "-l", dir).CombinedOutput()
	if err != nil || len(unformatted) > 0 {
		t.Errorf("not formatted: %s %v", unformatted, err)
	}
}
