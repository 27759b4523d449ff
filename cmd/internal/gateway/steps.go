package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Steps is what a node's parts remember of their work on a block or candidate.
type Steps struct {
	Node  string          `json:"node"`
	About primitives.Hash `json:"about"`
	Steps []Step          `json:"steps"` // by time
	// Silent are parts that didn't answer in time.
	Silent []string `json:"silent,omitempty"`
}

// Step is a piece of work. Times are the node's.
type Step struct {
	At   time.Time `json:"at"`
	Part string    `json:"part"`
	What string    `json:"what"` // in the part's own words
	// Message is that because of which it was done, and From the part that sent it; empty: a signal or the clock.
	Message string `json:"message,omitempty"`
	From    string `json:"from,omitempty"`
}

func (g *Gateway) onSteps(w http.ResponseWriter, r *http.Request) {
	var about primitives.Hash
	if about.UnmarshalText([]byte(r.PathValue("hash"))) != nil {
		refuse(w, http.StatusBadRequest, "a hash has 64 hexadecimal digits")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), sourceTimeout)
	defer cancel()
	steps, err := within(ctx, func() (*Steps, error) { return g.config.Steps(ctx, about) })
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	answer(w, http.StatusOK, steps)
}
