package vmsdk

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/bus/intercept"
	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// TokenHeader carries the one-time token of the plugin's HTTP socket.
const TokenHeader = "Reeve-Token"

// httpServer serves the VM's handlers on a unix socket that the host proxies to.
type httpServer struct {
	server   *httpdoor.Door
	prefix   string
	tracer   trace.Tracer
	handlers map[string]http.Handler
	// extensions, longest first, so that the most exact one wins.
	extensions []string
	token      string
}

// CreateHandlers begins to serve the VM's handlers. The socket is made anew each time it is asked.
func (s *Server) CreateHandlers(ctx context.Context, _ *pb.CreateHandlersRequest) (*pb.CreateHandlersResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tree == nil {
		return nil, fmt.Errorf("the VM isn't initialized")
	}
	s.host.db.Committed(0) // the genesis block was durable before anything else was asked
	handlers, err := s.vm.CreateHandlers(ctx)
	if err != nil {
		return nil, fmt.Errorf("the VM's CreateHandlers failed: %w", err)
	}
	s.closeHTTP()
	if len(handlers) == 0 || s.runDir == "" {
		return &pb.CreateHandlersResponse{}, nil
	}
	socket := filepath.Join(s.runDir, "http.sock")
	h := newHTTPServer("/ext/bc/"+s.chain.Name, handlers, s.env.Tracer, s.env.Log)
	if err := h.listen(socket); err != nil {
		return nil, err
	}
	s.http = h
	return &pb.CreateHandlersResponse{Socket: socket, Token: h.token, Extensions: h.extensions}, nil
}

func newHTTPServer(prefix string, handlers map[string]http.Handler, tracer trace.Tracer,
	log *slog.Logger) *httpServer {
	h := &httpServer{prefix: prefix, handlers: handlers, tracer: tracer, token: rand.Text()}
	for extension := range handlers {
		h.extensions = append(h.extensions, extension)
	}
	slices.SortFunc(h.extensions, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	h.server = httpdoor.Inner(h, log)
	return h
}

func (h *httpServer) listen(socket string) error {
	os.Remove(socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("the VM's HTTP socket: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		l.Close()
		return fmt.Errorf("the VM's HTTP socket: %w", err)
	}
	go func() { _ = h.server.Serve(l) }() // its file goes with the listener, which the host notices
	return nil
}

func (s *Server) closeHTTP() {
	if s.http != nil {
		s.http.server.Close()
		s.http = nil
	}
}

// ServeHTTP checks that the request comes from the host and finds the handler.
func (h *httpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get(TokenHeader)), []byte(h.token)) != 1 {
		http.Error(w, "this socket is for the VM's host", http.StatusForbidden)
		return
	}
	r.Header.Del(TokenHeader)
	r, end := h.traced(r)
	defer end()
	path := strings.TrimPrefix(r.URL.Path, h.prefix)
	for _, extension := range h.extensions {
		if rest, ok := cutExtension(path, extension); ok {
			r.URL.Path, r.URL.RawPath = rest, ""
			h.handlers[extension].ServeHTTP(w, r)
			return
		}
	}
	http.Error(w, "this chain serves nothing here; it serves "+strings.Join(h.extensions, " "), http.StatusNotFound)
}

// traced opens a span for a request that is part of a sampled trace. Who may say so is the host, which says it of few.
func (h *httpServer) traced(r *http.Request) (*http.Request, func()) {
	traceparent := r.Header.Get(intercept.Traceparent)
	if h.tracer == nil || traceparent == "" {
		return r, func() {}
	}
	ctx, span := h.tracer.Start(intercept.Continue(r.Context(), traceparent), r.Method+" "+h.prefix,
		trace.WithSpanKind(trace.SpanKindServer))
	return r.WithContext(ctx), func() { span.End() }
}

// cutExtension is the path after the extension, which must end at a slash.
func cutExtension(path, extension string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, extension)
	switch {
	case !ok:
		return "", false
	case rest == "":
		return "/", true
	}
	return rest, rest[0] == '/'
}
