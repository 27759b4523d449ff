package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Mailbox is one subsystem on the bus, with what has passed through it since the overseer started.
type Mailbox struct {
	Subsystem string     `json:"subsystem"`
	Chain     string     `json:"chain,omitempty"` // that it serves, of a subsystem per chain
	Class     string     `json:"class"`
	Instances []Instance `json:"instances"`
	Waiting   int        `json:"waiting"` // messages without an instance to go to
	Lanes     []Lane     `json:"lanes"`   // those that were used
}

// Instance is one attached process.
type Instance struct {
	Name       string    `json:"name"`
	PID        int64     `json:"pid"`
	Generation uint64    `json:"generation"`
	Standby    bool      `json:"standby"`
	Since      time.Time `json:"since"`
	Queued     int       `json:"queued"`   // waiting in the overseer
	InFlight   int       `json:"inFlight"` // delivered and not finished
	RSSBytes   uint64    `json:"rssBytes"`
}

// Lane is the traffic to a subsystem in one lane.
type Lane struct {
	Name          string  `json:"name"`
	Messages      uint64  `json:"messages"`
	Bytes         uint64  `json:"bytes"`
	QueuedSeconds float64 `json:"queuedSeconds"` // of all messages together
}

// Block is an accepted block.
type Block struct {
	Chain    string          `json:"chain"`
	ID       primitives.Hash `json:"id"`      // consensus's id
	VMID     primitives.Hash `json:"vmBlock"` // the VM's own
	Height   uint64          `json:"height"`
	Accepted time.Time       `json:"accepted,omitzero"`
	Content  []byte          `json:"content"` // in the VM's own encoding
}

// ErrNoBlock says that there is no such accepted block.
var ErrNoBlock = errors.New("there is no such block here")

// ErrNoProof says that an accepted block has no certificate.
var ErrNoProof = errors.New("there is nothing that proves this block")

func (g *Gateway) onBus(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, g.config.Bus())
}

func (g *Gateway) onBlock(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), sourceTimeout)
	defer cancel()
	b, err := within(ctx,
		func() (*Block, error) { return g.config.Block(ctx, r.PathValue("chain"), r.PathValue("at")) })
	if err != nil {
		refuseBlock(w, err)
		return
	}
	answer(w, http.StatusOK, b)
}

func (g *Gateway) onProof(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), sourceTimeout)
	defer cancel()
	chain, at := r.PathValue("chain"), r.PathValue("at")
	file, err := within(ctx, func() ([]byte, error) { return g.config.Proof(ctx, chain, at) })
	if err != nil {
		refuseBlock(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(file) //nolint:errcheck // the client is gone; nobody is left to tell
}

// refuseBlock says why a client doesn't get what it asked for about a block.
func refuseBlock(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrNoBlock):
		refuse(w, http.StatusNotFound, err.Error())
	case errors.Is(err, ErrNoProof):
		refuse(w, http.StatusConflict, err.Error())
	default:
		refuse(w, http.StatusServiceUnavailable, err.Error())
	}
}
