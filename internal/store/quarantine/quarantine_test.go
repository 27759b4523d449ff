package quarantine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/internal/store/disk"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func store(t *testing.T) *Store {
	return &Store{Dir: filepath.Join(t.TempDir(), "quarantine"), Now: func() time.Time { return noon }}
}

func envelope(n int) []byte {
	return wire.AppendEnvelope(nil, &wire.Envelope{
		Kind: wire.Request, From: "engine", To: "vm", Attempt: 2, ID: wire.NewID(1, uint64(n)),
		Message: bytes.Repeat([]byte{byte(n), '\n'}, 50),
	})
}

func TestAMessageIsKeptShownAndReleasedAsItWas(t *testing.T) {
	s := store(t)
	if list, err := s.List(); len(list) != 0 || err != nil {
		t.Fatal(list, err)
	}
	for n := range 3 {
		if err := s.Keep(envelope(n), "reeve.vm.v1.Verify", "two instances of vm ended"); err != nil {
			t.Fatal(err)
		}
	}
	list, err := (&Store{Dir: s.Dir}).List() // as another process would
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	want := Header{ID: list[1].ID, Variant: "reeve.vm.v1.Verify", From: "engine", To: "vm", Kind: "request", Attempt: 2,
		Cause: "two instances of vm ended", Kept: noon.Add(1), Bytes: len(envelope(1))}
	if diff := cmp.Diff(want, list[1]); diff != "" {
		t.Error(diff)
	}
	if h, env, err := s.Show(list[1].ID); err != nil || h != want || !bytes.Equal(env, envelope(1)) {
		t.Error(h, err)
	}
	if err := s.Release(list[1].ID); err != nil {
		t.Error(err)
	}
	if err := s.Release(list[1].ID); !errors.Is(err, ErrUnknown) {
		t.Errorf("released twice: %v", err)
	}
	if list, _ := s.List(); len(list) != 2 {
		t.Error(list)
	}
}

func TestTheOldestGoFirstAndTheNewestStays(t *testing.T) {
	s := store(t)
	s.MaxMessages, s.MaxBytes = 5, 3000
	for n := range 9 {
		if err := s.Keep(envelope(n), fmt.Sprint("v", n), ""); err != nil {
			t.Fatal(err)
		}
	}
	list, _ := s.List()
	if len(list) != 5 || list[0].Variant != "v4" {
		t.Errorf("%+v", list)
	}
	if err := s.Keep(make([]byte, 10_000), "large", ""); err != nil {
		t.Fatal(err)
	}
	if list, _ := s.List(); len(list) != 1 || list[0].Variant != "large" {
		t.Errorf("%+v", list)
	}
}

func TestNamesLeadNowhereElse(t *testing.T) {
	s := store(t)
	if err := s.Keep(nil, "../../evil variant\x00", "x"); err != nil {
		t.Fatal(err)
	}
	list, err := s.List()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	outside := filepath.Join(filepath.Dir(s.Dir), "secret"+suffix)
	if err := os.WriteFile(outside, []byte("{}\nsecret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"../secret", "", ".", "..", "/etc/passwd"} {
		if _, b, err := s.Show(id); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %q, %v", id, b, err)
		}
		if err := s.Release(id); !errors.Is(err, ErrUnknown) {
			t.Errorf("releasing %q: %v", id, err)
		}
	}
}

func TestADamagedFileIsListedAsSuch(t *testing.T) {
	s := store(t)
	if err := s.Keep(envelope(1), "v", ""); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"1-cut": "", "0-garbage": "no json\nx"} {
		if err := os.WriteFile(filepath.Join(s.Dir, name+suffix), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.List()
	if err != nil || len(list) != 3 || list[1].ID != "1-cut" || list[2].Variant != "v" ||
		list[0].Cause == "" || list[1].Cause == "" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.Release("1-cut"); err != nil {
		t.Errorf("it can't be thrown away: %v", err)
	}
}

func TestWhatACrashLeftHalfWrittenGoesWithTheNextMessage(t *testing.T) {
	s := store(t)
	if err := s.Keep(envelope(1), "v", ""); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"1-v" + suffix + disk.TempSuffix, "2-v" + suffix + ".new"} { // .new: of older builds
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Keep(envelope(2), "v", ""); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(s.Dir)
	if err != nil || len(files) != 2 {
		t.Errorf("beside the two messages there is more: %v, %v", files, err)
	}
}
