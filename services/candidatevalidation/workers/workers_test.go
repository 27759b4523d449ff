package workers

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/services/candidatevalidation"
	"github.com/reevenet/reeve/services/candidatevalidation/guest"
	"github.com/reevenet/reeve/services/candidatevalidation/job"
	"github.com/reevenet/reeve/services/candidatevalidation/wasmtest"
)

// patient is more of the machine's time than any test needs on a busy machine.
const patient = 30 * time.Second

func pool(t testing.TB, cfg Config) *Pool {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = filepath.Join(t.TempDir(), "validation")
	}
	if cfg.CPU == 0 {
		cfg.CPU = patient
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// jobOf is a run of code on a candidate of the adders' para.
func jobOf(code []byte) candidatevalidation.Job {
	p := guest.Params{ParentHead: binary.BigEndian.AppendUint64(nil, 40),
		BlockData: binary.BigEndian.AppendUint64(nil, 2)}
	return candidatevalidation.Job{CodeHash: primitives.HashOf(code), Code: code, Params: p.Encode()}
}

// adders are codes of the same para with different hashes.
func adders(t testing.TB, n int) (list [][]byte) {
	for i := range n {
		list = append(list, append(wasmtest.Adder(t), wasmtest.Section(0, []byte{1, 'n', byte(i)})...))
	}
	return list
}

func isSum(t *testing.T, o candidatevalidation.Outcome) {
	t.Helper()
	want, _ := candidate.Commitments{HeadData: binary.BigEndian.AppendUint64(nil, 42)}.Encode()
	if o.End != candidatevalidation.Returned || string(o.Outputs) != string(want) {
		t.Errorf("%+v", o)
	}
}

func TestAWorkerIsKeptForItsCodeAndForNoOther(t *testing.T) {
	p, codes := pool(t, Config{Most: 2}), adders(t, 3)
	pids := map[int]bool{}
	for range 3 {
		isSum(t, p.do(jobOf(codes[0])))
		pids[p.Status()[0].PID] = true
	}
	if len(pids) != 1 {
		t.Errorf("%d workers for three runs of one code", len(pids))
	}
	for _, code := range codes[1:] {
		isSum(t, p.do(jobOf(code)))
	}
	left := p.Status()
	if len(left) != 2 {
		t.Fatalf("%v", left)
	}
	for _, w := range left {
		if pids[w.PID] || w.Busy || w.Code == primitives.HashOf(codes[0]) {
			t.Errorf("%+v: the one that was idle longest is gone", w)
		}
	}
}

func TestThereAreAtMostSoManyWorkers(t *testing.T) {
	p := pool(t, Config{Most: 1})
	for _, code := range adders(t, 3) {
		isSum(t, p.do(jobOf(code)))
		if n := len(p.Status()); n != 1 {
			t.Errorf("%d workers", n)
		}
	}
}

func TestAWorkerEndsAfterSoManyRunsAndWhenNobodyNeedsIt(t *testing.T) {
	p := pool(t, Config{})
	j := jobOf(wasmtest.Adder(t))
	isSum(t, p.do(j))
	w := p.takeIdle(j.CodeHash)
	w.runs = mostRuns - 1
	p.keep(w)
	<-w.child.Exited
	isSum(t, p.do(j))
	w = p.idle[0]
	p.retire(w)
	<-w.child.Exited
	if len(p.Status()) != 0 || len(p.idle) != 0 {
		t.Error(p.Status())
	}
}

func TestAllWorkersEndWithThePool(t *testing.T) {
	p := pool(t, Config{})
	isSum(t, p.do(jobOf(wasmtest.Adder(t))))
	w := p.idle[0]
	p.Close()
	<-w.child.Exited
	if o := p.do(jobOf(wasmtest.Adder(t))); o.End != candidatevalidation.Unstarted {
		t.Errorf("%+v", o)
	}
}

func TestAWorkerCanReachNothing(t *testing.T) {
	if proc.Landlock() == 0 || !proc.Seccomp() {
		t.Skip("the kernel has no landlock, or no seccomp")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "given"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SECRET", "of the node")
	w, err := start(Config{}.withDefaults(), "probes", dir, proc.Paths{Read: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	f, _, err := w.exchange(0, nil, job.MostSaid, patient)
	if want := "its own directory: true; environment: 0; sealed:"; err != nil || string(f.Body) != want {
		t.Errorf("%v: it could: %s", err, f.Body)
	}
	w.lost(nil)
}

// What a worker says after code has run in it is a verdict on the code, or it is a crash; it never is this machine's
// fault because it says so.
func TestAWorkerThatCodeHasTakenOverIsntBelieved(t *testing.T) {
	for what, want := range map[string]candidatevalidation.End{
		"leaves":                candidatevalidation.Crashed,
		"crashes":               candidatevalidation.Crashed,
		"ends by a signal":      candidatevalidation.Crashed,
		"says what isn't asked": candidatevalidation.Crashed,
		"blames the machine":    candidatevalidation.Crashed,
		"says too much":         candidatevalidation.Crashed,
		"says half of it":       candidatevalidation.Crashed,
		"runs out of memory":    candidatevalidation.Lost,
		"is ended from outside": candidatevalidation.Lost,
	} {
		t.Run(what, func(t *testing.T) {
			p := pool(t, Config{})
			w, err := start(p.cfg, what, t.TempDir(), proc.Paths{})
			if err != nil || p.add(w) != nil {
				t.Fatal(err)
			}
			p.keep(w) // as if it had done a job before
			if o := p.do(candidatevalidation.Job{}); o.End != want || o.Detail == "" {
				t.Errorf("%+v", o)
			}
			if len(p.Status()) != 0 {
				t.Error("the worker is kept")
			}
		})
	}
}

func TestAWorkerThatSaysNothingIsEndedInTime(t *testing.T) {
	p := pool(t, Config{CPU: 50 * time.Millisecond})
	w, err := start(p.cfg, "says nothing", t.TempDir(), proc.Paths{})
	if err != nil || p.add(w) != nil {
		t.Fatal(err)
	}
	p.keep(w)
	o := p.do(candidatevalidation.Job{})
	if o.End != candidatevalidation.Lost || !strings.Contains(o.Detail, "it took more than") {
		t.Errorf("%+v", o)
	}
}

// The clock is this machine's: what it ends is no judgement. That a run's fuel is used up is one.
func TestCodeThatTheClockEndsIsLostAndCodeThatUsesUpItsFuelIsNot(t *testing.T) {
	for _, c := range wasmtest.Malicious() {
		if !c.Slow {
			continue
		}
		p := pool(t, Config{CPU: 100 * time.Millisecond})
		dir, failed := p.prepared(jobOf(c.Code))
		if failed != nil {
			t.Fatalf("%+v", failed)
		}
		w, failed := p.start(primitives.HashOf(c.Code), dir)
		if failed != nil {
			t.Fatalf("%+v", failed)
		}
		p.keep(w)
		o := p.do(jobOf(c.Code))
		if o.End != candidatevalidation.Lost || !strings.Contains(o.Detail, "it took more than") {
			t.Errorf("%s: %+v", c.Name, o)
		}
		<-w.child.Exited
	}
	if o := pool(t, Config{}).do(jobOf(wasmtest.Malicious()[0].Code)); o.End != candidatevalidation.Exhausted {
		t.Errorf("%+v", o)
	}
}

func TestAMachineThatHasNoMemoryForTheCodeLosesItsWorker(t *testing.T) {
	p := pool(t, Config{})
	code := wasmtest.Adder(t)
	if _, failed := p.prepared(jobOf(code)); failed != nil {
		t.Fatalf("%+v", failed)
	}
	p.cfg.Memory = 120 << 20 // the code may have 128 MiB
	if o := p.do(jobOf(code)); o.End != candidatevalidation.Lost && o.End != candidatevalidation.Unstarted {
		t.Errorf("%+v", o)
	}
}

func TestCodeIsPreparedOnceForAllWhoNeedIt(t *testing.T) {
	p := pool(t, Config{Most: 4})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { isSum(t, p.do(jobOf(wasmtest.Adder(t)))) })
	}
	all.Wait()
	made, err := os.Stat(p.store.path(primitives.HashOf(wasmtest.Adder(t))))
	if err != nil || len(p.preparing) != 0 {
		t.Fatal(err)
	}
	again := pool(t, Config{Dir: p.cfg.Dir}) // after a restart
	isSum(t, again.do(jobOf(wasmtest.Adder(t))))
	if now, err := os.Stat(again.store.path(primitives.HashOf(wasmtest.Adder(t)))); err != nil ||
		!os.SameFile(made, now) {
		t.Error("it was prepared again", err)
	}
}

func TestCodeThatCantBePreparedIsRememberedForAWhile(t *testing.T) {
	p := pool(t, Config{})
	malformed := []byte("no module")
	first := p.do(jobOf(malformed))
	if first.End != candidatevalidation.Malformed {
		t.Fatalf("%+v", first)
	}
	if o := p.unfit.find(primitives.HashOf(malformed), time.Now().Add(1000*time.Hour)); o == nil || o.End != first.End {
		t.Error("it is tried again")
	}
	h, now := primitives.Hash{1}, time.Now()
	p.unfit.note(h, candidatevalidation.Outcome{End: candidatevalidation.Unprepared}, now)
	if p.unfit.find(h, now.Add(cooldown)) == nil || p.unfit.find(h, now.Add(cooldown+1)) != nil {
		t.Error("a fault of this machine's isn't remembered for a while")
	}
	p.unfit.note(primitives.Hash{2}, candidatevalidation.Outcome{End: candidatevalidation.Unstarted}, now)
	if p.unfit.find(primitives.Hash{2}, now) != nil {
		t.Error("the code is blamed for a process that couldn't be started")
	}
}

func TestFewCodesThatCantBePreparedAreRemembered(t *testing.T) {
	var u unfit
	for i := range mostUnfit + 10 {
		u.note(primitives.Hash{byte(i), byte(i >> 8)},
			candidatevalidation.Outcome{End: candidatevalidation.Malformed}, time.Time{})
	}
	if len(u.codes) != mostUnfit || len(u.order) != mostUnfit || u.find(primitives.Hash{9}, time.Time{}) != nil {
		t.Errorf("%d, %d", len(u.codes), len(u.order))
	}
}

func TestOfWhatAWorkerSaysTheBeginningIsRemembered(t *testing.T) {
	read, written, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var said tail
	said.follow(read)
	if _, err := written.WriteString("panic: what happened\n" + strings.Repeat("where\n", mostTail)); err != nil {
		t.Fatal(err)
	}
	written.Close()
	if lines := said.lines(); lines[0] != "panic: what happened" || len(said.first) != mostTail {
		t.Errorf("%q, %d bytes", lines[0], len(said.first))
	}
}

func TestCodeThatWasMadeReadyHasItsWorkerWaiting(t *testing.T) {
	p := pool(t, Config{})
	j := jobOf(wasmtest.Adder(t))
	ready := make(chan error, 1)
	for range 2 { // the second time there is nothing to do
		p.Prepare(j.CodeHash, j.Code, func(err error) { ready <- err })
		if err := <-ready; err != nil {
			t.Fatal(err)
		}
	}
	before := p.Status()
	if len(before) != 1 || before[0].Busy {
		t.Fatal(before)
	}
	if isSum(t, p.do(j)); p.Status()[0].PID != before[0].PID {
		t.Errorf("another worker did it: %v", p.Status())
	}
	p.Prepare(j.CodeHash, j.Code, func(err error) { ready <- err })
	<-ready
	bad := []byte("no module")
	p.Prepare(primitives.HashOf(bad), bad, func(err error) { ready <- err })
	if err := <-ready; err == nil {
		t.Error("what is no module was made ready")
	}
}
