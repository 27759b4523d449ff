package networkbridge

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// views are ours, made from the leaves that are signalled, and the peers'. Every peer and every subsystem that has a
// use for ours is sent it when it changes, and only then. While a chain is syncing what was last shown of it stays, for
// old leaves help nobody.
type views struct {
	sub         *subsystem.Sub
	links       *links
	subscribers *subscribers
	conduct     *conduct

	chains map[string]*chainView
	order  []*chainView // in which they were first heard of
	shown  view.View    // our view, as it was last sent
	posted bool         // an update is
}

// chainView is what our view has of one chain.
type chainView struct {
	leaves  view.Leaves
	shown   view.View
	syncing bool
}

func (v *views) chain(name string) *chainView {
	c := v.chains[name]
	if c == nil {
		c = &chainView{}
		v.chains[name] = c
		v.order = append(v.order, c)
	}
	return c
}

// leaf takes note of a leaf that begins or ends. Signals that belong together come one after another, so the view is
// sent when all of them have been heard.
func (v *views) leaf(chain string, raw []byte, note func(*view.Leaves, primitives.Hash)) {
	h, err := primitives.HashFrom(raw)
	if err != nil {
		v.sub.Log.Error("a signal names no block", "err", err)
		return
	}
	note(&v.chain(chain).leaves, h)
	v.later()
}

func (v *views) setSyncing(chain string, syncing bool) {
	v.chain(chain).syncing = syncing
	v.later()
}

func (v *views) later() {
	if v.posted {
		return
	}
	v.posted = true
	v.sub.Post(func() {
		v.posted = false
		v.update()
	})
}

// update sends our view if it changed: first to every peer, then to every subsystem.
func (v *views) update() {
	all := make([]view.View, len(v.order))
	for i, c := range v.order {
		if !c.syncing {
			c.shown = c.leaves.View()
		}
		all[i] = c.shown
	}
	now := view.Merge(all...)
	if now.Equal(v.shown) {
		return
	}
	v.shown = now
	frames := map[nbv1.Family][]byte{} // made once for all peers
	v.links.all(func(p *peer) {
		for _, f := range p.families {
			if !v.watched(f) {
				continue
			}
			if frames[f] == nil {
				frames[f] = v.frame(f)
			}
			v.send(p, frames[f])
		}
	})
	for _, p := range v.subscribers.listed {
		if !p.NoViews {
			v.subscribers.notify(p, ourView(now))
		}
	}
}

// show sends a peer our view when it joins a family.
func (v *views) show(p *peer, f nbv1.Family) {
	if len(v.shown) > 0 && v.watched(f) {
		v.send(p, v.frame(f))
	}
}

// watched tells whether views matter in a family. If no subsystem here has use for its peers' views, those of the
// peers, which are its equals, have none for ours.
func (v *views) watched(f nbv1.Family) bool {
	return slices.ContainsFunc(v.subscribers.listed, func(p *protocol) bool { return p.Family == f && !p.NoViews })
}

// send sends a peer our view. A light client has no use for it.
func (v *views) send(p *peer, frame []byte) {
	if p.role != nbv1.Role_ROLE_LIGHT {
		v.links.send(p, LaneBacking, frame)
	}
}

func (v *views) frame(f nbv1.Family) []byte {
	u := &nbv1.ViewUpdate{Family: f, Heads: v.shown.Bytes()}
	return encode(&nbv1.Frame{Kind: &nbv1.Frame_ViewUpdate{ViewUpdate: u}})
}

// onUpdate takes a peer's view.
func (v *views) onUpdate(p *peer, u *nbv1.ViewUpdate) {
	f := u.GetFamily()
	heads, err := view.From(u.GetHeads())
	switch {
	case err != nil:
		v.conduct.punish(p.id, costMalformed, "malformed view")
		return
	case !p.in(f):
		v.conduct.punish(p.id, costUnconnected, "view outside its peer set")
		return
	case heads.Equal(p.views[f]):
		return
	}
	p.views[f] = heads
	for _, proto := range v.subscribers.listed {
		if proto.Family == f && !proto.NoViews {
			v.subscribers.notify(proto, peerView(p.id, heads))
		}
	}
}

func ourView(v view.View) *nbv1.NetworkBridgeEvent {
	change := &nbv1.OurViewChange{View: &nbv1.View{Heads: v.Bytes()}}
	return &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_OurViewChange{OurViewChange: change}}
}

func peerView(id primitives.NodeID, v view.View) *nbv1.NetworkBridgeEvent {
	change := &nbv1.PeerViewChange{Peer: id[:], View: &nbv1.View{Heads: v.Bytes()}}
	return &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerViewChange{PeerViewChange: change}}
}
