package gateway

import (
	"context"
	"net/http"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Peer is another node as this one knows it.
type Peer struct {
	NodeID        primitives.NodeID `json:"nodeId"`
	Connected     bool              `json:"connected"`
	Validator     bool              `json:"validator"`
	Inbound       bool              `json:"inbound"` // it called us
	Address       string            `json:"address"`
	Reputation    int               `json:"reputation"`
	BannedMillis  uint64            `json:"bannedMillis"` // until its ban ends; 0: it isn't banned
	BytesReceived uint64            `json:"bytesReceived"`
	BytesSent     uint64            `json:"bytesSent"`
	Agent         string            `json:"agent"` // its program and version, as it says
	LastError     string            `json:"lastError,omitempty"`
}

func (g *Gateway) onPeers(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), sourceTimeout)
	defer cancel()
	peers, err := within(ctx, func() ([]Peer, error) { return g.config.Peers(ctx) })
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	answer(w, http.StatusOK, peers)
}
