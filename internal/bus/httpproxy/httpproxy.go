// Package httpproxy passes HTTP to a server on a unix socket, as it came: answers are passed on while they are written, so that streams,
// server-sent events and upgraded connections work. The gateway uses it to reach a chain's host, and the host to reach its plugin.
package httpproxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"
)

// Proxy is a way to one server. It is an http.Handler.
type Proxy struct {
	httputil.ReverseProxy
	transport *http.Transport
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
		ReverseProxy: httputil.ReverseProxy{
			Rewrite:       o.rewrite,
			Transport:     transport,
			FlushInterval: -1,
			BufferPool:    &buffers{},
			ErrorHandler:  o.Failed,
			ErrorLog:      slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		},
	}
}

// Close lets go of connections that aren't in use. Requests that are under way go on.
func (p *Proxy) Close() { p.transport.CloseIdleConnections() }

func (o *Options) rewrite(r *httputil.ProxyRequest) {
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
