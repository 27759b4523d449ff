package pebbledisk

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/services/availabilitystore"
)

const validators = 4

func candidateOf(n int) primitives.Hash {
	return primitives.HashOf(fmt.Appendf(nil, "candidate %d", n))
}

// part is what a candidate's data is, and with a validator its chunk: other bytes for each.
func part(id primitives.Hash, validator int) []byte {
	return bytes.Repeat(append(id[:], byte(validator)), 50)
}

const wholeData = -1 // in the place of a validator

// puts is a batch that keeps a candidate's data with all chunks and its record.
func puts(n int) availabilitystore.Work {
	id := candidateOf(n)
	r := availability.Record{
		Candidate: id, Validators: validators, Bytes: 1, Data: true,
		Chunks: primitives.Bits{Length: validators, Bytes: []byte{1<<validators - 1}},
	}
	b := availability.Batch{Number: uint64(n + 1), Age: time.Duration(n+1) * time.Second}
	b.Actions = []availability.Action{
		availability.Put{Candidate: id, Data: true, Chunks: []uint32{0, 1, 2, 3}}, availability.Write{Record: r},
	}
	return availabilitystore.Work{
		Batch: b, Data: part(id, wholeData), Chunk: func(v uint32) []byte { return part(id, int(v)) },
	}
}

// drops is a batch that deletes all of a candidate.
func drops(n int, age time.Duration) availabilitystore.Work {
	b := availability.Batch{Number: 1000 + uint64(n), Age: age}
	b.Actions = []availability.Action{availability.Drop{Candidate: candidateOf(n)}}
	return availabilitystore.Work{Batch: b}
}

// expected is what must be on a disk: of the candidates that a write under way is about, either may be true.
type expected struct {
	kept, gone map[primitives.Hash]bool
	age        time.Duration // at least
}

// The power is cut before each operation that changes the disk: of what wasn't synced any part may be there. What Write
// has acknowledged is there, and what it has dropped isn't; every record has all its parts, and no part is without its
// record.
func TestAPowerCutAtAnyMomentLeavesRecordsWithTheirParts(t *testing.T) {
	const candidates, before = 24, 4
	memory := vfs.NewCrashableMem()
	if err := memory.MkdirAll("/availability", 0o700); err != nil { // as the data directory is
		t.Fatal(err)
	}
	luck := rand.New(rand.NewPCG(1, 2))
	want := expected{kept: map[primitives.Hash]bool{}, gone: map[primitives.Hash]bool{}}
	var one sync.Mutex // the library writes in the background as well
	cuts, dropped := 0, 0
	cut := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		one.Lock()
		defer one.Unlock()
		after := memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: luck.IntN(3) * 50, RNG: luck})
		if cuts++; !t.Failed() {
			survives(t, after, want, candidates)
		}
		return nil
	})
	d, err := Open(errorfs.Wrap(memory, cut), "/availability", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	note := func(f func()) {
		one.Lock()
		defer one.Unlock()
		f()
	}
	for n := range candidates {
		works, old := []availabilitystore.Work{puts(n)}, n-before
		if old >= 0 && n%2 == 0 { // what had its time goes with what comes
			note(func() { delete(want.kept, candidateOf(old)) })
			works = append(works, drops(old, time.Duration(n+1)*time.Second))
		}
		if err := d.Write(works); err != nil {
			t.Fatal(err)
		}
		note(func() {
			want.kept[candidateOf(n)], want.age = true, time.Duration(n+1)*time.Second
			if len(works) > 1 {
				want.gone[candidateOf(old)] = true
				dropped++
			}
		})
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d power cuts", cuts); cuts < 2*candidates || dropped == 0 {
		t.Errorf("only %d power cuts, %d candidates were dropped", cuts, dropped)
	}
}

func survives(t *testing.T, fs vfs.FS, want expected, candidates int) {
	t.Helper()
	d, err := Open(fs, "/availability", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Errorf("after a power cut: %v", err)
		return
	}
	defer d.Close()
	records, age, err := d.Load()
	if err != nil || age < want.age {
		t.Errorf("after a power cut the age is %v of %v: %v", age, want.age, err)
	}
	known := map[primitives.Hash]bool{}
	for _, r := range records {
		known[r.Candidate] = true
	}
	for n := range candidates {
		id := candidateOf(n)
		if want.kept[id] && !known[id] || want.gone[id] && known[id] {
			t.Errorf("after a power cut candidate %d is there: %v", n, known[id])
		}
		for v := wholeData; v < validators; v++ {
			b, err := d.Chunk(id, uint32(v))
			if v == wholeData {
				b, err = d.Data(id)
			}
			if err != nil || (b != nil) != known[id] || known[id] && !bytes.Equal(b, part(id, v)) {
				t.Errorf("after a power cut part %d of candidate %d has %d bytes, its record is there: %v; %v",
					v, n, len(b), known[id], err)
			}
		}
	}
}
