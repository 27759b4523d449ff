package networkbridge

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// maxExchanged is how many peers one PeerExchange names.
const maxExchanged = 32

// exchange tells every peer of the others, and comes again.
func (b *bridge) exchange() {
	for _, id := range b.order {
		b.introduce(b.peers[id])
	}
	b.sub.After(exchangePeriod, b.exchange)
}

// introduce tells one peer of others that are connected: validators first, strangers as far as there is room.
func (b *bridge) introduce(to *peer) {
	if b.cfg.NoPeerExchange || to.hello == nil {
		return
	}
	var known []*nbv1.PeerAddress
	for _, validators := range []bool{true, false} {
		for _, id := range b.order {
			p := b.peers[id]
			if id == to.id || p.hello == nil || len(p.at) == 0 || (b.validators[id] > 0) != validators || len(known) == maxExchanged {
				continue
			}
			known = append(known, &nbv1.PeerAddress{Peer: id[:], Addresses: p.at})
		}
	}
	if len(known) > 0 {
		b.send(to, LaneBacking, encode(&nbv1.Frame{Kind: &nbv1.Frame_PeerExchange{PeerExchange: &nbv1.PeerExchange{Peers: known}}}))
	}
}

// onPeerExchange learns of nodes. Whether they are who the peer says is proven when they are called.
func (b *bridge) onPeerExchange(p *peer, e *nbv1.PeerExchange) {
	now := b.sub.Now()
	if b.cfg.NoPeerExchange {
		return
	}
	if now.Unix()-p.lastExchange < int64(exchangePeriod.Seconds())/2 {
		b.punish(p.id, costFlood, "tells of peers too often")
		return
	}
	p.lastExchange = now.Unix()
	defer b.call()
	for _, a := range e.GetPeers() {
		if id, err := primitives.NodeIDFrom(a.GetPeer()); err == nil {
			b.book.Learn(id, a.GetAddresses(), now)
		}
	}
}
