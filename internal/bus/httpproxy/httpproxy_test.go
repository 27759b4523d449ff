package httpproxy

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// behind is what a server on a unix socket sees of a request that went through the proxies, the outermost first.
func behind(t *testing.T, r *http.Request, options ...Options) (seen *http.Request, answer *httptest.ResponseRecorder) {
	t.Helper()
	dir, handler := t.TempDir(), http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		io.WriteString(w, "answer")
	}))
	var front *Proxy
	for i := len(options) - 1; i >= 0; i-- {
		socket := filepath.Join(dir, string(rune('a'+i)))
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: handler}
		go server.Serve(l)
		options[i].Log, options[i].HeaderTimeout = slog.New(slog.DiscardHandler), 10*time.Second
		front = New(socket, options[i])
		t.Cleanup(func() {
			front.Close()
			server.Close()
		})
		handler = front
	}
	answer = httptest.NewRecorder()
	front.ServeHTTP(answer, r)
	return seen, answer
}

func TestWhoAskedIsKnownBehindTwoProxies(t *testing.T) {
	r := httptest.NewRequest("GET", "http://node.example/ext/bc/kv/x?y=1", nil)
	r.RemoteAddr = "192.0.2.7:1234"
	r.Header.Set("X-Forwarded-For", "a lie")
	seen, answer := behind(t, r, Options{}, Options{Inner: true, TokenHeader: "Token", Token: "secret"})
	if answer.Code != 200 || answer.Body.String() != "answer" {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	if seen.Host != "node.example" || seen.URL.Path != "/ext/bc/kv/x" || seen.URL.RawQuery != "y=1" {
		t.Errorf("%s %s", seen.Host, seen.URL)
	}
	if got := seen.Header.Get("X-Forwarded-For"); got != "192.0.2.7" {
		t.Errorf("the client is %q", got)
	}
	if seen.Header.Get("X-Forwarded-Host") != "node.example" {
		t.Errorf("%v", seen.Header)
	}
}

func TestTheTokenIsTheProxysOwn(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Token"] = []string{"guessed", "secret"}
	seen, _ := behind(t, r, Options{TokenHeader: "Token", Token: "secret"})
	if got := seen.Header["Token"]; len(got) != 1 || got[0] != "secret" {
		t.Errorf("the server sees %v", got)
	}
}

func TestAServerThatIsNotThereIsSaidToBe(t *testing.T) {
	var why error
	p := New(filepath.Join(t.TempDir(), "nobody"),
		Options{Log: slog.New(slog.DiscardHandler), Failed: func(w http.ResponseWriter, _ *http.Request, err error) {
			why = err
			w.WriteHeader(http.StatusServiceUnavailable)
		}})
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	if answer.Code != http.StatusServiceUnavailable || !errors.Is(why, syscall.ENOENT) {
		t.Errorf("%d, %v", answer.Code, why)
	}
}

// What a user says of traces counts for nothing; what the node's outer proxy says goes on.
func TestTheNodeDecidesWhichRequestsAreTraced(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder),
		trace.WithSampler(trace.ParentBased(trace.NeverSample())))
	tracer, forged := provider.Tracer(""), "00-"+strings.Repeat("ab", 16)+"-"+strings.Repeat("cd", 8)+"-01"
	for sampled, spans := range map[float64]int{0: 0, 1: 2} {
		recorder.Reset()
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Traceparent", forged)
		seen, _ := behind(t, r, Options{Tracer: tracer, Sampled: sampled}, Options{Tracer: tracer, Inner: true})
		got := seen.Header.Get("Traceparent")
		if n := len(recorder.Started()); n != spans || got == forged || (got != "") != (spans > 0) {
			t.Errorf("with a share of %v: %d spans, the server sees %q", sampled, n, got)
		}
		// The inner one ends after the user has his answer, so the spans that have started are what is looked at.
		if spans > 0 && recorder.Started()[1].Parent().SpanID() != recorder.Started()[0].SpanContext().SpanID() {
			t.Error("the inner proxy's span isn't below the outer one's")
		}
	}
}
