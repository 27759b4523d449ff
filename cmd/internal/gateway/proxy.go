package gateway

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/bus/httpproxy"
)

// proxies holds one proxy, and so one pool of connections, per chain's socket.
type proxies struct {
	config   Config
	mu       sync.Mutex
	bySocket map[string]*httpproxy.Proxy
}

func newProxies(c Config) *proxies {
	return &proxies{config: c, bySocket: map[string]*httpproxy.Proxy{}}
}

func (p *proxies) to(socket string) *httpproxy.Proxy {
	p.mu.Lock()
	defer p.mu.Unlock()
	proxy, ok := p.bySocket[socket]
	if !ok {
		proxy = httpproxy.New(socket, httpproxy.Options{
			HeaderTimeout: chainTimeout, IdleTimeout: proxyTimeout, Failed: onProxyError, Began: onAnswer,
			Log:    slog.New(slog.DiscardHandler),
			Tracer: p.config.Tracer, Name: "/ext/bc", Sampled: p.config.Sampled,
		})
		p.bySocket[socket] = proxy
	}
	return proxy
}

var errNoStream = errors.New("all places for streams of this address, or of all, are taken")

// onAnswer takes what the VM says that the call has cost, and has a place for each answer whose end isn't known: a stream of events, or an upgraded connection.
func onAnswer(r *http.Response) error {
	charge(r.Request.Context(), httpproxy.Cost(r))
	if r.ContentLength < 0 || r.StatusCode == http.StatusSwitchingProtocols {
		if !httpdoor.Stream(r.Request.Context()) {
			return errNoStream
		}
	}
	return nil
}

func onProxyError(w http.ResponseWriter, _ *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	var timeout net.Error
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "the request is too large")
	case errors.As(err, &timeout) && timeout.Timeout():
		refuse(w, http.StatusGatewayTimeout, "the chain's VM didn't answer in time")
	case errors.Is(err, errNoStream):
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusServiceUnavailable, err.Error())
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
