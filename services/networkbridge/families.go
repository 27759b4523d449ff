package networkbridge

import (
	"slices"

	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// families is who takes part in what. A peer is a member of those of our families that it names, and of no other; the
// subsystems of a family hear of it when it joins and when it leaves.
type families struct {
	ours        []nbv1.Family
	subscribers *subscribers
	standing    *standing
	views       *views
}

// set makes the peer a member of the families that it names.
func (m *families) set(p *peer, named []nbv1.Family) {
	for _, f := range m.ours {
		is, was := slices.Contains(named, f), slices.Contains(p.families, f)
		switch {
		case is && !was:
			m.join(p, f)
		case was && !is:
			p.families = slices.DeleteFunc(p.families, func(x nbv1.Family) bool { return x == f })
			m.leave(p, f)
		}
	}
}

// gone ends all memberships of a peer whose link has ended.
func (m *families) gone(p *peer) {
	for _, f := range p.families {
		m.leave(p, f)
	}
}

func (m *families) join(p *peer, f nbv1.Family) {
	p.families = append(p.families, f)
	for _, proto := range m.subscribers.listed {
		if proto.Family == f {
			for _, e := range m.news(proto, p) {
				m.subscribers.notify(proto, e)
			}
		}
	}
	m.views.show(p, f)
}

func (m *families) leave(p *peer, f nbv1.Family) {
	delete(p.views, f)
	for _, proto := range m.subscribers.listed {
		if proto.Family == f {
			gone := &nbv1.PeerDisconnected{Peer: p.id[:]}
			m.subscribers.notify(proto, &nbv1.NetworkBridgeEvent{
				Kind: &nbv1.NetworkBridgeEvent_PeerDisconnected{PeerDisconnected: gone},
			})
		}
	}
}

// news is what a protocol's subsystem has to know of a peer.
func (m *families) news(proto *protocol, p *peer) []*nbv1.NetworkBridgeEvent {
	connected := &nbv1.PeerConnected{Peer: p.id[:], Role: p.role, Validator: m.standing.validator(p.id)}
	all := []*nbv1.NetworkBridgeEvent{{Kind: &nbv1.NetworkBridgeEvent_PeerConnected{PeerConnected: connected}}}
	if !proto.NoViews {
		all = append(all, peerView(p.id, p.views[proto.Family]))
	}
	return all
}

// state is all that a protocol's subsystem has to know.
func (m *families) state(proto *protocol) (all []*nbv1.NetworkBridgeEvent) {
	m.views.links.all(func(p *peer) {
		if p.in(proto.Family) {
			all = append(all, m.news(proto, p)...)
		}
	})
	if m.views.shown != nil && !proto.NoViews {
		all = append(all, ourView(m.views.shown))
	}
	return all
}
