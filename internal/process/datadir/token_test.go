package datadir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/process/errcode"
)

func TestATokenThatIsNoSecretIsRefusedWithWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		mode fs.FileMode
		says []string // nothing: it is taken
	}{
		"its own":                {"secret\n", 0o600, nil},
		"one that only is read":  {"secret", 0o400, nil},
		"empty":                  {"", 0o600, []string{"is empty", "reeve node init"}},
		"blank":                  {" \n", 0o600, []string{"is empty"}},
		"readable by all":        {"secret\n", 0o644, []string{"can be read by others", "0644", "chmod 600"}},
		"readable by a group":    {"secret\n", 0o640, []string{"can be read by others"}},
		"writable by others":     {"secret\n", 0o602, []string{"can be read by others"}},
		"empty and for everyone": {"", 0o666, []string{"can be read by others"}},
	} {
		path := filepath.Join(t.TempDir(), "engine.token")
		if err := errors.Join(os.WriteFile(path, []byte(c.text), 0o600), os.Chmod(path, c.mode)); err != nil {
			t.Fatal(err)
		}
		token, err := ReadToken(path)
		if len(c.says) == 0 {
			if err != nil || string(token) != "secret" {
				t.Errorf("%s: %q, %v", name, token, err)
			}
			continue
		}
		var e *errcode.Error
		if !errors.As(err, &e) || e.ID != errcode.KeyBroken || len(token) > 0 {
			t.Errorf("%s: %q, %v", name, token, err)
			continue
		}
		for _, says := range append(c.says, path) {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %q doesn't say %q", name, err, says)
			}
		}
	}
}

func TestATokenThatIsMadeIsTaken(t *testing.T) {
	h := Node{Dir: t.TempDir(), Name: "v1"}
	if _, err := Token(h, "engine"); err == nil || !strings.Contains(err.Error(), "no token of engine") {
		t.Errorf("none yet: %v", err)
	}
	if _, err := MakeToken(h, "engine"); err != nil {
		t.Fatal(err)
	}
	if token, err := Token(h, "engine"); err != nil || len(token) != 64 {
		t.Errorf("%q, %v", token, err)
	}
}
