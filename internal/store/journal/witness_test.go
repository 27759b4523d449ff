package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
)

// here is a journal on the machine's disk.
func here(t *testing.T) Place {
	t.Helper()
	p := Place{Disk: disk.OS{}, Dir: t.TempDir(), Key: key}
	must(t, Create(p))
	return p
}

func openHere(t *testing.T, p Place) *Journal {
	t.Helper()
	j, err := Open(p)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// back puts a content in the place of a file, as different tools do.
var back = map[string]func(path string, content []byte) error{
	"written over": func(path string, content []byte) error { return os.WriteFile(path, content, 0o600) },
	"moved over": func(path string, content []byte) error {
		return errors.Join(os.WriteFile(path+".copy", content, 0o600), os.Rename(path+".copy", path))
	},
	"removed and made": func(path string, content []byte) error {
		return errors.Join(os.Remove(path), os.WriteFile(path, content, 0o600))
	},
}

// A copy of the log is made at one moment of its life, and put back at a later one: the key has signed meanwhile.
func TestALogThatIsPutBackIsRefusedWhateverPutItThere(t *testing.T) {
	moments := map[string]func(t *testing.T, p Place, height uint64){
		"a run": func(t *testing.T, p Place, height uint64) {
			j := openHere(t, p)
			must(t, sign(t, j, blockAt(height, 1)))
			must(t, j.Close())
		},
		"a run that was killed": func(t *testing.T, p Place, height uint64) {
			j := openHere(t, p)
			must(t, sign(t, j, blockAt(height, 1)))
			must(t, errors.Join(j.file.Close(), j.seen.file.Close(), j.lock.Close())) // as the end of a process does
		},
	}
	for tool, put := range back {
		for what, run := range moments {
			p := here(t)
			run(t, p, 1)
			before, err := os.ReadFile(p.log())
			must(t, err)
			run(t, p, 2)
			must(t, put(p.log(), before))
			isRefused(t, p, tool+" after "+what)
		}
		p := here(t)
		j := openHere(t, p)
		must(t, sign(t, j, blockAt(1, 1)))
		amidst, err := os.ReadFile(p.log())
		must(t, err)
		must(t, sign(t, j, blockAt(2, 1)))
		must(t, j.Close())
		must(t, put(p.log(), amidst))
		isRefused(t, p, tool+", from the same run")
	}
}

// isRefused looks that the log isn't taken, and that the operator's word with a floor makes it one that can't
// contradict, with a fencing number that nobody had.
func isRefused(t *testing.T, p Place, when string) {
	t.Helper()
	_, err := Open(p)
	if _, ok := errors.AsType[*OperatorError](err); !ok || !strings.Contains(err.Error(), "was put back") {
		t.Errorf("%s: %v", when, err)
		return
	}
	if err := Adopt(p, Floors{}); err == nil || !strings.Contains(err.Error(), "up to which height") {
		t.Errorf("%s: adopted without a floor: %v", when, err)
	}
	floor := uint64(2)
	must(t, Adopt(p, Floors{Height: &floor}))
	j := openHere(t, p)
	if sign(t, j, blockAt(2, 2)) == nil {
		t.Errorf("%s: signed again", when)
	}
	must(t, sign(t, j, blockAt(3, 1)))
	if epoch := j.Stats().Epoch; epoch < 3 {
		t.Errorf("%s: epoch %d was given before", when, epoch)
	}
	must(t, j.Close())
}

func TestALockThatSaysNothingAnyMoreIsRefused(t *testing.T) {
	p := here(t)
	must(t, openHere(t, p).Close())
	must(t, os.Truncate(p.lock(), 0))
	var operator *OperatorError
	if _, err := Open(p); !errors.As(err, &operator) {
		t.Errorf("%v", err)
	}
}

// A version without a witness has left a log and an empty lock.
func TestALogOfAVersionWithoutAWitnessIsTakenOnce(t *testing.T) {
	p := here(t)
	j := openHere(t, p)
	must(t, sign(t, j, blockAt(1, 1)))
	must(t, j.Close())
	log, err := os.ReadFile(p.log())
	must(t, err)
	binary.BigEndian.PutUint32(log[8:], 2)
	binary.BigEndian.PutUint32(log[508:], crc32.Checksum(log[:508], castagnoli))
	must(t, os.WriteFile(p.log(), log, 0o600))
	must(t, os.Truncate(p.lock(), 0))
	must(t, openHere(t, p).Close())
	must(t, os.WriteFile(p.log(), log, 0o600))
	if _, err := Open(p); err == nil {
		t.Error("taken twice")
	}
}

// The size of the file changes seldom: a commit is written over zeros.
func TestCommitsAreWrittenOverZeros(t *testing.T) {
	p := here(t)
	j := openHere(t, p)
	sizes := map[int64]bool{}
	for h := range uint64(1000) {
		must(t, sign(t, j, blockAt(h, 1)))
		info, err := os.Stat(filepath.Join(p.Dir, logName))
		must(t, err)
		sizes[info.Size()] = true
	}
	if len(sizes) > 6 {
		t.Errorf("the size changed %d times", len(sizes))
	}
	must(t, j.Close())
	j = openHere(t, p)
	if got := j.Stats(); got.Records != 1000 || got.Torn != 0 {
		t.Errorf("%+v", got)
	}
	must(t, j.Close())
}

// After a commit that failed, or none, an opening and the next one each have one operation fail, at any two places. The
// log stays the newest: after a power cut it is taken, and remembers.
func TestTwoOpeningsThatFailAndAPowerCutMakeNoOldLogOfTheNewest(t *testing.T) {
	const most = 30
	tries := 0
	for first := 1; first <= most; first++ {
		for second := 1; second <= most; second++ {
			d := fresh(t, uint64(100*first+second))
			j := mustOpen(t, d)
			acked := blockAt(1, 1)
			if err := sign(t, j, acked); err != nil {
				t.Fatal(err)
			}
			if (first+second)%2 == 0 {
				d.SetFault(func(op simdisk.Op) error {
					if op.Kind == simdisk.Sync {
						return syscall.EIO
					}
					return nil
				})
				_, _ = j.Commit([]signbytes.Payload{blockAt(2, 1)})
				d.SetFault(nil)
			}
			_ = j.Close()
			for _, fails := range []int{first, second} {
				start := d.Ops()
				d.SetFault(func(op simdisk.Op) error {
					if op.N == start+fails {
						tries++
						return syscall.EIO
					}
					return nil
				})
				if j, err := Open(place(d)); err == nil {
					_ = j.Close() // may fail, too
				}
			}
			d.SetFault(nil)
			remembers(t, d, []signbytes.Block{acked}, fmt.Sprintf("operations %d and %d", first, second))
		}
	}
	if tries < most*most {
		t.Errorf("only %d operations failed", tries)
	}
}
