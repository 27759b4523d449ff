package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
)

// proxies holds one reverse proxy, and so one pool of connections, per chain's socket.
type proxies struct {
	mu       sync.Mutex
	bySocket map[string]*httputil.ReverseProxy
}

func newProxies() *proxies { return &proxies{bySocket: map[string]*httputil.ReverseProxy{}} }

func (p *proxies) to(socket string) *httputil.ReverseProxy {
	p.mu.Lock()
	defer p.mu.Unlock()
	if proxy, ok := p.bySocket[socket]; ok {
		return proxy
	}
	proxy := newProxy(socket)
	p.bySocket[socket] = proxy
	return proxy
}

func newProxy(socket string) *httputil.ReverseProxy {
	var dialer net.Dialer
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "chain"})
			r.SetXForwarded()
		},
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "unix", socket)
			},
			MaxIdleConnsPerHost:   128,
			IdleConnTimeout:       idleTimeout,
			ResponseHeaderTimeout: chainTimeout,
			DisableCompression:    true,
		},
		FlushInterval: -1, // events reach the client as they come
		ErrorHandler:  onProxyError,
	}
}

func onProxyError(w http.ResponseWriter, _ *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	var timeout net.Error
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "the request is too large")
	case errors.As(err, &timeout) && timeout.Timeout():
		refuse(w, http.StatusGatewayTimeout, "the chain's VM didn't answer in time")
	default:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "the process that hosts the chain's VM isn't there: "+err.Error())
	}
}

func (g *Gateway) onChain(w http.ResponseWriter, r *http.Request) {
	socket, known := g.config.Chain(r.PathValue("chain"))
	if !known {
		refuse(w, http.StatusNotFound, "this node has no chain "+r.PathValue("chain")+"; /ext/info lists them")
		return
	}
	g.proxies.to(socket).ServeHTTP(w, r)
}
