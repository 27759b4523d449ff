package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Check is one named thing that must hold for the node to be healthy.
type Check struct {
	Name     string    `json:"name"`
	Instance string    `json:"instance,omitempty"` // of the process that it is about
	OK       bool      `json:"ok"`
	Cause    string    `json:"cause,omitempty"` // why it isn't
	Since    time.Time `json:"since"`           // when it became what it is
}

// Health is the answer to a health check.
type Health struct {
	Healthy bool    `json:"healthy"`
	Checks  []Check `json:"checks"`
}

// Info is what a node says about itself.
type Info struct {
	Name    string            `json:"name"`
	NodeID  primitives.NodeID `json:"nodeId"`
	Network string            `json:"network"`
	Genesis primitives.Hash   `json:"genesis"`
	Version string            `json:"version"`
	Peers   int               `json:"peers"`
	Chains  []Chain           `json:"chains"`
	Parts   []Part            `json:"parts"`
}

// Chain is one chain as this node sees it.
type Chain struct {
	ID           primitives.Hash `json:"id"`
	Name         string          `json:"name"`
	VM           string          `json:"vm"`
	Height       uint64          `json:"height"`
	LastAccepted primitives.Hash `json:"lastAccepted"`
}

// Part is one process that is attached to the overseer, or that such a one keeps running, as the VM's host does the
// plugin.
type Part struct {
	Name     string         `json:"name"`
	Instance string         `json:"instance"`
	Parent   string         `json:"parent,omitempty"` // the process that keeps it running
	PID      int            `json:"pid"`
	Restarts int            `json:"restarts"`
	State    string         `json:"state"`
	Since    time.Time      `json:"since"`
	Cause    string         `json:"cause,omitempty"`
	Messages uint64         `json:"messages,omitempty"` // that it was given since it attached
	Fields   map[string]any `json:"fields,omitempty"`   // what it says of itself
}

func (g *Gateway) onReadiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
	defer cancel()
	checks, err := within(ctx, func() ([]Check, error) { return g.config.Checks(ctx), nil })
	if err != nil {
		checks = []Check{{Name: "overseer", Cause: "doesn't answer", Since: time.Now()}}
	}
	health := Health{Healthy: true, Checks: checks}
	for _, c := range checks {
		health.Healthy = health.Healthy && c.OK
	}
	answer(w, statusOf(health.Healthy), health)
}

func (g *Gateway) onLiveness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), aliveTimeout)
	defer cancel()
	check := Check{Name: "overseer", OK: true, Since: time.Now()}
	if _, err := within(ctx, func() (struct{}, error) { return struct{}{}, g.config.Alive(ctx) }); err != nil {
		check.OK, check.Cause = false, err.Error()
	}
	answer(w, statusOf(check.OK), Health{Healthy: check.OK, Checks: []Check{check}})
}

func (g *Gateway) onInfo(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
	defer cancel()
	info, err := within(ctx, func() (*Info, error) { return g.config.Info(ctx) })
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "the overseer doesn't answer: "+err.Error())
		return
	}
	answer(w, http.StatusOK, info)
}

func (g *Gateway) onMetrics(w http.ResponseWriter, r *http.Request) {
	promhttp.HandlerFor(g.config.Metrics,
		promhttp.HandlerOpts{Timeout: sourceTimeout, ErrorHandling: promhttp.ContinueOnError}).ServeHTTP(w, r)
}

// within returns what ask returns, or the context's error if that is earlier.
func within[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := ask()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func statusOf(ok bool) int {
	if ok {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // the client is gone; nobody is left to tell
}

func refuse(w http.ResponseWriter, status int, cause string) {
	answer(w, status, map[string]string{"error": cause})
}
