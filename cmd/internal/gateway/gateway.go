// Package gateway is the node's door for clients. It answers health, information and metrics itself, from what the
// overseer knows, and passes everything below /ext/bc/<chain>/ on to the process that hosts the chain's VM. It never
// waits for a part that is down: each source has a time limit, and the answer then is 503 with the cause. It holds no
// state of a chain and trusts no client: hosts, methods, sizes and times are limited before anything is passed on.
package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// Limits of what a client may send. Those of connections are internal/bus/httpdoor's.
const (
	maxBody  = 1 << 20  // of a request
	maxBatch = 16 << 20 // of a request to a path that ends in /txs
)

// Times of sources. docs/limits.md says what is inside of what.
const (
	aliveTimeout  = 500 * time.Millisecond  // of liveness
	lookTimeout   = 1500 * time.Millisecond // of health and information
	sourceTimeout = 3 * time.Second         // of metrics, and of what the parts are asked
	chainTimeout  = 25 * time.Second        // until a VM's answer begins
	// proxyTimeout is how long a connection to a chain's host is kept without use: it is let go before the host does.
	proxyTimeout = 90 * time.Second
)

// Config is what the gateway is made of. All functions may be called from any goroutine and must heed their context.
type Config struct {
	Hosts []string // names in the Host header that are served; * serves any
	// CallsPerS is how many calls of one address are passed on to chains in a second; 0: as many as come.
	CallsPerS int
	// Chain gives the unix socket of the process that serves the chain with that name or id.
	Chain  func(nameOrID string) (socket string, known bool)
	Alive  func(ctx context.Context) error // nil while the node's own loop turns
	Checks func(ctx context.Context) []Check
	Info   func(ctx context.Context) (*Info, error)
	Bus    func() []Mailbox
	Peers  func(ctx context.Context) ([]Peer, error)
	// Block finds an accepted block by its id or height; ErrNoBlock if there is none.
	Block func(ctx context.Context, chain, at string) (*Block, error)
	// Proof makes the file of internal/core/proof for such a block; ErrNoBlock, or ErrNoProof when there can't be one.
	Proof func(ctx context.Context, chain, at string) ([]byte, error)
	// Why tells what is remembered of a block or height, or of the "next" one; ErrNoBlock if that is nothing.
	Why func(ctx context.Context, chain, at string) (*Why, error)
	// Steps lists what the node's parts remember of their work on blocks and candidates whose hash begins like this.
	Steps   func(ctx context.Context, about []byte) (*Steps, error)
	Metrics prometheus.Gatherer
	// Operator is for those who run the node alone.
	Operator Operator
	// Tracer opens the spans of so large a share of the requests to chains; nil: none.
	Tracer  trace.Tracer
	Sampled float64
}

// Gateway serves one node.
type Gateway struct {
	config  Config
	proxies *proxies
}

// New returns a gateway that isn't listening yet.
func New(c Config) *Gateway { return &Gateway{config: c, proxies: newProxies(c)} }

// Handler is the door for clients.
func (g *Gateway) Handler() http.Handler {
	clients := &Gateway{config: g.config.forClients(), proxies: g.proxies}
	paid := &accounts{byAddress: map[string]*account{}, callsPerS: g.config.CallsPerS}
	mux := http.NewServeMux()
	clients.monitoring(mux, paid.look, func(h http.HandlerFunc) http.Handler { return paid.read(metricsReads, h) })
	mux.Handle("/ext/bc/{chain}/", paid.call(g.onChain))
	mux.Handle("/ext/bc/{chain}", paid.call(g.onChain))
	mux.Handle("GET /ext/chain/{chain}/block/{at}", paid.read(1, g.onBlock))
	mux.Handle("GET /ext/chain/{chain}/proof/{at}", paid.read(1, g.onProof))
	mux.Handle("GET /ext/chain/{chain}/why/{at}", paid.read(1, g.onWhy))
	mux.Handle("/", paid.look(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound,
			"nothing is served at "+r.URL.Path+"; try /ext/info, /ext/health/readiness or /ext/bc/<chain>/")
	}))
	return g.guard(mux)
}

// Monitoring is the door for health checks and metrics alone.
func (g *Gateway) Monitoring() http.Handler {
	mux := http.NewServeMux()
	scraped := &Gateway{config: g.config, proxies: g.proxies}
	scraped.config.Metrics = g.config.gathered(scrapeAge)
	look := func(h http.HandlerFunc) http.Handler { return h }
	paid := &accounts{byAddress: map[string]*account{}}
	gather := func(h http.HandlerFunc) http.Handler { return paid.read(metricsReads, h) }
	scraped.monitoring(mux, look, gather)
	mux.Handle("GET /ext/bus", counted(g.onBus)) // what is inside the node isn't for everybody
	mux.Handle("GET /ext/peers", counted(g.onPeers))
	mux.Handle("GET /ext/steps/{hash}", counted(g.onSteps))
	mux.Handle("GET /metrics", gather(scraped.onMetrics))
	mux.HandleFunc("GET /livez", g.onLiveness)
	mux.HandleFunc("GET /readyz", g.onReadiness)
	return mux
}

// monitoring is at both doors: what everybody may look at, and what is gathered for it.
func (g *Gateway) monitoring(mux *http.ServeMux, look, gather func(http.HandlerFunc) http.Handler) {
	mux.Handle("GET /ext/health", look(g.onReadiness))
	mux.Handle("GET /ext/health/readiness", look(g.onReadiness))
	mux.Handle("GET /ext/health/liveness", look(g.onLiveness))
	mux.Handle("GET /ext/info", look(g.onInfo))
	mux.Handle("GET /ext/metrics", gather(g.onMetrics))
}
