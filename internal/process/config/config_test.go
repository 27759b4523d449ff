package config

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The tests' node has one part, with a section of its own.
type clock struct {
	Listen string   `koanf:"listen"`
	Peers  []string `koanf:"peers"`
	Strict bool     `koanf:"strict"`
	Ticks  int      `koanf:"ticks"`
}

var schema = Schema{{
	Name: "clock",
	Settings: []Setting{
		{Key: "listen", Default: "127.0.0.1:9651", Usage: "address for other clocks", Listens: true},
		{Key: "peers", Default: []string{}, Usage: "more clocks"},
		{Key: "strict", Default: false, Usage: "believe nobody"},
		{Key: "ticks", Default: 60, Usage: "a minute"},
	},
	Check: func(c *Config) error {
		var k clock
		if err := c.Section("clock", &k); err != nil {
			return err
		}
		if k.Ticks < 1 {
			return errors.New("clock.ticks should be at least 1")
		}
		return nil
	},
}}

func nothing(string) (string, bool) { return "", false }

func section(t *testing.T, c *Config) (k clock) {
	t.Helper()
	if err := c.Section("clock", &k); err != nil {
		t.Fatal(err)
	}
	return k
}

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
	c, err := schema.Load("/nowhere/v3/config.toml", nil, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "v3" || c.HTTP.Listen != "127.0.0.1:9650" || c.Drain.Timeout != 5*time.Second ||
		c.Origin("clock.listen") != "default" {
		t.Errorf("got %+v", c)
	}
	if diff := cmp.Diff(clock{Listen: "127.0.0.1:9651", Peers: []string{}, Ticks: 60}, section(t, c)); diff != "" {
		t.Error(diff)
	}
}

func TestTheCommandLineWinsOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	path := write(t, "[http]\nlisten = '127.0.0.1:1'\n[clock]\nlisten = '127.0.0.1:2'\n[metrics]\nlisten = '127.0.0.1:3'\n")
	env := map[string]string{
		"REEVE_CLOCK_LISTEN": "127.0.0.1:20", "REEVE_METRICS_LISTEN": "127.0.0.1:30", "REEVE_CLOCK_PEERS": "/a,/b",
		"REEVE_CLOCK_STRICT": "true",
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	c, err := schema.Load(path, map[string]string{"metrics-listen": "127.0.0.1:300", "clock-ticks": "7"}, lookup)
	if err != nil {
		t.Fatal(err)
	}
	want := clock{Listen: "127.0.0.1:20", Peers: []string{"/a", "/b"}, Strict: true, Ticks: 7}
	if diff := cmp.Diff(want, section(t, c)); diff != "" {
		t.Error(diff)
	}
	wantAt := map[string]string{"http.listen": "127.0.0.1:1", "clock.listen": "127.0.0.1:20",
		"metrics.listen": "127.0.0.1:300"}
	if diff := cmp.Diff(wantAt, c.Listens()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{[]string{"/a", "/b"}, true, 7},
		[]any{c.Value("clock.peers"), c.Value("clock.strict"), c.Value("clock.ticks")}); diff != "" {
		t.Error(diff)
	}
	origins := []string{c.Origin("http.listen"), c.Origin("clock.listen"), c.Origin("metrics.listen"),
		c.Origin("log.level")}
	if diff := cmp.Diff([]string{"file " + path, "environment REEVE_CLOCK_LISTEN", "flag --metrics-listen", "default"},
		origins); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	path := write(t, "")
	want := map[string]any{
		"name": "v7", "http.listen": "127.0.0.1:7", "http.hosts": []string{"a \"b\"", "c"},
		"clock.listen": "127.0.0.1:8", "clock.strict": true, "clock.ticks": 3,
	}
	if err := schema.Write(path, want); err != nil {
		t.Fatal(err)
	}
	c, err := schema.LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "v7" || c.HTTP.Listen != "127.0.0.1:7" || strings.Join(c.HTTP.Hosts, ";") != "a \"b\";c" {
		t.Errorf("%+v", c)
	}
	if diff := cmp.Diff(clock{Listen: "127.0.0.1:8", Peers: []string{}, Strict: true, Ticks: 3},
		section(t, c)); diff != "" {
		t.Error(diff)
	}
	if got := slices.Sorted(maps.Keys(c.Written())); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("from the file come %v", got)
	}
	if err := schema.Write(path, map[string]any{"clock.color": 1}); err == nil {
		t.Error("wrote what can't be read back")
	}
}

func TestAWrongFileIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"steak = 1":                           "unknown key steak",
		"[steak]\nlisten = 'x'":               "did you mean http.listen?",
		"ticks = 1":                           "did you mean clock.ticks?",
		"listen = 'x'":                        "did you mean http.listen?",
		"[http]\nlisten = 'nonsense'":         "http.listen",
		"[http]\nconnections = 4":             "http.connections",
		"[http]\nconnections = 400":           "http.connections-per-address",
		"[http]\ncalls-per-second = -1":       "http.calls-per-second",
		"[clock]\nlisten = 'nonsense'":        "clock.listen",
		"[clock]\nlisten = '127.0.0.1:65536'": "clock.listen",
		"[clock]\nlisten = '127.0.0.1:-1'":    "clock.listen",
		" \n":                                 "is empty",
		"[http]\nlisten = {a = 1}":            "unknown key http.listen.a",
		"[log]\nlevel = 'loud'":               "log.level",
		"[drain]\ntimeout = '-1s'":            "drain.timeout",
		"[drain]\ntimeout = 'soon'":           "drain.timeout",
		"[clock]\nticks = 0":                  "clock.ticks",
		"[clock]\nticks = 'many'":             "clock",
		"this is no TOML":                     "config.toml",
		"name = 'a'\nname = 'b'":              "config.toml",
		"[http]\nlisten = [['127.0.0.1:1']]]": "config.toml",
	} {
		if _, err := schema.Load(write(t, text), nil, nothing); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error about %q, got %v", text, want, err)
		}
	}
}

func TestEverySettingCanBeSetEverywhere(t *testing.T) {
	for _, s := range schema.Settings() {
		if s.Env() != strings.ToUpper(s.Env()) || !strings.HasPrefix(s.Env(), "REEVE_") ||
			strings.Contains(s.Flag(), ".") {
			t.Errorf("%s: %s, --%s", s.Key, s.Env(), s.Flag())
		}
		if s.Usage == "" {
			t.Errorf("%s isn't explained", s.Key)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("[http]\nlisten = '127.0.0.1:1'")
	f.Add("[[clock]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := schema.LoadFile(path); err == nil && c.check() != nil {
			t.Fatal("accepted what its own check refuses")
		}
	})
}
