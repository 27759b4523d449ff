package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// node is a gateway whose sources the test controls.
type node struct {
	config Config
	socket string
}

func newNode(t *testing.T) *node {
	n := &node{socket: filepath.Join(t.TempDir(), "kv.http.sock")}
	n.config = Config{
		Hosts:   []string{"127.0.0.1", "localhost"},
		Chain:   func(name string) (string, bool) { return n.socket, name == "kv" },
		Alive:   func(context.Context) error { return nil },
		Checks:  func(context.Context) []Check { return []Check{{Name: "engine", OK: true}} },
		Info:    func(context.Context) (*Info, error) { return &Info{Name: "v1", Peers: 3}, nil },
		Metrics: prometheus.NewRegistry(),
	}
	return n
}

func (n *node) serve(t *testing.T) string {
	s := httptest.NewServer(New(n.config).Handler())
	t.Cleanup(s.Close)
	return s.URL
}

// vm serves the chain's socket, as the process that hosts the VM does.
func (n *node) vm(t *testing.T, handler http.HandlerFunc) {
	l, err := net.Listen("unix", n.socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestReadinessNamesWhatIsWrong(t *testing.T) {
	n := newNode(t)
	url := n.serve(t)
	if status, body := get(t, url+"/ext/health/readiness"); status != 200 || !strings.Contains(body, `"healthy":true`) {
		t.Errorf("a healthy node: %d %s", status, body)
	}
	n.config.Checks = func(context.Context) []Check {
		return []Check{{Name: "engine", OK: true}, {Name: "keystore", Cause: "killed by signal 9"}}
	}
	status, body := get(t, n.serve(t)+"/ext/health/readiness")
	var health Health
	if err := json.Unmarshal([]byte(body), &health); err != nil {
		t.Fatal(err)
	}
	if status != 503 || health.Healthy || health.Checks[1].Cause != "killed by signal 9" {
		t.Errorf("got %d %+v", status, health)
	}
}

func TestASourceThatHangsIsAnAnswer(t *testing.T) {
	n := newNode(t)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	n.config.Checks = func(context.Context) []Check { <-hang; return nil }
	n.config.Info = func(context.Context) (*Info, error) { <-hang; return nil, nil }
	url := n.serve(t)
	begin := time.Now()
	for _, path := range []string{"/ext/health/readiness", "/ext/info"} {
		if status, body := get(t, url+path); status != 503 || !strings.Contains(body, "answer") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if d := time.Since(begin); d > 4*sourceTimeout {
		t.Errorf("took %v", d)
	}
}

func TestLivenessFollowsTheLoop(t *testing.T) {
	n := newNode(t)
	n.config.Alive = func(context.Context) error { return errors.New("the loop hasn't turned for 9s") }
	if status, body := get(t, n.serve(t)+"/ext/health/liveness"); status != 503 || !strings.Contains(body, "9s") {
		t.Errorf("%d %s", status, body)
	}
}

func TestAChainIsPassedOnWithPathQueryAndBody(t *testing.T) {
	n := newNode(t)
	n.vm(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, body)
	})
	r, err := http.Post(n.serve(t)+"/ext/bc/kv/tx?x=1", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != 202 || string(body) != "POST /ext/bc/kv/tx?x=1 hello" {
		t.Errorf("%d %s", r.StatusCode, body)
	}
}

func TestEventsArriveOneByOne(t *testing.T) {
	n := newNode(t)
	more := make(chan struct{})
	n.vm(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: 1\n\n")
		http.NewResponseController(w).Flush()
		<-more
		fmt.Fprint(w, "data: 2\n\n")
	})
	r, err := http.Get(n.serve(t) + "/ext/bc/kv/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	first := make([]byte, 9)
	if _, err := io.ReadFull(r.Body, first); err != nil || string(first) != "data: 1\n\n" {
		t.Fatalf("%q %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(r.Body); err != nil || string(rest) != "data: 2\n\n" {
		t.Errorf("%q %v", rest, err)
	}
}

func TestADeadHostIs503AndAnUnknownChain404(t *testing.T) {
	url := newNode(t).serve(t)
	if status, body := get(t, url+"/ext/bc/kv/head"); status != 503 || !strings.Contains(body, "isn't there") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(t, url+"/ext/bc/gold/head"); status != 404 || !strings.Contains(body, "no chain gold") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(t, url+"/etc/passwd"); status != 404 {
		t.Errorf("%d", status)
	}
}

func TestWhatNoPartShouldHaveToLookAtIsRefused(t *testing.T) {
	n := newNode(t)
	n.vm(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
	url := n.serve(t)
	endless := io.LimitReader(zeros{}, 2*maxBody) // without a length
	for name, c := range map[string]struct {
		method, path, host string
		body               io.Reader
		want               int
	}{
		"another page's name":   {"GET", "/ext/info", "evil.example", nil, 403},
		"a strange method":      {"BREW", "/ext/bc/kv/", "localhost", nil, 405},
		"too long":              {"POST", "/ext/bc/kv/tx", "localhost", bytes.NewReader(make([]byte, maxBody+1)), 413},
		"too long, unannounced": {"POST", "/ext/bc/kv/tx", "localhost", endless, 413},
		"a batch may be longer": {"POST", "/ext/bc/kv/txs", "localhost:9650",
			bytes.NewReader(make([]byte, maxBody+1)), 200},
		"our own name":           {"GET", "/ext/info", "LOCALHOST:9650", nil, 200},
		"information by POST":    {"POST", "/ext/info", "localhost", nil, 404},
		"the address in bracket": {"GET", "/ext/info", "[::1]:9650", nil, 403},
	} {
		r, err := http.NewRequest(c.method, url+c.path, c.body)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		answer.Body.Close()
		if answer.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, answer.StatusCode, c.want)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestServeFinishesWhatItHasBegun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop()
		fmt.Fprint(w, "done")
	})
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, t.Context(), l, slow, httpdoor.Places{}, slog.New(slog.DiscardHandler)) }()
	if status, body := get(t, "http://"+l.Addr().String()); status != 200 || body != "done" {
		t.Errorf("%d %s", status, body)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAProofIsServedAsItIsAndARefusalSaysWhy(t *testing.T) {
	n := newNode(t)
	n.config.Proof = func(_ context.Context, chain, at string) ([]byte, error) {
		switch chain + "/" + at {
		case "kv/5":
			return []byte{1, 2, 3}, nil
		case "kv/0":
			return nil, fmt.Errorf("%w: it is the genesis block", ErrNoProof)
		case "kv/7":
			return nil, errors.New("the host is down")
		}
		return nil, ErrNoBlock
	}
	url := n.serve(t) + "/ext/chain/"
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"kv/proof/5": {200, "\x01\x02\x03"},
		"kv/proof/0": {409, "genesis"},
		"kv/proof/7": {503, "down"},
		"x/proof/5":  {404, "no such block"},
	} {
		if status, body := get(t, url+path); status != want.status || !strings.Contains(body, want.says) {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
}

func TestWhyIsToldAndARefusalSaysWhatIsMissing(t *testing.T) {
	n := newNode(t)
	n.config.Why = func(_ context.Context, chain, at string) (*Why, error) {
		switch chain + "/" + at {
		case "kv/5":
			return &Why{Chain: chain, Height: 5, Decision: &Decision{Round: 3}}, nil
		case "kv/7":
			return nil, errors.New("the engine is down")
		}
		return nil, ErrNoBlock
	}
	url := n.serve(t) + "/ext/chain/"
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"kv/why/5": {200, `"round":3`},
		"kv/why/7": {503, "down"},
		"x/why/5":  {404, "no such block"},
	} {
		if status, body := get(t, url+path); status != want.status || !strings.Contains(body, want.says) {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
}

func TestStepsAreToldAtTheDoorForMonitoringAlone(t *testing.T) {
	n := newNode(t)
	about := primitives.Hash{0xca}
	n.config.Steps = func(_ context.Context, of []byte) (*Steps, error) {
		if !bytes.HasPrefix(about[:], of) {
			return nil, errors.New("too many ask at once")
		}
		return &Steps{Node: "v1", Steps: []Step{{About: about, Part: "candidate-backing", What: "second"}}}, nil
	}
	s := httptest.NewServer(New(n.config).Monitoring())
	t.Cleanup(s.Close)
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		about.String():                   {200, `"what":"second"`},
		(primitives.Hash{0xcb}).String(): {503, "too many"},
		about.String()[:8]:               {200, about.String()},
		about.String()[:6]:               {400, "the first 8 are needed"},
		"nonsense":                       {400, "64 hexadecimal digits"},
	} {
		status, body := get(t, s.URL+"/ext/steps/"+path)
		if status != want.status || !strings.Contains(body, want.says) {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if status, _ := get(t, n.serve(t)+"/ext/steps/"+about.String()); status != 404 {
		t.Errorf("at the door for clients: %d", status)
	}
}
