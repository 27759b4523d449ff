package networkbridge

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// onLeaf takes note of a leaf that begins or ends. Signals that belong together come one after another, so the view is told when all
// of them have been heard.
func (b *bridge) onLeaf(raw []byte, note func(primitives.Hash)) {
	h, err := primitives.HashFrom(raw)
	if err != nil {
		b.sub.Log.Error("a signal names no block", "why", err)
		return
	}
	note(h)
	b.viewLater()
}

func (b *bridge) viewLater() {
	if b.viewing {
		return
	}
	b.viewing = true
	b.sub.Post(func() {
		b.viewing = false
		b.updateView()
	})
}

// updateView tells our view if it changed: first to every peer, then to every subsystem. While syncing it isn't told.
func (b *bridge) updateView() {
	now := b.leaves.View()
	if b.syncing || now.Equal(b.told) {
		return
	}
	b.told = now
	frames := map[nbv1.Family][]byte{} // made once for all peers
	for _, id := range b.order {
		for _, f := range b.peers[id].families {
			if !b.watched(f) {
				continue
			}
			if frames[f] == nil {
				frames[f] = b.viewFrame(f)
			}
			b.sendView(b.peers[id], frames[f])
		}
	}
	for _, p := range b.listed {
		if !p.NoViews {
			b.tell(p, ourView(now))
		}
	}
}

// watched tells whether views matter in a family. If no subsystem here has use for its peers' views, those of the peers, which are its
// equals, have none for ours.
func (b *bridge) watched(f nbv1.Family) bool {
	return slices.ContainsFunc(b.listed, func(p *protocol) bool { return p.Family == f && !p.NoViews })
}

// sendView tells a peer our view. A light client has no use for it.
func (b *bridge) sendView(p *peer, frame []byte) {
	if p.role != nbv1.Role_ROLE_LIGHT {
		b.send(p, LaneBacking, frame)
	}
}

func (b *bridge) viewFrame(f nbv1.Family) []byte {
	return encode(&nbv1.Frame{Kind: &nbv1.Frame_ViewUpdate{ViewUpdate: &nbv1.ViewUpdate{Family: f, Heads: b.told.Bytes()}}})
}

func (b *bridge) onSetSyncing(s *nbv1.SetSyncing) {
	b.syncing = s.GetSyncing()
	b.viewLater()
}
