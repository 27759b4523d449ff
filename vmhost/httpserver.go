package vmhost

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/bus/httpproxy"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

const (
	// metricsLimit is how long the plugin may take to list its metrics before the rest is shown without them.
	metricsLimit = time.Second
	// answerLimit is how long its answer to a user may take to begin.
	answerLimit = 20 * time.Second
	// poolLimit is how long a connection to it is kept without use.
	poolLimit = 30 * time.Second
)

// httpServer serves the VM's handlers for the gateway: it passes requests on to the plugin, with the token that the
// plugin wants. It runs beside the handler, which only tells it where the plugin is. While there is none it says so,
// and why.
type httpServer struct {
	server *httpdoor.Door
	socket string
	file   os.FileInfo     // of the socket that is listened at
	ended  <-chan struct{} // its listener has
	target atomic.Pointer[target]
	cause  atomic.Pointer[string]
	chain  string
	log    *slog.Logger
	tracer trace.Tracer
}

// target is the plugin that answers; its proxy is nil when the VM serves no HTTP.
type target struct {
	proxy *httpproxy.Proxy
	vm    pluginv1.VMServiceClient
}

func listenHTTP(socket, chain string, log *slog.Logger, tracing trace.TracerProvider) (*httpServer, error) {
	s := &httpServer{chain: chain, log: log, socket: socket}
	if tracing != nil {
		s.tracer = tracing.Tracer("github.com/reevenet/reeve/vmhost")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("/", s.pass)
	s.server = httpdoor.Inner(mux, log)
	return s, s.listen()
}

func (s *httpServer) listen() error {
	os.Remove(s.socket)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.socket, Net: "unix"})
	if err != nil {
		return fmt.Errorf("the chain's HTTP socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // what is there by then may be another's
	if err = os.Chmod(s.socket, 0o600); err == nil {
		s.file, err = os.Lstat(s.socket)
	}
	if err != nil {
		l.Close()
		return fmt.Errorf("the chain's HTTP socket: %w", err)
	}
	s.answer(l)
	return nil
}

func (s *httpServer) answer(l net.Listener) {
	ended := make(chan struct{})
	s.ended = ended
	go func() {
		defer close(ended)
		_ = s.server.Serve(l) // it logs why
	}()
}

// there tells whether the socket's file is the one that is listened at.
func (s *httpServer) there() bool {
	now, err := os.Lstat(s.socket)
	return err == nil && os.SameFile(now, s.file)
}

// keep makes the socket again when something has removed its file, or its listener has ended. The cause is why there is
// none; empty: there is.
func (s *httpServer) keep() (cause string) {
	lost := "somebody has removed it"
	select {
	case <-s.ended:
		lost = "its listener has ended"
	default:
		if s.there() {
			return ""
		}
	}
	if err := s.listen(); err != nil {
		return err.Error()
	}
	s.log.Warn("the chain's HTTP socket was made again: "+lost, "socket", s.socket)
	return ""
}

func (s *httpServer) close() {
	s.server.Close()
	if s.there() {
		os.Remove(s.socket)
	}
}

// serve passes requests to a plugin from now on.
func (s *httpServer) serve(h *pluginv1.CreateHandlersResponse, vm pluginv1.VMServiceClient) {
	t := &target{vm: vm}
	if h.GetSocket() != "" {
		t.proxy = httpproxy.New(h.GetSocket(), httpproxy.Options{
			TokenHeader: vmsdk.TokenHeader, Token: h.GetToken(), Inner: true, Tracer: s.tracer,
			Name:          "/ext/bc/" + s.chain,
			HeaderTimeout: answerLimit, IdleTimeout: poolLimit, Failed: s.failed, Log: s.log,
		})
	}
	s.replace(t)
}

// down stops passing.
func (s *httpServer) down() { s.replace(nil) }

func (s *httpServer) replace(t *target) {
	if old := s.target.Swap(t); old != nil && old.proxy != nil {
		old.proxy.Close()
	}
}

// explain is what askers hear meanwhile.
func (s *httpServer) explain(cause string) { s.cause.Store(&cause) }

func (s *httpServer) pass(w http.ResponseWriter, r *http.Request) {
	switch t := s.target.Load(); {
	case t == nil:
		s.absent(w, "")
	case t.proxy == nil:
		problem(w, http.StatusNotFound, "the VM of chain "+s.chain+" serves no HTTP")
	default:
		t.proxy.ServeHTTP(w, r)
	}
}

func (s *httpServer) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the asker has gone
	}
	s.absent(w, err.Error())
}

// absent says that the VM can't be asked now, why, and when to ask again.
func (s *httpServer) absent(w http.ResponseWriter, detail string) {
	cause := "it is starting"
	if c := s.cause.Load(); c != nil && *c != "" {
		cause = *c
	} else if detail != "" {
		cause = detail
	}
	w.Header().Set("Retry-After", "1")
	problem(w, http.StatusServiceUnavailable, "the VM of chain "+s.chain+" isn't running: "+cause)
}

func problem(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text})
}

// metrics are the plugin's, in the Prometheus text format; a plugin that doesn't answer in time is left out, and said
// to be.
func (s *httpServer) metrics(w http.ResponseWriter, r *http.Request) {
	up := 0
	var text []byte
	if t := s.target.Load(); t != nil {
		ctx, cancel := context.WithTimeout(r.Context(), metricsLimit)
		defer cancel()
		if a, err := t.vm.GatherMetrics(ctx, &pluginv1.GatherMetricsRequest{}); err == nil {
			up, text = 1, a.GetText()
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(w, "# HELP reeve_vm_up The plugin answered with its metrics in time.\n# TYPE reeve_vm_up gauge\nreeve_vm_up{chain=%q} %d\n", s.chain, up)
	_, _ = w.Write(text)
}
