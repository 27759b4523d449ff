package networkbridge

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// Status says how many peers there are, and what was dropped.
func (b *bridge) Status(s *subsystem.Status) {
	connected := 0
	for _, id := range b.links.order {
		if b.links.get(id).hello != nil {
			connected++
		}
	}
	s.Number(subsystem.FieldPeers, int64(connected))
	s.Number("links", int64(len(b.links.order)))
	b.identities.status(s)
	b.timekeeper.status(s)
	s.Text("addresses", strings.Join(b.net.Addresses(), " "))
	for _, d := range []struct {
		why   string
		count uint64
	}{
		{"undeliverable", b.dropped.GetUndeliverable()}, {"over-budget", b.dropped.GetOverBudget()},
		{"shed", b.dropped.GetShed()}, {"oversize", b.dropped.GetOversize()},
		{"late-responses", b.dropped.GetLateResponses()},
	} {
		s.Number("dropped-"+d.why, int64(d.count))
	}
}

// report is what the bridge knows of its peers: those with a link first, then those with a record, then those that
// can't be reached.
func (b *bridge) report() *nbv1.PeersResponse {
	out := &nbv1.PeersResponse{
		Self: b.self[:], Addresses: b.net.Addresses(), Dropped: proto.Clone(b.dropped).(*nbv1.Dropped),
	}
	ids := slices.Clone(b.links.order)
	rest := map[primitives.NodeID]bool{}
	for _, id := range b.conduct.ledger.Known() {
		rest[id] = true
	}
	for id := range b.links.faults {
		rest[id] = true
	}
	for id := range b.standing.validators {
		rest[id] = true
	}
	delete(rest, b.self)
	for _, id := range slices.SortedFunc(maps.Keys(rest), primitives.NodeID.Compare) {
		if b.links.get(id) == nil && len(ids) < 1000 {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		out.Peers = append(out.Peers, b.reportPeer(id))
	}
	return out
}

func (b *bridge) reportPeer(id primitives.NodeID) *nbv1.PeerInfo {
	now := b.sub.Now()
	info := &nbv1.PeerInfo{
		Peer: id[:], Validator: b.standing.validator(id), Reputation: b.conduct.ledger.Score(id, now),
		BannedForMs: uint64(b.conduct.ledger.BannedFor(id, now).Milliseconds()), LastError: b.links.faults[id],
	}
	p := b.links.get(id)
	if p == nil {
		return info
	}
	info.Connected, info.Role, info.Inbound = p.hello != nil, p.role, p.inbound
	info.Address, info.Agent = p.address, p.agent
	info.BytesReceived, info.BytesSent, info.OverBudget = p.received, p.sent, p.overBudget
	if len(p.families) > 0 {
		info.View = &nbv1.View{Heads: p.views[p.families[0]].Bytes()}
	}
	return info
}
