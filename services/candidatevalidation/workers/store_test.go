package workers

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/services/candidatevalidation/wasmtest"
)

func TestPreparedCodeThatWasDamagedIsPreparedAgain(t *testing.T) {
	code := wasmtest.Adder(t)
	for name, damage := range map[string]func(t *testing.T, dir string){
		"a bit of the machine's code": func(t *testing.T, dir string) {
			files, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			b, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 1
			write(t, files[0], b)
		},
		"a file that is short":   func(t *testing.T, dir string) { write(t, filepath.Join(dir, "module.wasm"), nil) },
		"a file too many":        func(t *testing.T, dir string) { write(t, filepath.Join(dir, "more"), nil) },
		"no checksums":           func(t *testing.T, dir string) { remove(t, filepath.Join(dir, sumsFile)) },
		"checksums of nothing":   func(t *testing.T, dir string) { write(t, filepath.Join(dir, sumsFile), nil) },
		"a link instead of code": func(t *testing.T, dir string) { link(t, filepath.Join(dir, "module.wasm")) },
	} {
		t.Run(name, func(t *testing.T) {
			p := pool(t, Config{})
			isSum(t, p.do(jobOf(code)))
			damage(t, p.store.path(primitives.HashOf(code)))
			again := pool(t, Config{Dir: p.cfg.Dir})
			if _, found := again.store.find(primitives.HashOf(code)); found {
				t.Error("the damage wasn't seen")
			}
			isSum(t, again.do(jobOf(code)))
		})
	}
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, file string) {
	t.Helper()
	remove(t, file)
	if err := os.Symlink("/dev/zero", file); err != nil {
		t.Fatal(err)
	}
}

// Checksums that fit are no proof that this machine can run it: the compiler may be another one.
func TestPreparedCodeOfAnotherMachineIsPreparedAgain(t *testing.T) {
	code := wasmtest.Adder(t)
	p := pool(t, Config{})
	isSum(t, p.do(jobOf(code)))
	dir := p.store.path(primitives.HashOf(code))
	files, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Rename(files[0], filepath.Join(filepath.Dir(files[0]), "other")); err != nil {
		t.Fatal(err)
	}
	text, err := sums(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, sumsFile), text)
	again := pool(t, Config{Dir: p.cfg.Dir})
	if o := again.do(jobOf(code)); o.Detail == "" {
		t.Errorf("%+v", o)
	}
	isSum(t, again.do(jobOf(code)))
}

func TestPreparedCodeTakesSoMuchOfTheDiskAndNoMore(t *testing.T) {
	codes := adders(t, 3)
	p := pool(t, Config{})
	isSum(t, p.do(jobOf(codes[0])))
	size := p.store.entries()[0].size + p.store.entries()[len(p.store.entries())-1].size
	p.store.most = 2*size + size/2
	old := time.Now().Add(-time.Hour)
	isSum(t, p.do(jobOf(codes[1])))
	if err := os.Chtimes(p.store.path(primitives.HashOf(codes[1])), old, old); err != nil {
		t.Fatal(err)
	}
	isSum(t, p.do(jobOf(codes[2])))
	for i, want := range []bool{true, false, true} { // the one that wasn't used for longest
		if _, found := p.store.find(primitives.HashOf(codes[i])); found != want {
			t.Errorf("the %d. code: %v", i, found)
		}
	}
}

func TestWhatAProcessThatDiedHasLeftIsSweptAfterAWhile(t *testing.T) {
	dir := t.TempDir()
	left, recent := filepath.Join(dir, unready+"1"), filepath.Join(dir, unready+"2")
	for _, d := range []string{left, recent} {
		if err := os.MkdirAll(filepath.Join(d, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * abandoned)
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	pool(t, Config{Dir: dir})
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Error("it is still there")
	}
	if _, err := os.Stat(recent); err != nil {
		t.Error(err)
	}
}
