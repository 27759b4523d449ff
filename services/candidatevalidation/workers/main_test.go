package workers

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/services/candidatevalidation/job"
	"github.com/reevenet/reeve/services/candidatevalidation/sandbox"
)

// TestMain makes this program what the node's is: one that can be a worker. It can also be workers that there aren't:
// those that code has broken out in.
func TestMain(m *testing.M) {
	proc.Confined()
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		if f, known := outbreaks[os.Args[2]]; known {
			f(os.Args[3])
			os.Exit(0)
		}
		os.Exit(sandbox.Main(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// outbreaks are what code does in a worker that it has taken over.
var outbreaks = map[string]func(dir string){
	"probes":                probe,
	"leaves":                func(string) { hear() },
	"crashes":               func(string) { hear(); panic("as if by accident") },
	"ends by a signal":      func(string) { hear(); _ = syscall.Kill(os.Getpid(), syscall.SIGSEGV); hang() },
	"says what isn't asked": func(string) { hear(); say(job.Loaded, "") },
	"blames the machine":    func(string) { hear(); say(job.Unable, "the disk is full") },
	"says too much":         func(string) { hear(); say(job.Returned, strings.Repeat("x", job.MostSaid+1)) },
	"says half of it":       func(string) { hear(); os.Stdout.WriteString("o\x00\x00\x10\x00half") },
	"says nothing":          func(string) { hear(); hang() },
	"runs out of memory":    func(string) { hear(); os.Exit(sandbox.NoMemory) },
	"is ended from outside": func(string) { hear(); _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); hang() },
}

func hear() { _, _ = job.Read(bufio.NewReader(os.Stdin), job.MostParams) }

func say(kind job.Kind, text string) { _ = job.Write(os.Stdout, kind, []byte(text)) }

// probe tries what a worker can't do, before and after it is sealed, and tells what it could.
func probe(dir string) {
	_, own := os.Stat(filepath.Join(dir, "given"))
	could := fmt.Sprintf("its own directory: %v; environment: %d;", own == nil, len(os.Environ()))
	could += try(dir)
	if err := proc.Seal(); err != nil {
		could += err.Error()
	}
	could += " sealed:" + try(dir)
	if _, err := os.ReadFile(filepath.Join(dir, "given")); err == nil {
		could += " reads its directory;"
	}
	if _, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		could += " listens;"
	}
	if exec.Command(program, "-test.list", "nothing").Run() == nil {
		could += " starts programs;"
	}
	say(job.Returned, could)
}

func try(dir string) (could string) {
	for _, path := range []string{"/etc/passwd", "/proc/1/environ", os.TempDir(), filepath.Dir(dir)} {
		if f, err := os.Open(path); err == nil {
			could += " opens " + path + ";"
			f.Close()
		}
	}
	for _, path := range []string{filepath.Join(dir, "new"), filepath.Join(os.TempDir(), "new"),
		filepath.Join(dir, "given")} {
		if f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600); err == nil {
			could += " writes " + path + ";"
			f.Close()
		}
	}
	if syscall.Kill(os.Getppid(), 0) == nil && proc.Landlock() >= 6 {
		could += " signals its parent;"
	}
	return could
}

// hang does nothing, in a way that the runtime doesn't take for a deadlock.
func hang() { time.Sleep(time.Hour) }
