package networkbridge

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/addrbook"
	"github.com/reevenet/reeve/internal/core/peerslots"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// The range of wire versions that this bridge speaks.
const (
	minVersion = 1
	maxVersion = 1
)

// admission decides who may stay: a node that isn't banned, finds a slot, belongs to this network and says the same
// hello on every lane. Nobody else is heard or reported.
type admission struct {
	cfg      *Config
	sub      *subsystem.Sub
	links    *links
	slots    *peerslots.Table
	book     *addrbook.Book
	dialer   *dialer
	standing *standing
	conduct  *conduct
	rumours  *rumours
	hellos   map[addrbook.Scope][]byte // the frame that opens every lane, by where the peer is
}

// helloWait is how long a link may last without a hello. Who doesn't say who he is would hold a seat of others.
const helloWait = 10 * time.Second

// prepare makes this node's greetings. An error: no peer would understand it.
func (a *admission) prepare() error {
	a.hellos = map[addrbook.Scope][]byte{}
	for scope := addrbook.Nowhere; scope <= addrbook.Public; scope++ {
		at := a.rumours.reach.From(a.links.net.Addresses(), scope)
		hello := &nbv1.Frame{Kind: &nbv1.Frame_Hello{Hello: &nbv1.Hello{
			NetworkId: a.cfg.NetworkID[:], MinVersion: minVersion, MaxVersion: maxVersion, Role: uint32(a.cfg.Role),
			Families: a.cfg.Families, Addresses: at[:min(len(at), addrbook.MaxAddresses)], Agent: a.cfg.Agent,
		}}}
		if err := hello.Validate(); err != nil {
			return fmt.Errorf("no peer would understand this node: %w", err)
		}
		a.hellos[scope] = encode(hello)
	}
	return nil
}

// up finds a slot for a node with a new link and greets it on every lane, or turns it away.
func (a *admission) up(e Event) {
	a.dialer.connected(e.Peer)
	if left := a.conduct.bannedFor(e.Peer); left > 0 {
		a.links.turnAway(e.Peer, fmt.Sprintf("banned for another %s", left.Round(1e9)))
		return
	}
	now := a.sub.Now()
	admitted, evicted := a.slots.Admit(peerslots.Peer{
		ID: e.Peer, Reserved: a.standing.wanted(e.Peer), Called: !e.Inbound, Network: a.networkOf(e.Address),
	}, now)
	if evicted != nil {
		a.links.turnAway(*evicted, "its slot is needed: it is no validator, and was silent for the longest time")
	}
	if !admitted {
		a.links.turnAway(e.Peer, "there is no free slot for its kind")
		return
	}
	p := &peer{id: e.Peer, inbound: e.Inbound, address: e.Address, heard: now, views: map[nbv1.Family]view.View{}}
	a.fill(p)
	a.links.add(p)
	for lane := range Lanes {
		a.links.send(p, lane, a.hellos[addrbook.ScopeOf(e.Address)])
	}
	p.mute = a.sub.After(helloWait, func() {
		a.links.turnAway(p.id, fmt.Sprintf("it didn't say hello within %s", helloWait))
	})
}

// networkOf is under which network a caller is counted. Private networks are as small as their owner likes; where
// there are some, one of them may be everybody's.
func (a *admission) networkOf(address string) string {
	if a.cfg.PrivateNetworks && addrbook.ScopeOf(address) == addrbook.Private {
		return ""
	}
	return addrbook.NetworkOf(address)
}

// fill fills the peer's budgets, by what it is now.
func (a *admission) fill(p *peer) {
	times := 1
	if a.standing.has(p.id) {
		times = validatorBudget
	}
	for lane, l := range a.cfg.Budgets {
		p.bytes[lane], p.frames[lane] = l.Bytes.bucket(times), l.Frames.bucket(times)
	}
	p.served = servedToOne.bucket(times)
}

// greet checks a peer's hello. first: it is the first good one; the others must repeat it.
func (a *admission) greet(p *peer, lane Lane, raw []byte, h *nbv1.Hello) (first bool) {
	if p.greeted[lane] || p.hello != nil && !bytes.Equal(p.hello, raw) {
		a.conduct.punish(p.id, costProtocol, "said hello twice, or two different ones")
		a.links.turnAway(p.id, "it said hello twice, or two different ones")
		return false
	}
	p.greeted[lane] = true
	if p.hello != nil {
		return false
	}
	if why := a.incompatible(h); why != "" {
		a.sub.Log.Warn("a peer was turned away", "peer", p.id.String(), "address", p.address, "err", why)
		a.links.turnAway(p.id, why)
		return false
	}
	a.accept(p, raw, h)
	return true
}

func (a *admission) accept(p *peer, raw []byte, h *nbv1.Hello) {
	p.mute()
	p.hello, p.agent = bytes.Clone(raw), h.GetAgent()
	p.role = a.roleOf(p.id, h)
	delete(a.links.faults, p.id)
	a.rumours.introduced(p, h.GetAddresses())
	a.book.Connected(p.id)
	a.sub.Log.Info("peer connected",
		"peer", p.id.String(), "address", p.address, "inbound", p.inbound, "agent", p.agent)
}

func (a *admission) incompatible(h *nbv1.Hello) string {
	switch {
	case !bytes.Equal(h.GetNetworkId(), a.cfg.NetworkID[:]):
		return fmt.Sprintf("it belongs to another network, %x", h.GetNetworkId()[:4])
	case h.GetMaxVersion() < minVersion || h.GetMinVersion() > maxVersion:
		return fmt.Sprintf("it speaks versions %d to %d, this node %d to %d",
			h.GetMinVersion(), h.GetMaxVersion(), minVersion, maxVersion)
	}
	return ""
}

func (a *admission) roleOf(id primitives.NodeID, h *nbv1.Hello) nbv1.Role {
	switch {
	case slices.Contains(a.cfg.Sentries, id):
		return nbv1.Role_ROLE_OUR_SENTRY
	case !a.cfg.Guarded.IsZero() && id == a.cfg.Guarded:
		return nbv1.Role_ROLE_OUR_GUARDED_AUTHORITY
	case h.GetRole() == uint32(nbv1.Role_ROLE_LIGHT):
		return nbv1.Role_ROLE_LIGHT
	}
	return nbv1.Role_ROLE_FULL
}

// down frees the slot. It returns the peer whose link ended; nil: it had none that counted.
func (a *admission) down(e Event) *peer {
	if e.Err != nil && a.links.faults[e.Peer] == "" {
		a.links.fault(e.Peer, e.Err.Error())
	}
	a.slots.Leave(e.Peer)
	a.dialer.lost(e.Peer)
	p := a.links.remove(e.Peer)
	if p != nil {
		p.mute()
	}
	return p
}

// unreachable ends a call. The other side's may have come through meanwhile.
func (a *admission) unreachable(e Event) {
	a.dialer.failed(e.Peer)
	if a.links.get(e.Peer) != nil {
		return
	}
	if e.Err != nil {
		a.links.fault(e.Peer, e.Err.Error())
	}
	a.dialer.lost(e.Peer)
}

// setValidators has slots, budgets and ledger follow a new set.
func (a *admission) setValidators(stake map[primitives.NodeID]uint64) {
	was := a.standing.validators
	a.standing.validators = stake
	a.conduct.setValidators(stake)
	a.links.all(func(p *peer) {
		if a.slots.Reserve(p.id, a.standing.has(p.id)); (was[p.id] > 0) != (stake[p.id] > 0) {
			a.fill(p)
		}
	})
}
