package vmhost

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"sync"
	"sync/atomic"
	"time"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// metricsLimit is how long the plugin may take to list its metrics before the rest is shown without them.
const metricsLimit = time.Second

// httpProxy passes HTTP from the gateway's socket to the plugin's. It runs beside the handler, which only tells it where the plugin
// is. While there is none it says so, and why.
type httpProxy struct {
	server *http.Server
	proxy  *httputil.ReverseProxy
	target atomic.Pointer[target]
	cause  atomic.Pointer[string]
	chain  string
	log    *slog.Logger
}

type target struct {
	socket, token string
	vm            pluginv1.VMServiceClient
}

func listenHTTP(socket, chain string, log *slog.Logger) (*httpProxy, error) {
	os.Remove(socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("the chain's HTTP socket: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("the chain's HTTP socket: %w", err)
	}
	p := &httpProxy{chain: chain, log: log}
	p.proxy = &httputil.ReverseProxy{
		Rewrite:       p.rewrite,
		FlushInterval: -1, // streams are passed on as they come
		BufferPool:    &buffers{},
		ErrorHandler:  p.failed,
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Transport: &http.Transport{
			DialContext:           p.dial,
			MaxIdleConnsPerHost:   256,
			IdleConnTimeout:       30 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", p.metrics)
	mux.HandleFunc("/", p.pass)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() { _ = p.server.Serve(l) }()
	return p, nil
}

// buffers keeps the proxy from allocating 32 KiB for each answer.
type buffers struct{ pool sync.Pool }

// Get gives a buffer.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 8<<10)
}

// Put takes one back.
func (b *buffers) Put(buffer []byte) { b.pool.Put(&buffer) }

func (p *httpProxy) close() { p.server.Close() }

// serve passes requests to a plugin from now on.
func (p *httpProxy) serve(h *pluginv1.CreateHandlersResponse, vm pluginv1.VMServiceClient) {
	p.target.Store(&target{socket: h.GetSocket(), token: h.GetToken(), vm: vm})
	if t, ok := p.proxy.Transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// down stops passing.
func (p *httpProxy) down() { p.target.Store(nil) }

// explain is what askers are told meanwhile.
func (p *httpProxy) explain(cause string) { p.cause.Store(&cause) }

type targetKey struct{}

func (p *httpProxy) pass(w http.ResponseWriter, r *http.Request) {
	t := p.target.Load()
	switch {
	case t == nil:
		p.absent(w, "")
	case t.socket == "":
		problem(w, http.StatusNotFound, "the VM of chain "+p.chain+" serves no HTTP")
	default:
		p.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), targetKey{}, t)))
	}
}

func (p *httpProxy) rewrite(r *httputil.ProxyRequest) {
	t := r.In.Context().Value(targetKey{}).(*target)
	r.Out.URL.Scheme, r.Out.URL.Host = "http", "plugin"
	r.Out.Host = r.In.Host
	r.Out.Header.Set(vmsdk.TokenHeader, t.token)
	r.SetXForwarded()
}

func (p *httpProxy) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	t := p.target.Load()
	if t == nil {
		return nil, fmt.Errorf("no VM is running")
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", t.socket)
}

func (p *httpProxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the asker has gone
	}
	p.absent(w, err.Error())
}

// absent says that the VM can't be asked now, why, and when to ask again.
func (p *httpProxy) absent(w http.ResponseWriter, detail string) {
	cause := "it is starting"
	if c := p.cause.Load(); c != nil && *c != "" {
		cause = *c
	} else if detail != "" {
		cause = detail
	}
	w.Header().Set("Retry-After", "1")
	problem(w, http.StatusServiceUnavailable, "the VM of chain "+p.chain+" isn't running: "+cause)
}

func problem(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text})
}

// metrics are the plugin's, in the Prometheus text format; a plugin that doesn't answer in time is left out, and said to be.
func (p *httpProxy) metrics(w http.ResponseWriter, r *http.Request) {
	up := 0
	var text []byte
	if t := p.target.Load(); t != nil {
		ctx, cancel := context.WithTimeout(r.Context(), metricsLimit)
		defer cancel()
		if a, err := t.vm.GatherMetrics(ctx, &pluginv1.GatherMetricsRequest{}); err == nil {
			up, text = 1, a.GetText()
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(w, "# HELP reeve_vm_up The plugin answered with its metrics in time.\n# TYPE reeve_vm_up gauge\nreeve_vm_up{chain=%q} %d\n", p.chain, up)
	_, _ = w.Write(text)
}
