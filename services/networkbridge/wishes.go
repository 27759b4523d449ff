package networkbridge

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// maxWished bounds the validators of one ConnectToValidators.
const maxWished = 1000

// wish is one open ConnectToValidators.
type wish struct {
	m   *subsystem.Message
	ids []primitives.NodeID
}

func (b *bridge) onConnectToValidators(m *subsystem.Message, r *nbv1.ConnectToValidators) {
	if len(r.GetValidators()) > maxWished {
		m.Fail(subsystem.Failf(subsystem.Refused, "%d validators at once, at most %d", len(r.GetValidators()), maxWished))
		return
	}
	w := &wish{m: m}
	for _, raw := range r.GetValidators() {
		if id, ok := b.nodeID(raw); ok && !slices.Contains(w.ids, id) {
			w.ids = append(w.ids, id)
		}
	}
	b.wishes = append(b.wishes, w)
	m.OnCancel(func() { b.wishes = slices.DeleteFunc(b.wishes, func(o *wish) bool { return o == w }) })
	for _, id := range w.ids {
		if p := b.peers[id]; p != nil && p.hello != nil {
			m.Item(reached(p))
		}
	}
	b.call()
}

func reached(p *peer) *nbv1.ConnectToValidatorsResponse {
	return &nbv1.ConnectToValidatorsResponse{Peer: p.id[:], Role: p.role}
}

// grant tells those who wished for the peer that it is there.
func (b *bridge) grant(p *peer) {
	for _, w := range b.wishes {
		if slices.Contains(w.ids, p.id) {
			w.m.Item(reached(p))
		}
	}
}

func (b *bridge) isWished(id primitives.NodeID) bool {
	return slices.ContainsFunc(b.wishes, func(w *wish) bool { return slices.Contains(w.ids, id) })
}
