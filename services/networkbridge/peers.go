package networkbridge

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/time/rate"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// peer is a node with a link. It is reported to subsystems from its first hello on.
type peer struct {
	id      primitives.NodeID
	inbound bool
	address string
	role    nbv1.Role
	// hello is the peer's greeting; nil until it came. greeted marks the lanes on which it was said.
	hello   []byte
	at      []string
	agent   string
	greeted [Lanes]bool
	// families are those that it takes part in, as far as we do too.
	families []nbv1.Family
	views    map[nbv1.Family]view.View

	bytes, frames  [Lanes]*rate.Limiter
	received, sent uint64
	overBudget     uint64
	malformed      uint64
	lastExchange   int64 // unix seconds
	leaving        bool  // turned away: nothing that still arrives is read
}

func (p *peer) in(f nbv1.Family) bool { return p.hello != nil && slices.Contains(p.families, f) }

// onUp seats a peer, greets it on every lane, or turns it away.
func (b *bridge) onUp(e Event) {
	now := b.sub.Now()
	b.book.Connected(e.Peer)
	delete(b.called, e.Peer)
	if left := b.ledger.BannedFor(e.Peer, now); left > 0 {
		b.turnAway(e.Peer, fmt.Sprintf("banned for another %s", left.Round(1e9)))
		return
	}
	admitted, evicted := b.seats.Admit(e.Peer, b.isReserved(e.Peer) || b.isWished(e.Peer), !e.Inbound)
	if evicted != nil {
		b.turnAway(*evicted, "its seat is needed for a validator")
	}
	if !admitted {
		b.turnAway(e.Peer, "there is no free seat for its kind")
		return
	}
	p := &peer{id: e.Peer, inbound: e.Inbound, address: e.Address, views: map[nbv1.Family]view.View{}}
	b.budget(p)
	b.peers[p.id] = p
	at, _ := slices.BinarySearchFunc(b.order, p.id, primitives.NodeID.Compare)
	b.order = slices.Insert(b.order, at, p.id)
	for lane := range Lanes {
		b.send(p, lane, b.hello)
	}
}

// budget gives the peer full buckets, by what it is now.
func (b *bridge) budget(p *peer) {
	times := 1
	if b.isReserved(p.id) {
		times = validatorBudget
	}
	for lane, l := range b.cfg.Budgets {
		p.bytes[lane], p.frames[lane] = l.Bytes.bucket(times), l.Frames.bucket(times)
	}
}

func (b *bridge) turnAway(id primitives.NodeID, why string) {
	b.fault(id, why)
	if p := b.peers[id]; p != nil {
		p.leaving = true
	}
	b.net.Disconnect(id)
}

func (b *bridge) fault(id primitives.NodeID, why string) {
	if len(b.faults) < 4096 || b.faults[id] != "" {
		b.faults[id] = why
	}
}

func (b *bridge) onDown(e Event) {
	if e.Err != nil && b.faults[e.Peer] == "" {
		b.fault(e.Peer, e.Err.Error())
	}
	b.seats.Leave(e.Peer)
	b.book.Lost(e.Peer, b.sub.Now())
	p := b.peers[e.Peer]
	if p == nil {
		return
	}
	delete(b.peers, p.id)
	b.order = slices.DeleteFunc(b.order, func(id primitives.NodeID) bool { return id == p.id })
	b.failRequests(p.id)
	for _, f := range p.families {
		b.leave(p, f)
	}
	if p.hello != nil {
		b.sub.Log.Info("peer disconnected", "peer", p.id.String(), "why", b.faults[p.id])
	}
}

func (b *bridge) onUnreachable(e Event) {
	delete(b.called, e.Peer)
	if b.peers[e.Peer] != nil {
		return // the other side's call came through
	}
	if e.Err != nil {
		b.fault(e.Peer, e.Err.Error())
	}
	b.book.Lost(e.Peer, b.sub.Now())
}

// onHello checks who is there. The first good one reports the peer; the others must repeat it.
func (b *bridge) onHello(p *peer, lane Lane, raw []byte, h *nbv1.Hello) {
	if p.greeted[lane] || (p.hello != nil && !bytes.Equal(p.hello, raw)) {
		b.punish(p.id, costProtocol, "said hello twice, or two different ones")
		b.turnAway(p.id, "it said hello twice, or two different ones")
		return
	}
	p.greeted[lane] = true
	if p.hello != nil {
		return
	}
	if why := b.incompatible(h); why != "" {
		b.sub.Log.Warn("a peer was turned away", "peer", p.id.String(), "address", p.address, "why", why)
		b.turnAway(p.id, why)
		return
	}
	p.hello, p.agent, p.at = bytes.Clone(raw), h.GetAgent(), h.GetAddresses()
	p.role = b.roleOf(p.id, h)
	delete(b.faults, p.id)
	b.book.Learn(p.id, h.GetAddresses(), b.sub.Now())
	b.book.Connected(p.id)
	b.book.Proven(p.id)
	b.sub.Log.Info("peer connected", "peer", p.id.String(), "address", p.address, "inbound", p.inbound, "agent", p.agent)
	b.joinAll(p, h.GetFamilies())
	b.grant(p)
	b.introduce(p)
}

func (b *bridge) incompatible(h *nbv1.Hello) string {
	switch {
	case !bytes.Equal(h.GetNetworkId(), b.cfg.NetworkID[:]):
		return fmt.Sprintf("it belongs to another network, %x", h.GetNetworkId()[:4])
	case h.GetMaxVersion() < minVersion || h.GetMinVersion() > maxVersion:
		return fmt.Sprintf("it speaks versions %d to %d, this node %d to %d", h.GetMinVersion(), h.GetMaxVersion(), minVersion, maxVersion)
	}
	return ""
}

func (b *bridge) roleOf(id primitives.NodeID, h *nbv1.Hello) nbv1.Role {
	switch {
	case slices.Contains(b.cfg.Sentries, id):
		return nbv1.Role_ROLE_OUR_SENTRY
	case !b.cfg.Guarded.IsZero() && id == b.cfg.Guarded:
		return nbv1.Role_ROLE_OUR_GUARDED_AUTHORITY
	case h.GetRole() == uint32(nbv1.Role_ROLE_LIGHT):
		return nbv1.Role_ROLE_LIGHT
	}
	return nbv1.Role_ROLE_FULL
}

// joinAll makes the peer a member of those of our families that it names, and of no other.
func (b *bridge) joinAll(p *peer, named []nbv1.Family) {
	for _, f := range b.cfg.Families {
		is, was := slices.Contains(named, f), slices.Contains(p.families, f)
		switch {
		case is && !was:
			b.join(p, f)
		case was && !is:
			p.families = slices.DeleteFunc(p.families, func(x nbv1.Family) bool { return x == f })
			b.leave(p, f)
		}
	}
}

func (b *bridge) join(p *peer, f nbv1.Family) {
	p.families = append(p.families, f)
	for _, proto := range b.listed {
		if proto.Family == f {
			b.tellConnected(proto, p)
		}
	}
	if len(b.told) > 0 && b.watched(f) {
		b.sendView(p, b.viewFrame(f))
	}
}

func (b *bridge) leave(p *peer, f nbv1.Family) {
	delete(p.views, f)
	b.tellFamily(f, func() *nbv1.NetworkBridgeEvent {
		return &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerDisconnected{PeerDisconnected: &nbv1.PeerDisconnected{Peer: p.id[:]}}}
	})
}
