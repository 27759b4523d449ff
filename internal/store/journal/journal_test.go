package journal

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/signlog"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
)

var key = [32]byte{1}

func blockAt(height uint64, body byte) signbytes.Block {
	return signbytes.Block{NetworkID: 1, Height: height, BodyHash: primitives.Hash{body}}
}

// fresh is a machine on which a key was just made.
func fresh(t testing.TB, seed uint64) *simdisk.Disk {
	d := simdisk.New(seed)
	if err := Create(place(d)); err != nil {
		t.Fatal(err)
	}
	return d
}

// place is where a new process of the machine finds the journal. Files are written anew soon, so that tests get there
// too.
func place(d *simdisk.Disk) Place {
	return Place{Disk: d.Process(), Dir: "/keystore", Key: key, CompactAt: 4000}
}

func mustOpen(t testing.TB, d *simdisk.Disk) *Journal {
	t.Helper()
	j, err := Open(place(d))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// sign commits one payload and tells whether it was refused.
func sign(t testing.TB, j *Journal, p signbytes.Payload) error {
	t.Helper()
	outcomes, err := j.Commit([]signbytes.Payload{p})
	if err != nil {
		t.Fatal(err)
	}
	return outcomes[0].Err
}

func TestWhatWasSignedIsRememberedByTheNext(t *testing.T) {
	d := fresh(t, 1)
	for epoch := range uint64(5) {
		j := mustOpen(t, d)
		if s := j.Stats(); s.Epoch != epoch+1 || s.Records != epoch {
			t.Fatalf("start %d: %+v", epoch, s)
		}
		if err := sign(t, j, blockAt(epoch, 1)); err != nil {
			t.Fatal(err)
		}
		for h := range epoch + 1 {
			var conflict *signlog.ConflictError
			if err := sign(t, j, blockAt(h, 2)); !errors.As(err, &conflict) {
				t.Fatalf("another block at height %d: %v", h, err)
			}
			if err := sign(t, j, blockAt(h, 1)); err != nil {
				t.Fatalf("the same block at height %d: %v", h, err)
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARepeatMakesNoRecordAndNoSync(t *testing.T) {
	d := fresh(t, 1)
	j := mustOpen(t, d)
	_ = sign(t, j, blockAt(1, 1))
	before, size := d.Ops(), j.Stats().Bytes
	_ = sign(t, j, blockAt(1, 1))
	if d.Ops() != before || j.Stats().Bytes != size || j.Stats().Records != 1 {
		t.Errorf("%d operations, %+v", d.Ops()-before, j.Stats())
	}
}

// A validator signs for years. Its log holds what is remembered, and not much more.
func TestALogStaysWithinAFewTimesWhatIsRemembered(t *testing.T) {
	d := simdisk.New(1)
	p := place(d)
	p.Limits = signlog.Limits{Chains: 1, BlocksPerChain: 8, VotesPerChain: 1, VoteBytes: 1000, Collations: 1}
	if err := Create(p); err != nil {
		t.Fatal(err)
	}
	j, err := Open(p)
	if err != nil {
		t.Fatal(err)
	}
	most, rewritten := int64(0), 0
	for height := range uint64(2000) {
		before := j.Stats().Bytes
		if err := sign(t, j, blockAt(height, 1)); err != nil {
			t.Fatal(err)
		}
		if now := j.Stats().Bytes; now < before {
			rewritten++
		} else {
			most = max(most, now)
		}
	}
	if most > 2*p.CompactAt || rewritten < 10 {
		t.Errorf("it has had %d bytes, and was written anew %d times", most, rewritten)
	}
}

func TestABatchIsOneSync(t *testing.T) {
	d := fresh(t, 1)
	j := mustOpen(t, d)
	syncs := 0
	d.SetFault(func(op simdisk.Op) error {
		if op.Kind == simdisk.Sync {
			syncs++
		}
		return nil
	})
	outcomes, err := j.Commit([]signbytes.Payload{blockAt(1, 1), blockAt(1, 2), blockAt(1, 1), blockAt(2, 1)})
	if err != nil || syncs != 1 {
		t.Fatalf("%d syncs, %v", syncs, err)
	}
	for i, refused := range []bool{false, true, false, false} {
		if refused != (outcomes[i].Err != nil) {
			t.Errorf("payload %d: %v", i, outcomes[i].Err)
		}
	}
}

func TestASecondSignerIsRefusedInOneSentence(t *testing.T) {
	d := fresh(t, 1)
	j := mustOpen(t, d)
	_, err := Open(place(d))
	if !errors.Is(err, disk.ErrLocked) || strings.Contains(err.Error(), "\n") {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, d)
}

// A file system may have no working locks. The second signer starts a new file; the first one notices before it
// answers.
func TestAStaleSignerIsFenced(t *testing.T) {
	d := fresh(t, 1)
	stale := mustOpen(t, d)
	_ = stale.lock.Close()
	now := mustOpen(t, d)
	if _, err := stale.Commit([]signbytes.Payload{blockAt(1, 1)}); err == nil {
		t.Fatal("the first signer went on")
	}
	if err := sign(t, now, blockAt(1, 2)); err != nil {
		t.Fatal(err)
	}
	if now.Stats().Epoch != stale.Stats().Epoch+1 {
		t.Errorf("epochs %d and %d", stale.Stats().Epoch, now.Stats().Epoch)
	}
}

func TestWhatOnlyAnOperatorKnows(t *testing.T) {
	used := func(t *testing.T) *simdisk.Disk {
		d := fresh(t, 1)
		j := mustOpen(t, d)
		_ = sign(t, j, blockAt(5, 1))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		return d
	}
	for name, spoil := range map[string]func(t *testing.T) *simdisk.Disk{
		"never made": func(*testing.T) *simdisk.Disk { return simdisk.New(1) },
		"lost": func(t *testing.T) *simdisk.Disk {
			d := used(t)
			must(t, d.Process().Remove("/keystore/sign.log"))
			return d
		},
		"a copy":   func(t *testing.T) *simdisk.Disk { return used(t).Copy(2) },
		"damaged":  func(t *testing.T) *simdisk.Disk { d := used(t); flip(t, d, 1700); return d },
		"cut off":  func(t *testing.T) *simdisk.Disk { d := used(t); truncate(t, d, 1600); return d },
		"emptied":  func(t *testing.T) *simdisk.Disk { d := used(t); truncate(t, d, 0); return d },
		"no log":   func(t *testing.T) *simdisk.Disk { d := used(t); flip(t, d, 0); return d },
		"of later": func(t *testing.T) *simdisk.Disk { d := used(t); flip(t, d, 11); return d },
	} {
		t.Run(name, func(t *testing.T) {
			d := spoil(t)
			_, err := Open(place(d))
			var need *OperatorError
			if text := fmt.Sprint(err); !errors.As(err, &need) || !strings.Contains(text, "reeve keys adopt") ||
				strings.Contains(text, "\n") {
				t.Fatal(err)
			}
			if err := Adopt(place(d), Floors{Height: new(uint64(7))}); err != nil {
				t.Fatal(err)
			}
			j := mustOpen(t, d)
			if err := sign(t, j, blockAt(7, 2)); err == nil {
				t.Error("a block at the floor was signed")
			}
			if err := sign(t, j, blockAt(8, 2)); err != nil {
				t.Errorf("a block above the floor: %v", err)
			}
		})
	}
}

func TestAdoptingACopyKeepsWhatItRemembers(t *testing.T) {
	d := fresh(t, 1)
	j := mustOpen(t, d)
	_ = sign(t, j, blockAt(5, 1))
	must(t, j.Close())
	moved := d.Copy(2)
	must(t, Adopt(place(moved), Floors{}))
	if err := sign(t, mustOpen(t, moved), blockAt(5, 2)); err == nil {
		t.Error("it contradicted what the copy remembers")
	}
}

func TestAdoptingNothingTakesAFloor(t *testing.T) {
	if err := Adopt(place(simdisk.New(1)), Floors{}); err == nil {
		t.Error("an empty log was adopted without a floor")
	}
	session := uint32(3)
	d := simdisk.New(1)
	must(t, Adopt(place(d), Floors{Session: &session}))
	vote := signbytes.Statement{Context: signbytes.Context{Session: 3}, Verdict: signbytes.Valid}
	var pruned *signlog.PrunedError
	if err := sign(t, mustOpen(t, d), vote); !errors.As(err, &pruned) {
		t.Errorf("a statement of the session of the floor: %v", err)
	}
}

func TestALogOfAnotherKeyIsNeverTaken(t *testing.T) {
	d := fresh(t, 1)
	j := mustOpen(t, d)
	_ = sign(t, j, blockAt(5, 1))
	must(t, j.Close())
	other := place(d)
	other.Key = [32]byte{2}
	if _, err := Open(other); err == nil {
		t.Error("it was opened")
	}
	if err := Create(other); !errors.Is(err, ErrExists) {
		t.Errorf("it was replaced: %v", err)
	}
	if err := Adopt(other, Floors{Height: new(uint64)}); err == nil {
		t.Error("it was adopted")
	}
}

// An empty log moves with its key: only opening it ties it to a place.
func TestAnUnusedLogCanBeMoved(t *testing.T) {
	if _, err := Open(place(fresh(t, 1).Copy(2))); err != nil {
		t.Fatal(err)
	}
}

// Every operation of a busy hour fails once, with each error that disks have: nothing is acknowledged that isn't
// remembered when the journal is opened again, and it can be opened again.
func TestEveryOperationFailsOnce(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO, syscall.EMFILE, syscall.EROFS} {
		failures, unharmed := 0, 0
		for n := 1; ; n++ {
			d := fresh(t, uint64(n))
			start := d.Ops()
			d.SetFault(func(op simdisk.Op) error {
				if op.N == start+n {
					return fault
				}
				return nil
			})
			acked, err := busyHour(place(d))
			if d.Ops() < start+n {
				break
			}
			if err == nil {
				unharmed++ // making the file shorter failed, which stops nothing
			} else if !errors.Is(err, fault) {
				t.Fatalf("%v at operation %d became %v", fault, n, err)
			}
			failures++
			d.SetFault(nil)
			remembers(t, d, acked, fmt.Sprintf("%v at operation %d", fault, n))
		}
		t.Logf("%v: %d failures, %d of them unharmful", fault, failures, unharmed)
		if failures < 100 {
			t.Errorf("%v: only %d operations", fault, failures)
		}
	}
}

// busyHour opens a journal, commits until the file is written anew, twice over, and returns what was acknowledged.
func busyHour(p Place) (acked []signbytes.Block, err error) {
	j, err := Open(p)
	if err != nil {
		return nil, err
	}
	for h := range uint64(40) {
		batch := []signbytes.Payload{blockAt(2*h, 1), blockAt(2*h+1, 1)}
		if _, err := j.Commit(batch); err != nil {
			return acked, errors.Join(err, j.Close())
		}
		acked = append(acked, batch[0].(signbytes.Block), batch[1].(signbytes.Block))
	}
	return acked, j.Close()
}

func remembers(t *testing.T, d *simdisk.Disk, acked []signbytes.Block, when string) {
	t.Helper()
	d.Crash() // what the page cache shows isn't what is on the disk
	j, err := Open(place(d))
	if err != nil {
		t.Fatalf("%s: opened again: %v", when, err)
	}
	for _, b := range acked {
		b.BodyHash[0]++
		if err := sign(t, j, b); err == nil {
			t.Fatalf("%s: the %s was forgotten", when, b)
		}
	}
}

// The kernel forgets that a sync failed, and shows data that isn't on the disk. Opening writes all anew, so that what
// is acknowledged then survives.
func TestOpeningDoesNotTrustThePageCache(t *testing.T) {
	for seed := range uint64(50) {
		d := fresh(t, seed)
		j := mustOpen(t, d)
		d.SetFault(func(op simdisk.Op) error {
			if op.Kind == simdisk.Sync {
				return syscall.EIO
			}
			return nil
		})
		if _, err := j.Commit([]signbytes.Payload{blockAt(1, 1)}); !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		d.SetFault(nil)
		if _, err := j.Commit([]signbytes.Payload{blockAt(2, 1)}); !errors.Is(err, syscall.EIO) {
			t.Fatalf("a commit after a failed sync: %v", err)
		}
		_ = j.Close()
		again := mustOpen(t, d)
		if err := sign(t, again, blockAt(1, 1)); err != nil {
			t.Fatal(err)
		}
		remembers(t, d, []signbytes.Block{blockAt(1, 1)}, fmt.Sprint("seed ", seed))
	}
}

func TestAFullDiskIsOvercomeByOpeningAgain(t *testing.T) {
	d := fresh(t, 1)
	j := mustOpen(t, d)
	d.SetLimits(simdisk.Limits{Bytes: 1})
	if _, err := j.Commit([]signbytes.Payload{blockAt(1, 1)}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	_ = j.Close()
	if _, err := Open(place(d)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("opened while the disk is full: %v", err)
	}
	d.SetLimits(simdisk.Limits{})
	if err := sign(t, mustOpen(t, d), blockAt(1, 1)); err != nil {
		t.Fatal(err)
	}
}

func flip(t *testing.T, d *simdisk.Disk, at int64) {
	t.Helper()
	f, err := d.Process().OpenWrite("/keystore/sign.log")
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	must(t, err)
	b[0] ^= 4
	_, err = f.WriteAt(b, at)
	must(t, err)
}

func truncate(t *testing.T, d *simdisk.Disk, size int) {
	t.Helper()
	p := d.Process()
	data, err := disk.ReadFile(p, "/keystore/sign.log", 1<<20)
	must(t, err)
	must(t, disk.Replace(p, "/keystore/sign.log", data[:size], 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
