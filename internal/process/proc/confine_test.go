package proc

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runConfined runs a script within bounds and returns what it wrote.
func runConfined(t *testing.T, script string, c Confinement) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	child, err := StartConfined(&exec.Cmd{
		Path: "/bin/sh", Args: []string{"sh", "-c", script}, Stdout: write, Stderr: write,
	}, c, nil)
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer child.Kill()
	out, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// system is what a shell needs.
var system = []string{"/bin", "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/proc", "/dev"}

func TestAConfinedProgramOpensWhatItWasGivenAndNothingElse(t *testing.T) {
	if Landlock() == 0 {
		t.Skip("this kernel has no landlock")
	}
	secret, open := t.TempDir(), t.TempDir()
	key := filepath.Join(secret, "signing.key")
	if err := os.WriteFile(key, []byte("the key"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "cat " + key + "; cat /proc/$PPID/environ; kill -0 $PPID && echo signalled; echo mine > " + open + "/f; cat " + open +
		"/f; (cat " + key + ")"
	out := runConfined(t, script, Confinement{Paths: &Paths{Read: system, Write: []string{open, "/dev/null"}}})
	if strings.Contains(out, "the key") || !strings.Contains(out, "mine") || strings.Count(out, "enied") != 3 ||
		strings.Contains(out, "signalled") {
		t.Errorf("it wrote\n%s", out)
	}
	if out := runConfined(t, "cat "+key, Confinement{}); out != "the key" {
		t.Errorf("a program that isn't confined wrote %q", out) // nor are this process's other threads
	}
	if _, err := os.ReadFile(key); err != nil {
		t.Error(err)
	}
}

func TestAConfinedProgramIsBounded(t *testing.T) {
	out := runConfined(t, "ulimit -n; ulimit -d; ulimit -c", Confinement{Memory: 1 << 30, Files: 64})
	if out != "64\n1048576\n0\n" {
		t.Errorf("its bounds are %q", out)
	}
}
