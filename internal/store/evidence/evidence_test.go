package evidence

import (
	"bytes"
	"crypto/ed25519"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
)

const dir = "/data/evidence/kv"

// twice is evidence that validator i gave two commit votes in round 0 of a height.
func twice(t testing.TB, i byte, height uint64, other byte) *evidence.Evidence {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, ed25519.SeedSize))
	var both [2]evidence.Signed
	for n, b := range []byte{1, other} {
		payload, err := signbytes.Vote{Height: height, Phase: signbytes.Commit, Block: primitives.Hash{b}}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		both[n] = evidence.Signed{Payload: payload, Signature: [64]byte(ed25519.Sign(key, payload))}
	}
	e, err := evidence.New(key.Public().(ed25519.PublicKey), both[0], both[1])
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func open(t testing.TB, d *simdisk.Disk) *Store {
	t.Helper()
	s, err := Open(d.Process(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keep(t testing.TB, s *Store, e *evidence.Evidence) bool {
	t.Helper()
	added, err := s.Keep(e)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// heights lists at which heights validators are accused.
func heights(t testing.TB, d *simdisk.Disk, s *Store) map[string]int {
	t.Helper()
	files, err := List(d.Process(), dir)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]int{}
	for _, f := range files {
		if f.Err != nil {
			t.Fatal(f.Err)
		}
		of[primitives.Hash(f.Evidence.Key()).Short()]++
		if !has(s, f.Evidence.Key(), f.Evidence.Place().Height) {
			t.Errorf("%s is on the disk, and the store doesn't know it", f.ID.Short())
		}
	}
	if len(files) != s.Len() {
		t.Errorf("%d files, the store knows %d", len(files), s.Len())
	}
	return of
}

func TestEvidenceIsKeptOncePerValidatorAndHeightAndForLong(t *testing.T) {
	d := simdisk.New(1)
	s := open(t, d)
	for _, c := range []struct {
		e     *evidence.Evidence
		added bool
	}{
		{twice(t, 1, 5, 2), true},
		{twice(t, 1, 5, 2), false},
		{twice(t, 1, 5, 3), false},
		{twice(t, 1, 6, 2), true},
		{twice(t, 2, 5, 2), true},
	} {
		if added := keep(t, s, c.e); added != c.added {
			t.Errorf("%s: added %v", c.e, added)
		}
	}
	d.Crash()
	s = open(t, d)
	if got := heights(t, d, s); len(got) != 2 || s.Len() != 3 {
		t.Errorf("after a power cut: %v", got)
	}
	if keep(t, s, twice(t, 2, 5, 9)) {
		t.Error("after a power cut a second one is kept")
	}
	if has(s, twice(t, 3, 5, 2).Key(), 5) {
		t.Error("it has evidence that nobody gave it")
	}
}

// Whoever fills the store hides nobody else's faults, and of his own the earliest stay.
func TestAFullStoreKeepsSomethingAgainstEverybody(t *testing.T) {
	d := simdisk.New(1)
	s := open(t, d)
	s.most = 10
	for h := range uint64(100) {
		if added := keep(t, s, twice(t, 1, h, 2)); added != (h < 10) {
			t.Fatalf("height %d: added %v", h, added)
		}
	}
	for i := byte(2); i <= 5; i++ {
		for h := range uint64(100) {
			keep(t, s, twice(t, i, h, 2))
		}
	}
	of := heights(t, d, s)
	if s.Len() != 10 || len(of) != 5 {
		t.Errorf("%d are kept: %v", s.Len(), of)
	}
	for who, n := range of {
		if n != 2 {
			t.Errorf("%d against %s", n, who)
		}
	}
	if !has(s, twice(t, 1, 0, 2).Key(), 0) {
		t.Error("the first fault made room")
	}
}

func TestAFullStoreHoldsAThousand(t *testing.T) {
	d := simdisk.New(1)
	s := open(t, d)
	for h := range uint64(Most + 50) {
		keep(t, s, twice(t, 1, h, 2))
	}
	if s.Len() != Most {
		t.Errorf("%d are kept", s.Len())
	}
}

// A power cut at any operation leaves whole files only, what was kept before, and no more than there may be.
func TestAPowerCutAtAnyMomentLeavesWholeEvidence(t *testing.T) {
	for seed := range uint64(3) {
		for stop := 1; ; stop++ {
			d := simdisk.New(seed)
			s := open(t, d)
			s.most = 2
			keep(t, s, twice(t, 1, 1, 2))
			keep(t, s, twice(t, 1, 2, 2))
			begun := d.Ops()
			d.SetFault(func(op simdisk.Op) error {
				if op.N == begun+stop {
					return simdisk.ErrOff
				}
				return nil
			})
			_, err := s.Keep(twice(t, 2, 1, 2))
			d.Crash()
			d.SetFault(nil)
			s = open(t, d)
			of := heights(t, d, s)
			if !has(s, twice(t, 1, 1, 2).Key(), 1) || err == nil && len(of) != 2 {
				t.Fatalf("seed %d, stopped at operation %d (%v): %v", seed, stop, err, of)
			}
			if names, _ := d.Process().List(dir); len(names) != s.Len() {
				t.Fatalf("seed %d, stopped at operation %d: %v", seed, stop, names)
			}
			s.most = 2
			if keep(t, s, twice(t, 2, 2, 2)); s.Len() > 2 {
				t.Fatalf("seed %d, stopped at operation %d: %d are kept", seed, stop, s.Len())
			}
			if err == nil {
				break // the fault came too late
			}
		}
	}
}

func TestAFullDiskIsAnErrorAndTheNextTryKeepsIt(t *testing.T) {
	d := simdisk.New(1)
	s := open(t, d)
	d.SetFault(func(op simdisk.Op) error {
		if op.Kind == simdisk.Write {
			return syscall.ENOSPC
		}
		return nil
	})
	if _, err := s.Keep(twice(t, 1, 1, 2)); err == nil {
		t.Fatal("it was kept on a full disk")
	}
	d.SetFault(nil)
	if !keep(t, s, twice(t, 1, 1, 2)) {
		t.Error("it isn't kept when there is room")
	}
}

func TestADamagedFileIsNamedAndWhatIsNoEvidenceIsLeftAlone(t *testing.T) {
	d := simdisk.New(1)
	s := open(t, d)
	good, moved := twice(t, 1, 1, 2), twice(t, 2, 1, 2)
	keep(t, s, good)
	p := d.Process()
	for name, content := range map[string][]byte{
		moved.ID().String() + Suffix:            good.Encode(),
		primitives.Hash{1}.String() + Suffix:    []byte("something"),
		primitives.Hash{2}.String() + Suffix:    make([]byte, evidence.MaxSize+1),
		"README":                                []byte("text"),
		"half" + Suffix:                         good.Encode(),
		primitives.Hash{3}.String() + ".backup": good.Encode(),
	} {
		if err := disk.Replace(p, filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := List(p, dir)
	if err != nil || len(files) != 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if (f.Err == nil) != (f.ID == good.ID()) {
			t.Errorf("%s: %v", f.ID, f.Err)
		}
	}
	if s := open(t, d); s.Len() != 1 {
		t.Errorf("%d are known", s.Len())
	}
	if names, _ := p.List(dir); len(names) != 7 {
		t.Errorf("something was removed: %v", names)
	}
}

func TestADirectoryThatIsNotThereHoldsNone(t *testing.T) {
	if files, err := List(simdisk.New(1).Process(), dir); err != nil || len(files) != 0 {
		t.Errorf("%v, %v", files, err)
	}
}

func has(s *Store, key ed25519.PublicKey, height uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.kept[fault{[ed25519.PublicKeySize]byte(key), height}]
	return ok
}
