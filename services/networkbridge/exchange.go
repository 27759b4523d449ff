package networkbridge

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

const (
	// maxExchanged is how many peers one PeerExchange names.
	maxExchanged   = 32
	exchangePeriod = time.Minute
)

// exchange introduces peers to one another, once in a while each, and learns of nodes from them. Whether these are who
// the peer says is proven when they are called; only those at whose address somebody has answered are passed on.
type exchange struct {
	sub      *subsystem.Sub
	links    *links
	standing *standing
	conduct  *conduct
	rumours  *rumours
	off      bool
}

// begin introduces all to all, now and then.
func (x *exchange) begin() {
	if x.off {
		return
	}
	x.sub.After(exchangePeriod, func() {
		x.links.all(x.introduce)
		x.begin()
	})
}

// introduce names one peer the others that are connected: validators first, strangers as far as there is room.
func (x *exchange) introduce(to *peer) {
	if x.off || to.hello == nil {
		return
	}
	var known []*nbv1.PeerAddress
	for _, validators := range []bool{true, false} {
		x.links.all(func(p *peer) {
			if x.standing.validator(p.id) != validators || p == to || p.hello == nil || len(known) == maxExchanged {
				return
			}
			if at := x.rumours.of(p.id, to); len(at) > 0 {
				known = append(known, &nbv1.PeerAddress{Peer: p.id[:], Addresses: at})
			}
		})
	}
	if len(known) > 0 {
		x.links.send(to, LaneBacking, encode(&nbv1.Frame{
			Kind: &nbv1.Frame_PeerExchange{PeerExchange: &nbv1.PeerExchange{Peers: known}},
		}))
	}
}

// learn takes the others that a peer names. False: there is nothing new in it.
func (x *exchange) learn(p *peer, e *nbv1.PeerExchange) bool {
	now := x.sub.Now()
	switch {
	case x.off:
		return false
	case now.Sub(p.lastExchange) < exchangePeriod/2:
		x.conduct.punish(p.id, costFlood, "names other peers too often")
		return false
	}
	p.lastExchange = now
	for _, a := range e.GetPeers() {
		if id, err := primitives.NodeIDFrom(a.GetPeer()); err == nil {
			x.rumours.learn(id, a.GetAddresses(), p)
		}
	}
	return true
}
