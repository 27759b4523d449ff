package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/logfile"
	"github.com/reevenet/reeve/internal/process/proc"
)

// The test binary is also the program that the tests supervise: REEVE_TEST_CHILD says what it does.
func TestMain(m *testing.M) {
	switch os.Getenv("REEVE_TEST_CHILD") {
	case "":
		os.Exit(m.Run())
	case "serve":
		serve()
	case "dies":
		dies(os.Args[1], os.Args[2])
	case "flood":
		flood()
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("deaf")
		select {}
	case "fail":
		fmt.Println("panic: the floor gave way\n\ngoroutine 1 [running]:\nmain.main()")
		os.Exit(2 + 1)
	case "usage":
		fmt.Println("REEVE-1002: config: unknown key steak")
		os.Exit(int(errcode.Misconfigured))
	case "parent":
		parent(os.Args[1])
	}
}

func serve() {
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	<-terms
}

// flood writes as much as it can until it is told to end.
func flood() {
	line := []byte(strings.Repeat("a line that nobody asked for ", 30) + "\n")
	go func() {
		for {
			os.Stderr.Write(line)
		}
	}()
	serve()
}

// awaitFile waits until a process has made it.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s never comes", path)
		}
	}
}

// parent supervises one child, writes its pid to a file and waits to be killed.
func parent(file string) {
	g := NewGroup(slog.New(slog.DiscardHandler))
	if err := g.Add(childSpec("child", "serve", filepath.Dir(file))); err != nil {
		panic(err)
	}
	if err := os.WriteFile(file+".tmp", fmt.Append(nil, g.Status()[0].Process.PID), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename(file+".tmp", file); err != nil {
		panic(err)
	}
	select {}
}

func childSpec(name, mode, dir string) Spec {
	env := []string{"REEVE_TEST_CHILD=" + mode}
	return Spec{Name: name, Path: os.Args[0], Env: env, Log: filepath.Join(dir, name+".log")}
}

// group returns a group and a channel of all changes.
func group(t *testing.T) (*Group, chan Status) {
	t.TempDir() // the test's directories outlive the group, whose processes write there
	changes := make(chan Status, 1000)
	g := NewGroup(slog.New(slog.DiscardHandler))
	g.Notify = func(s Status) { changes <- s }
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		g.Close(ctx)
	})
	return g, changes
}

// next waits for the first change that has the state and at least so many restarts.
func next(t *testing.T, changes chan Status, state State, restarts int) Status {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case s := <-changes:
			if s.State == state && s.Restarts >= restarts {
				return s
			}
		case <-limit:
			t.Fatalf("never became %s with %d restarts", state, restarts)
		}
	}
}

func TestAKilledProcessIsBackAtOnceUnderAnotherPID(t *testing.T) {
	g, changes := group(t)
	if err := g.Add(childSpec("p", "serve", t.TempDir())); err != nil {
		t.Fatal(err)
	}
	first := next(t, changes, Running, 0)
	killed := time.Now()
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := next(t, changes, Running, 1)
	if second.Process.PID == first.Process.PID || !second.Process.Alive() {
		t.Errorf("first %v, then %v", first.Process, second.Process)
	}
	if !strings.Contains(second.Cause, "signal 9") {
		t.Errorf("the cause is %q", second.Cause)
	}
	if d := time.Since(killed); d > time.Second {
		t.Errorf("the first restart took %v", d)
	}
}

func TestAProcessThatKeepsDyingIsLeftAloneWithItsCause(t *testing.T) {
	g, changes := group(t)
	g.Policy.Base = time.Millisecond
	if err := g.Add(childSpec("p", "fail", t.TempDir())); err != nil {
		t.Fatal(err)
	}
	s := next(t, changes, Quarantined, 5)
	if s.Cause != "exited with code 3: panic: the floor gave way" {
		t.Errorf("the cause is %q", s.Cause)
	}
	if err := g.Restart(t.Context(), "p"); err != nil {
		t.Fatalf("a person's restart out of quarantine: %v", err)
	}
	next(t, changes, Running, 6)
}

func TestAWrongSettingIsNotRetried(t *testing.T) {
	g, changes := group(t)
	if err := g.Add(childSpec("p", "usage", t.TempDir())); err != nil {
		t.Fatal(err)
	}
	if s := next(t, changes, Quarantined, 0); s.Restarts != 0 || !strings.Contains(s.Cause, "unknown key steak") {
		t.Errorf("got %+v", s)
	}
}

func TestStopIsGentleFirst(t *testing.T) {
	g, changes := group(t)
	dir := t.TempDir()
	if err := g.Add(childSpec("gentle", "serve", dir)); err != nil {
		t.Fatal(err)
	}
	gentle := next(t, changes, Running, 0)
	if err := g.Add(childSpec("deaf", "deaf", dir)); err != nil {
		t.Fatal(err)
	}
	deaf := next(t, changes, Running, 0)
	for Tail(filepath.Join(dir, "deaf.log"), 0, 1) == nil && deaf.Process.Alive() { // until it ignores SIGTERM
		time.Sleep(time.Millisecond)
	}
	g.Stop(t.Context(), "gentle")
	if gentle.Process.Alive() {
		t.Error("the gentle one is still there")
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	g.Stop(soon, "deaf")
	if deaf.Process.Alive() {
		t.Error("the deaf one is still there")
	}
	if left := g.Status(); len(left) != 0 {
		t.Errorf("still listed: %v", left)
	}
}

func TestAHungProcessIsReplaced(t *testing.T) {
	if testing.Short() {
		t.Skip("takes five seconds of real time")
	}
	g, changes := group(t)
	spec := childSpec("p", "serve", t.TempDir())
	answers := make(chan error, 1)
	answers <- nil
	spec.Probe = func(ctx context.Context) error { // answers once, then never again
		select {
		case err := <-answers:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := g.Add(spec); err != nil {
		t.Fatal(err)
	}
	first := next(t, changes, Running, 0)
	begin := time.Now()
	second := next(t, changes, Running, 1)
	if first.Process.Alive() || !strings.Contains(second.Cause, "didn't answer") {
		t.Errorf("after %v: %+v", time.Since(begin), second)
	}
	if d := time.Since(begin); d > 8*time.Second {
		t.Errorf("found and replaced after %v", d)
	}
}

func TestChildrenDieWithTheirSupervisor(t *testing.T) {
	dir := t.TempDir()
	g, changes := group(t)
	spec := childSpec("parent", "parent", dir)
	pidFile := filepath.Join(dir, "pid")
	spec.Args = []string{pidFile}
	if err := g.Add(spec); err != nil {
		t.Fatal(err)
	}
	first := next(t, changes, Running, 0)
	var pid int
	for pid == 0 {
		text, err := os.ReadFile(pidFile)
		if errors.Is(err, os.ErrNotExist) {
			time.Sleep(time.Millisecond)
			continue
		}
		if _, err := fmt.Sscan(string(text), &pid); err != nil {
			t.Fatal(err)
		}
	}
	child := proc.Identify(pid)
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(5 * time.Second); child.Alive(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("the child outlives its killed supervisor")
		}
	}
}

func TestTheLogOfAProcessThatFloodsItStaysWithinItsBound(t *testing.T) {
	g, changes := group(t)
	spec := childSpec("p", "flood", t.TempDir())
	if err := g.Add(spec); err != nil {
		t.Fatal(err)
	}
	next(t, changes, Running, 0)
	awaitFile(t, fmt.Sprintf("%s.%d", spec.Log, logfile.Default.Older)) // as many as are kept
	files, err := filepath.Glob(spec.Log + "*")
	if err != nil || len(files) > logfile.Default.Older+1 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err == nil && info.Size() > logfile.Default.Size {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
}

func TestAMissingProgramIsAnErrorAtOnce(t *testing.T) {
	g, _ := group(t)
	spec := childSpec("p", "serve", t.TempDir())
	spec.Path = filepath.Join(t.TempDir(), "nothing")
	if err := g.Add(spec); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestAProcessIsReplacedByAnotherAndComesBack(t *testing.T) {
	g, changes := group(t)
	dir := t.TempDir()
	honest := childSpec("p", "serve", dir)
	if err := g.Add(honest); err != nil {
		t.Fatal(err)
	}
	first := next(t, changes, Running, 0)
	other := childSpec("p", "fail", dir)
	if err := g.Replace(t.Context(), other, "a drill"); err != nil {
		t.Fatal(err)
	}
	if s := next(t, changes, Running, 1); s.Cause != "a drill" || first.Process.Alive() {
		t.Errorf("the cause is %q, the first one alive: %v", s.Cause, first.Process.Alive())
	}
	next(t, changes, Running, 2) // what replaces it is kept running, too
	if err := g.Replace(t.Context(), honest, "it is over"); err != nil {
		t.Fatal(err)
	}
	for s := next(t, changes, Running, 2); s.Cause != "it is over"; s = next(t, changes, Running, 2) {
		t.Logf("%+v", s)
	}
	if err := g.Replace(t.Context(), childSpec("nobody", "serve", dir), ""); err == nil {
		t.Error("a process that there isn't was replaced")
	}
}
