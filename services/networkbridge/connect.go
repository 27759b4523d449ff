package networkbridge

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// maxRequested bounds the validators of one ConnectToValidators.
const maxRequested = 1000

// connectRequests are the open ConnectToValidators. As long as one names a node the node is called and has a slot
// reserved, and whoever asked hears of it each time that it is reached.
type connectRequests struct {
	open []*connectRequest
}

type connectRequest struct {
	m   *subsystem.Message
	ids []primitives.NodeID
}

// add opens a request until it is cancelled. reached are those of the nodes that are connected.
func (c *connectRequests) add(m *subsystem.Message, ids []primitives.NodeID, reached func(primitives.NodeID) *peer) {
	r := &connectRequest{m: m, ids: ids}
	c.open = append(c.open, r)
	m.OnCancel(func() { c.open = slices.DeleteFunc(c.open, func(o *connectRequest) bool { return o == r }) })
	for _, id := range ids {
		if p := reached(id); p != nil && p.hello != nil {
			m.Item(reachedPeer(p))
		}
	}
}

// connected notifies those who asked for the peer.
func (c *connectRequests) connected(p *peer) {
	for _, r := range c.open {
		if slices.Contains(r.ids, p.id) {
			r.m.Item(reachedPeer(p))
		}
	}
}

// wants tells whether an open request names the node.
func (c *connectRequests) wants(id primitives.NodeID) bool {
	return slices.ContainsFunc(c.open, func(r *connectRequest) bool { return slices.Contains(r.ids, id) })
}

func reachedPeer(p *peer) *nbv1.ConnectToValidatorsResponse {
	return &nbv1.ConnectToValidatorsResponse{Peer: p.id[:], Role: p.role}
}
