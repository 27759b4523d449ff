// Package httpproxy passes HTTP to a server on a unix socket, as it came: answers are passed on while they are written,
// so that streams, server-sent events and upgraded connections work. The gateway uses it to reach a chain's host, and
// the host to reach its plugin.
package httpproxy

import (
	"context"
	crand "crypto/rand"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/core/traces"
)

// Proxy is a way to one server. It is an http.Handler.
type Proxy struct {
	reverse   httputil.ReverseProxy
	transport *http.Transport
	options   Options
}

// Options are what the proxies of a node differ in.
type Options struct {
	// Token is sent in the header of this name with each request; no name: none is.
	TokenHeader, Token string
	// Inner: requests come from another proxy of this node, whose word on the client is passed on.
	Inner bool
	// HeaderTimeout is how long the server may take until its answer begins.
	HeaderTimeout time.Duration
	// IdleTimeout is how long a connection to the server is kept without use.
	IdleTimeout time.Duration
	// Tracer opens the spans of requests that are traced, under Name; nil: none. Those of the node's users are sampled:
	// so large a share.
	Tracer  trace.Tracer
	Name    string
	Sampled float64
	// Began is told of an answer that begins, and refuses it with an error, which Failed gets; nil: none is.
	Began func(*http.Response) error
	// Failed answers for a server that doesn't.
	Failed func(w http.ResponseWriter, r *http.Request, err error)
	// Log takes what else goes wrong, at debug.
	Log *slog.Logger
}

// New proxies to the server that listens on a unix socket, which needn't be there yet.
func New(socket string, o Options) *Proxy {
	var dialer net.Dialer
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       o.IdleTimeout,
		ResponseHeaderTimeout: o.HeaderTimeout,
		DisableCompression:    true,
	}
	return &Proxy{
		transport: transport,
		options:   o,
		reverse: httputil.ReverseProxy{
			Rewrite:        o.rewrite,
			Transport:      transport,
			ModifyResponse: o.Began,
			FlushInterval:  -1,
			BufferPool:     &buffers{},
			ErrorHandler:   o.Failed,
			ErrorLog:       slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		},
	}
}

// Close lets go of connections that aren't in use. Requests that are under way go on.
func (p *Proxy) Close() { p.transport.CloseIdleConnections() }

// ServeHTTP passes one request on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	traceparent := p.options.trace(r)
	if traceparent == "" {
		p.reverse.ServeHTTP(w, r)
		return
	}
	ctx, span := p.options.Tracer.Start(intercept.Continue(r.Context(), traceparent), r.Method+" "+p.options.Name,
		trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	p.reverse.ServeHTTP(w, r.WithContext(ctx))
}

// trace is the one that a request is part of: what the proxy before this one says, or a new one for some of the users'
// requests. What a user says counts for nothing: he would have the whole node work for it.
func (o *Options) trace(r *http.Request) string {
	switch {
	case o.Tracer == nil:
		return ""
	case o.Inner:
		return r.Header.Get(intercept.Traceparent)
	case rand.Float64() >= o.Sampled: //nolint:gosec // nobody gains by guessing it
		return ""
	}
	var name [32]byte
	_, _ = crand.Read(name[:]) // it never fails
	return traces.At(name[:])
}

func (o *Options) rewrite(r *httputil.ProxyRequest) {
	if !o.Inner {
		r.Out.Header.Del(intercept.Traceparent)
	}
	if traceparent := intercept.Current(r.In.Context()); traceparent != "" {
		r.Out.Header.Set(intercept.Traceparent, traceparent)
	}
	r.Out.URL.Scheme, r.Out.URL.Host = "http", "unix"
	r.Out.Host = r.In.Host
	if o.Inner {
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
			if v, ok := r.In.Header[name]; ok {
				r.Out.Header[name] = v
			}
		}
	} else {
		r.SetXForwarded()
	}
	if o.TokenHeader != "" {
		r.Out.Header.Set(o.TokenHeader, o.Token)
	}
}

// buffers keeps the proxy from allocating 32 KiB for each answer.
type buffers struct{ pool sync.Pool }

// Get returns a buffer.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 8<<10)
}

// Put takes one back.
func (b *buffers) Put(buffer []byte) { b.pool.Put(&buffer) }
