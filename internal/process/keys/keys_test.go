package keys

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
)

func TestAKeyThatWasMadeIsLoadedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "signing.key")
	made, err := New(disk.OS{}, path, Signing)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(disk.OS{}, path, Signing)
	if err != nil || loaded.Public() != made.Public() {
		t.Fatalf("loaded %v (%v), made %v", loaded, err, made)
	}
	if pub := loaded.Public(); !ed25519.Verify(pub[:], []byte("m"), made.Sign([]byte("m"))) {
		t.Error("the loaded key doesn't verify the made one's signature")
	}
	shown, err := Show(disk.OS{}, path)
	if err != nil || shown != (Description{Signing, made.Public()}) {
		t.Errorf("shown %+v, %v", shown, err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

func TestAKeyIsNeverOverwritten(t *testing.T) {
	d := simdisk.New(1).Process()
	first, err := New(d, "/k", Identity)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(d, "/k", Identity); !errors.Is(err, ErrExists) {
		t.Errorf("making another: %v", err)
	}
	if _, err := Import(d, "/k", Identity, []byte(strings.Repeat("ab", 32))); !errors.Is(err, ErrExists) {
		t.Errorf("importing another: %v", err)
	}
	if again, err := Load(d, "/k", Identity); err != nil || again.Public() != first.Public() {
		t.Errorf("loaded %v, %v", again, err)
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	good := string(FromSeed(Signing, [32]byte{1}).text())
	for name, c := range map[string]struct {
		text string
		mode fs.FileMode
		want error
	}{
		"readable by the group": {good, 0o640, ErrExposed},
		"readable by others":    {good, 0o604, ErrExposed},
		"of another purpose":    {string(FromSeed(Identity, [32]byte{1}).text()), 0o600, ErrPurpose},
		"empty":                 {"", 0o600, ErrBroken},
		"a digit changed":       {strings.Replace(good, "secret key: 0", "secret key: 1", 1), 0o600, ErrBroken},
		"cut off":               {good[:len(good)-1], 0o600, ErrBroken},
		"something after it":    {good + "x", 0o600, ErrBroken},
		"a line twice": {strings.Replace(good, "purpose: signing\n", "purpose: signing\npurpose: signing\n",
			1), 0o600, ErrBroken},
		"of another version":     {strings.Replace(good, "version 1", "version 2", 1), 0o600, ErrBroken},
		"of an unknown purpose":  {resum(strings.Replace(good, "signing", "cooking", 1)), 0o600, ErrBroken},
		"of another algorithm":   {resum(strings.Replace(good, "ed25519", "ed448", 1)), 0o600, ErrBroken},
		"with a foreign public":  {resum(strings.Replace(good, "public key: c", "public key: d", 1)), 0o600, ErrBroken},
		"too long to be a key":   {strings.Repeat("x", maxFile+1), 0o600, nil},
		"an upper-case secret":   {resum(upperSecret(good)), 0o600, ErrBroken},
		"with a carriage return": {strings.ReplaceAll(good, "\n", "\r\n"), 0o600, ErrBroken},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k")
			if err := disk.Replace(disk.OS{}, path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Load(disk.OS{}, path, Signing)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Fatalf("loading it: %v", err)
			}
			if strings.Contains(err.Error(), "0100000000") {
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
	if _, err := Load(disk.OS{}, filepath.Join(t.TempDir(), "k"), Signing); !errors.Is(err, ErrMissing) {
		t.Errorf("loading what isn't there: %v", err)
	}
}

// resum puts the right checksum on changed lines.
func resum(text string) string {
	lines := text[:strings.Index(text, "checksum: ")]
	return lines + "checksum: " + checksum([]byte(lines)) + "\n"
}

func upperSecret(text string) string {
	at := strings.Index(text, "secret key: ") + len("secret key: ")
	return text[:at] + strings.ToUpper(strings.Repeat("ab", 32)) + text[at+64:]
}

func TestImport(t *testing.T) {
	d := simdisk.New(1).Process()
	want := FromSeed(Signing, [32]byte{1})
	seed := "01" + strings.Repeat("00", 31)
	for path, text := range map[string]string{"/text": string(want.text()), "/seed": seed,
		"/seed with space": " " + seed + "\n"} {
		got, err := Import(d, path, Signing, []byte(text))
		if err != nil || got.Public() != want.Public() {
			t.Errorf("%s: %v, %v", path, got, err)
		}
		if _, err := Load(d, path, Signing); err != nil {
			t.Errorf("loading %s: %v", path, err)
		}
	}
	if _, err := Import(d, "/other", Identity, want.text()); !errors.Is(err, ErrPurpose) {
		t.Errorf("importing a signing key as identity: %v", err)
	}
	if _, err := Import(d, "/other", Signing, []byte("hello")); !errors.Is(err, ErrBroken) {
		t.Errorf("importing nonsense: %v", err)
	}
}

func TestASecretIsNeverShown(t *testing.T) {
	s := FromSeed(Signing, [32]byte{0xde, 0xad, 0xbe, 0xef})
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("starting", "key", s, "config", struct{ Key Secret }{s})
	slog.New(slog.NewJSONHandler(&log, nil)).Info("starting", "key", s, "config", struct{ Key Secret }{s})
	js, err := json.Marshal(map[string]any{"key": s, "in": struct{ Key Secret }{s}})
	if err != nil {
		t.Fatal(err)
	}
	hidden := "%v %+v %#v %x" // fmt asks no method of an unexported field
	shown := log.String() + string(js) + fmt.Sprintf("%v %+v %#v %s %q %x %X %d", s, s, s, s, s, s, s, s) +
		fmt.Sprintf("%v %+v %#v %x", &s, struct{ Key Secret }{s}, []Secret{s}, struct{ Key Secret }{s}) +
		fmt.Sprintf(hidden, struct{ key Secret }{s}, struct{ key Secret }{s}, struct{ key Secret }{s},
			struct{ key Secret }{s})
	for _, secret := range []string{"deadbeef", "DEADBEEF", "222 173 190 239", "0xde, 0xad"} {
		if strings.Contains(shown, secret) {
			t.Errorf("the secret shows as %s in %s", secret, shown)
		}
	}
	if (Secret{}).String() != "no key" {
		t.Error("an empty key must be printable")
	}
}

// The file's text is a format that others write and read: a changed byte is a new version.
func TestTheTextStaysAsItIs(t *testing.T) {
	want := "reeve key, version 1\npurpose: signing\nalgorithm: ed25519\n" +
		"public key: cecc1507dc1ddd7295951c290888f095adb9044d1b73d696e6df065d683bd4fc\n" +
		"secret key: 01" + strings.Repeat("00", 31) + "\nchecksum: "
	got := string(FromSeed(Signing, [32]byte{1}).text())
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if sum, err := hex.DecodeString(strings.TrimSpace(got[len(want):])); err != nil || len(sum) != checksumSize {
		t.Errorf("checksum %q", got[len(want):])
	}
}

func FuzzParse(f *testing.F) {
	good := FromSeed(Signing, [32]byte{1}).text()
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(strings.Repeat("ab", 32)))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrBroken) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if !bytes.Equal(s.text(), text) {
			t.Fatalf("%q was accepted, and is written as another text", text)
		}
	})
}
