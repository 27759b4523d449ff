package gateway

import (
	"context"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Steps is what a node's parts remember of their work on some block or candidate.
type Steps struct {
	Node  string `json:"node"`
	Steps []Step `json:"steps"` // by time
	// Silent are parts that didn't answer in time.
	Silent []string `json:"silent,omitempty"`
}

// Step is a piece of work. Times are the node's.
type Step struct {
	At    time.Time       `json:"at"`
	About primitives.Hash `json:"about"`
	Part  string          `json:"part"`
	What  string          `json:"what"` // in the part's own words
	// Message is that because of which it was done, and From the part that sent it; empty: a signal or the clock.
	Message string `json:"message,omitempty"`
	From    string `json:"from,omitempty"`
}

// leastBytes is how many bytes of a hash are enough to name a candidate: as many as logs show.
const leastBytes = 4

func (g *Gateway) onSteps(w http.ResponseWriter, r *http.Request) {
	about, err := hex.DecodeString(r.PathValue("hash"))
	if err != nil || len(about) < leastBytes || len(about) > primitives.HashSize {
		refuse(w, http.StatusBadRequest, "a hash has 64 hexadecimal digits, and the first 8 are needed")
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
