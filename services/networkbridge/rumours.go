package networkbridge

import (
	"github.com/reevenet/reeve/internal/core/addrbook"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// rumours are what peers say about where nodes may be called. A peer can't steer this node: what it names is at
// addresses that are as far away as itself, is called at its own account's expense, and isn't passed on before the
// node has answered there.
type rumours struct {
	sub      *subsystem.Sub
	net      Transport
	book     *addrbook.Book
	standing *standing
	reach    addrbook.Reach
	untold   bool // nobody is told of anybody
}

// maxProbes is how many of the addresses of a caller are tried: one over TCP and one over QUIC.
const maxProbes = 2

// learn takes a peer's word for where a node is.
func (r *rumours) learn(id primitives.NodeID, at []string, from *peer) {
	by := addrbook.Teller{Name: r.teller(from), Itself: id == from.id}
	r.book.Learn(id, r.reach.Of(at, from.address), by, r.sub.Now())
}

// teller is under whose name a peer is counted. Strangers have as many identities as they like, but not as many
// networks.
func (r *rumours) teller(p *peer) string {
	if network := addrbook.NetworkOf(p.address); network != "" && !r.standing.has(p.id) {
		return network
	}
	return p.id.String()
}

// introduced takes the addresses of a peer's hello. Of one that this node has called it knows that it is there; one
// that has called is looked for, on the machine that it calls from and nowhere else.
func (r *rumours) introduced(p *peer, at []string) {
	r.learn(p.id, at, p)
	if !p.inbound {
		r.book.Proven(p.id, p.address)
		return
	}
	r.book.Proven(p.id, "")
	if r.untold {
		return
	}
	probes := 0
	for _, a := range r.reach.Of(at, p.address) {
		if addrbook.SameHost(a, p.address) && probes < maxProbes {
			probes++
			r.net.Probe(p.id, a)
		}
	}
}

// of lists where a node may be called, for a peer that asks.
func (r *rumours) of(id primitives.NodeID, to *peer) []string {
	return r.reach.Of(r.book.Good(id), to.address)
}
