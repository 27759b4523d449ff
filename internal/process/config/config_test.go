package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func nothing(string) (string, bool) { return "", false }

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "v1", "config.toml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWithoutAFileEverythingHasItsDefault(t *testing.T) {
	c, from, err := Load("/nowhere/v3/config.toml", nil, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "v3" || c.HTTP.Listen != "127.0.0.1:9650" || c.Drain.Timeout != 5*time.Second || from["p2p.listen"] != "default" {
		t.Errorf("got %+v from %v", c, from)
	}
}

func TestTheCommandLineWinsOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	path := write(t, "[http]\nlisten = '127.0.0.1:1'\n[p2p]\nlisten = '127.0.0.1:2'\n[metrics]\nlisten = '127.0.0.1:3'\n")
	env := map[string]string{"REEVE_P2P_LISTEN": "127.0.0.1:20", "REEVE_METRICS_LISTEN": "127.0.0.1:30", "REEVE_P2P_PEERS": "/a,/b"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	c, from, err := Load(path, map[string]string{"metrics-listen": "127.0.0.1:300"}, lookup)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.HTTP.Listen, c.P2P.Listen, c.Metrics.Listen, strings.Join(c.P2P.Peers, " ")}
	want := []string{"127.0.0.1:1", "127.0.0.1:20", "127.0.0.1:300", "/a /b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	origins := []string{from["http.listen"], from["p2p.listen"], from["metrics.listen"], from["log.level"]}
	want = []string{"file " + path, "environment REEVE_P2P_LISTEN", "flag --metrics-listen", "default"}
	if diff := cmp.Diff(want, origins); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	path := write(t, "")
	want, _, err := Load(path, map[string]string{"http-listen": "127.0.0.1:7", "p2p-peers": "/ip4/1.2.3.4/tcp/5"}, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(path, want); err != nil {
		t.Fatal(err)
	}
	got, _, err := Load(path, nil, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAWrongFileIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"steak = 1":                           "unknown key steak",
		"listen = 'x'":                        "did you mean http.listen?",
		"[http]\nlisten = 'nonsense'":         "http.listen",
		"[http]\nlisten = {a = 1}":            "unknown key http.listen.a",
		"[log]\nlevel = 'loud'":               "log.level",
		"[drain]\ntimeout = '-1s'":            "drain.timeout",
		"[drain]\ntimeout = 'soon'":           "drain.timeout",
		"[vm]\nsha256 = 'abc'":                "vm.sha256",
		"this is no TOML":                     "config.toml",
		"name = 'a'\nname = 'b'":              "config.toml",
		"[http]\nlisten = [['127.0.0.1:1']]]": "config.toml",
	} {
		if _, _, err := Load(write(t, text), nil, nothing); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error about %q, got %v", text, want, err)
		}
	}
}

func TestEverySettingCanBeSetEverywhere(t *testing.T) {
	for _, s := range Settings {
		if s.Env() != strings.ToUpper(s.Env()) || !strings.HasPrefix(s.Env(), "REEVE_") || strings.Contains(s.Flag(), ".") {
			t.Errorf("%s: %s, --%s", s.Key, s.Env(), s.Flag())
		}
		if s.Usage == "" {
			t.Errorf("%s isn't explained", s.Key)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("[http]\nlisten = '127.0.0.1:1'")
	f.Add("[[p2p]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, _, err := Load(path, nil, nothing); err == nil && c.Check() != nil {
			t.Fatal("accepted what its own check refuses")
		}
	})
}
