package simdisk

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/disk/disktest"
)

func TestSimulatedDiskKeepsTheContract(t *testing.T) {
	disktest.Run(t, func(t *testing.T) (disk.Disk, disk.Disk, string) {
		d := New(1)
		return d.Process(), d.Process(), "/"
	})
}

// Replace is the one thing that everybody relies on: whatever operation of it the machine stops at, the file has the
// old content or the new, and the new if Replace had returned.
func TestReplaceSurvivesACrashAtEveryOperation(t *testing.T) {
	outcomes := map[string]int{}
	for seed := range uint64(50) {
		for stop := 1; ; stop++ {
			d := New(seed)
			must(t, disk.Replace(d.Process(), "/a", []byte("old"), 0o600))
			d.SetFault(stopAt(d.Ops() + stop))
			err := disk.Replace(d.Process(), "/a", []byte("new"), 0o600)
			d.SetFault(nil)
			d.Crash()
			got, readErr := disk.ReadFile(d.Process(), "/a", 100)
			must(t, readErr)
			outcomes[string(got)]++
			if s := string(got); s != "new" && (s != "old" || err == nil) {
				t.Fatalf("seed %d, stopped at operation %d: the file holds %q, and Replace had returned %v",
					seed, stop, got, err)
			}
			if err == nil {
				break
			}
		}
	}
	if outcomes["old"] == 0 || outcomes["new"] == 0 {
		t.Fatalf("the crashes didn't reach both outcomes: %v", outcomes)
	}
}

func TestACrashKeepsWhatWasSyncedAndTearsTheRest(t *testing.T) {
	kept := map[string]int{}
	for seed := range uint64(200) {
		d := New(seed)
		p := d.Process()
		f, err := p.Create("/a", 0o600)
		must(t, err)
		put(t, f, "synced.", 0)
		must(t, f.Sync())
		must(t, p.SyncDir("/"))
		put(t, f, "rest", 7)
		d.Crash()
		got, err := disk.ReadFile(d.Process(), "/a", 100)
		must(t, err)
		if string(got[:7]) != "synced." {
			t.Fatalf("seed %d: %q is left", seed, got)
		}
		kept[string(got[7:])]++
		if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, ErrOff) {
			t.Fatalf("a file of a dead process was written: %v", err)
		}
	}
	for _, want := range []string{"", "rest", "re", "\x00\x00st"} {
		if kept[want] == 0 {
			t.Errorf("no crash of 200 left %q of the unsynced write: %v", want, kept)
		}
	}
}

func TestAFailedSyncLosesDataThatReadsGoOnShowing(t *testing.T) {
	lost := 0
	for seed := range uint64(50) {
		d := New(seed)
		p := d.Process()
		must(t, disk.Replace(p, "/a", nil, 0o600))
		f, err := p.OpenWrite("/a")
		must(t, err)
		put(t, f, "data", 0)
		d.SetFault(func(Op) error { return syscall.EIO })
		if err := f.Sync(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("sync: %v", err)
		}
		d.SetFault(nil)
		must(t, f.Sync()) // proves nothing
		if got, err := disk.ReadFile(p, "/a", 100); string(got) != "data" {
			t.Fatalf("the page cache shows %q, %v", got, err)
		}
		d.Crash()
		if got, _ := disk.ReadFile(d.Process(), "/a", 100); string(got) != "data" {
			lost++
		}
	}
	if lost == 0 {
		t.Fatal("the data was there after each of 50 crashes")
	}
}

func TestLimits(t *testing.T) {
	d := New(1)
	p := d.Process()
	f, err := p.Create("/a", 0o600)
	must(t, err)
	d.SetLimits(Limits{Bytes: 5, Handles: 1})
	if n, err := f.WriteAt([]byte("1234567"), 0); n != 5 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d bytes: %v", n, err)
	}
	if _, err := f.WriteAt([]byte("9"), 0); err != nil {
		t.Errorf("writing in place on a full disk: %v", err)
	}
	if _, err := p.Open("/a"); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("opening a second file: %v", err)
	}
	d.SetLimits(Limits{ReadOnly: true})
	if _, err := p.OpenWrite("/a"); !errors.Is(err, syscall.EROFS) {
		t.Errorf("opening for writing on a read-only disk: %v", err)
	}
}

func TestAKilledProcessLosesItsLocksAndNothingElse(t *testing.T) {
	d := New(1)
	p := d.Process()
	must(t, disk.Replace(p, "/a", []byte("x"), 0o600))
	_, err := p.Lock("/lock")
	must(t, err)
	p.Kill()
	if _, err := p.Open("/a"); !errors.Is(err, ErrOff) {
		t.Errorf("a dead process opened a file: %v", err)
	}
	other := d.Process()
	if _, err := other.Lock("/lock"); err != nil {
		t.Errorf("the lock outlived its process: %v", err)
	}
}

func TestTheSameSeedLosesTheSame(t *testing.T) {
	run := func() string {
		d := New(7)
		p := d.Process()
		for i := range 20 {
			f, err := p.Create(fmt.Sprintf("/%02d", i), 0o600)
			must(t, err)
			put(t, f, "some content", 0)
			if i%3 == 0 {
				must(t, f.Sync())
			}
			if i == 10 {
				must(t, p.SyncDir("/"))
			}
		}
		d.Crash()
		p = d.Process()
		names, err := p.List("/")
		must(t, err)
		out := ""
		for _, n := range names {
			b, err := disk.ReadFile(p, "/"+n, 100)
			must(t, err)
			out += fmt.Sprintf("%s=%q ", n, b)
		}
		return out
	}
	if a, b := run(), run(); a != b {
		t.Fatalf("two runs:\n%s\n%s", a, b)
	}
}

// stopAt stops the machine at the n-th operation of the disk.
func stopAt(n int) Fault {
	return func(op Op) error {
		if op.N >= n {
			return ErrOff
		}
		return nil
	}
}

func put(t *testing.T, f disk.File, s string, off int64) {
	t.Helper()
	if _, err := f.WriteAt([]byte(s), off); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A disk that lies says that it has synced, and has only a while later: a crash before that loses what was written, one
// after it doesn't, and later writes wait for a sync of their own.
func TestALyingDiskIsLate(t *testing.T) {
	var later []func()
	kept := map[string]int{}
	for seed := range uint64(100) {
		for _, settled := range []int{0, 1, 2} {
			d := New(seed)
			p := d.Process()
			f, err := p.Create("/a", 0o600)
			must(t, err)
			must(t, p.SyncDir("/"))
			later = nil
			d.SetLying(func(durable func()) { later = append(later, durable) })
			put(t, f, "one", 0)
			must(t, f.Sync())
			put(t, f, "two", 3)
			must(t, f.Sync())
			for _, durable := range later[:settled] {
				durable()
			}
			d.Crash()
			for _, durable := range later {
				durable() // too late
			}
			got, err := disk.ReadFile(d.Process(), "/a", 100)
			must(t, err)
			if want := "onetwo"[:3*settled]; len(got) < len(want) || string(got[:len(want)]) != want {
				t.Fatalf("seed %d: after %d syncs it holds %q", seed, settled, got)
			}
			kept[string(got)]++
		}
	}
	if kept[""] == 0 || kept["one"] == 0 {
		t.Errorf("nothing was lost: %v", kept)
	}
}
