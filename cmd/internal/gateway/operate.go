package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
)

// Operator is what those who run a node ask and tell a chain's VM. They come by the node's own socket, with a key that
// nobody else has.
type Operator struct {
	VM          func(ctx context.Context, chain string) (*VM, error)
	Restart     func(ctx context.Context, chain, why string) error
	SetLogLevel func(ctx context.Context, chain string, level slog.Level) error
}

// VM is what a chain's plugin is, and how it is.
type VM struct {
	Chain        string   `json:"chain"`
	Name         string   `json:"name"`
	Version      string   `json:"version"`
	Protocol     uint32   `json:"protocol"`
	Capabilities []string `json:"capabilities"`
	Healthy      bool     `json:"healthy"`
	Cause        string   `json:"cause,omitempty"`
}

// ErrNoChain is an error about a chain that the node doesn't have.
var ErrNoChain = errors.New("this node has no such chain")

// Operating is the door for those who run the node: monitoring, which is everybody's, and, behind guard, what they may
// do.
func (g *Gateway) Operating(guard func(http.Handler) http.Handler) http.Handler {
	all := http.NewServeMux()
	all.Handle("/", g.Monitoring())
	mux := http.NewServeMux()
	all.Handle("/ext/vm/", guard(mux))
	mux.HandleFunc("GET /ext/vm/{chain}", func(w http.ResponseWriter, r *http.Request) {
		vm, err := g.config.Operator.VM(r.Context(), r.PathValue("chain"))
		operated(w, vm, err)
	})
	mux.HandleFunc("POST /ext/vm/{chain}/restart", func(w http.ResponseWriter, r *http.Request) {
		operated(w, struct{}{}, g.config.Operator.Restart(r.Context(), r.PathValue("chain"), r.FormValue("why")))
	})
	mux.HandleFunc("POST /ext/vm/{chain}/log-level", func(w http.ResponseWriter, r *http.Request) {
		var level slog.Level
		if err := level.UnmarshalText([]byte(r.FormValue("level"))); err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
		operated(w, struct{}{}, g.config.Operator.SetLogLevel(r.Context(), r.PathValue("chain"), level))
	})
	return all
}

func operated(w http.ResponseWriter, value any, err error) {
	switch {
	case errors.Is(err, ErrNoChain):
		refuse(w, http.StatusBadRequest, err.Error())
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, err.Error())
	default:
		answer(w, http.StatusOK, value)
	}
}
