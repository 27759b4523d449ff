package candidateselection

import (
	"slices"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// wireBudget is what decoding a collator's message may take.
var wireBudget = decode.Budget{Bytes: 1024, Elements: 40, Depth: 4}

// peer is a node that is connected, and for whom it collates.
type peer struct {
	id       primitives.NodeID
	declared *declaration
	// advertised are the relay parents, of those that are leaves here, for which it has offered something.
	advertised map[primitives.Hash]bool
	stale      bool // the bridge tells anew who is connected, and hasn't named it yet
}

type declaration struct {
	collator primitives.Hash
	para     uint32
}

// onEvent takes news from the bridge.
func (s *selection) onEvent(e *nbv1.NetworkBridgeEvent) {
	switch k := e.GetKind().(type) {
	case *nbv1.NetworkBridgeEvent_PeersReset:
		s.onReset()
	case *nbv1.NetworkBridgeEvent_PeerConnected:
		s.onConnected(k.PeerConnected.GetPeer())
	case *nbv1.NetworkBridgeEvent_PeerDisconnected:
		if id, err := primitives.NodeIDFrom(k.PeerDisconnected.GetPeer()); err == nil {
			delete(s.peers, id)
		}
	case *nbv1.NetworkBridgeEvent_PeerRequest: // nothing is asked of a validator
		if id, err := primitives.NodeIDFrom(k.PeerRequest.GetPeer()); err == nil {
			s.report(id, unreadable)
		}
	}
	for _, m := range e.Messages() {
		if id, err := primitives.NodeIDFrom(m.GetPeer()); err == nil && s.peers[id] != nil {
			s.hear(s.peers[id], m.GetPayload())
		}
	}
}

// onReset: who is connected is told anew. Those whom the last telling didn't name are gone.
func (s *selection) onReset() {
	for id, p := range s.peers {
		if p.stale {
			delete(s.peers, id)
		}
		p.stale = true
	}
}

func (s *selection) onConnected(raw []byte) {
	id, err := primitives.NodeIDFrom(raw)
	if err != nil {
		return
	}
	if p := s.peers[id]; p != nil {
		p.stale = false
		return
	}
	s.peers[id] = &peer{id: id, advertised: map[primitives.Hash]bool{}}
}

// hear reads what a collator says.
func (s *selection) hear(p *peer, payload []byte) {
	var m collatorv1.ToValidator
	if err := decode.Unmarshal(payload, &m, wireBudget); err != nil {
		s.report(p.id, unreadable)
		return
	}
	switch k := m.GetKind().(type) {
	case *collatorv1.ToValidator_Declare:
		s.onDeclare(p, k.Declare)
	case *collatorv1.ToValidator_Advertise:
		s.onAdvertise(p, k.Advertise)
	}
}

func (s *selection) onDeclare(p *peer, d *collatorv1.Declare) {
	said := declaration{collator: primitives.Hash(d.GetCollator()), para: d.GetPara()}
	if p.declared != nil && *p.declared != said {
		s.report(p.id, redeclared)
		return
	}
	p.declared = &said
}

// onAdvertise takes one collation of each peer for each relay parent, after he has declared himself.
func (s *selection) onAdvertise(p *peer, a *collatorv1.Advertise) {
	receipt, err := parachain.Receipt(a.GetReceipt())
	if err != nil {
		s.report(p.id, unreadable)
		return
	}
	c := receipt.Descriptor.Collation
	r, active := s.leaves.Get(c.RelayParent[:])
	switch {
	case p.declared == nil || *p.declared != declaration{primitives.Hash(c.Collator), c.ParaID}:
		s.report(p.id, undeclared)
	case !active && slices.Contains(s.past, c.RelayParent): // it was under way
		s.tellPeers([]primitives.NodeID{p.id}, c.RelayParent, receipt.Hash(), refused(unknownRelayParent, ""))
	case !active:
		s.report(p.id, outOfView)
	case p.advertised[c.RelayParent]:
		s.report(p.id, twice)
	default:
		p.advertised[c.RelayParent] = true
		if !r.soon(func() { r.onAdvertised(p.id, receipt, a.GetPovSize()) }) {
			s.tellPeers([]primitives.NodeID{p.id}, c.RelayParent, receipt.Hash(), refused(queueFull, ""))
		}
	}
}

// onAdvertised queues a collation, or adds one who has it to one that is queued.
func (r *relayParent) onAdvertised(from primitives.NodeID, receipt candidate.Receipt, size uint64) {
	hash := receipt.Hash()
	if o := r.selection.offers[hash]; o != nil {
		r.selection.join(o, from)
		r.advance()
		return
	}
	o := &offer{hash: hash, receipt: receipt, size: size, relayParent: r.leaf.Hash, number: r.leaf.Number,
		sources: []primitives.NodeID{from}, listeners: []primitives.NodeID{from}}
	if why := r.check(receipt, size); why != 0 {
		if why == primitivesv1.CollationRefusal_COLLATION_REFUSAL_BAD_SIGNATURE {
			r.report(from, forged)
		}
		r.tellPeers(o.listeners, o.relayParent, hash, refused(why, ""))
		return
	}
	r.take(o)
	r.advance()
}

// join notes one more peer that has a collation, and tells it how far that has come.
func (s *selection) join(o *offer, from primitives.NodeID) {
	if len(o.listeners) >= maxSources || slices.Contains(o.listeners, from) {
		return
	}
	o.sources, o.listeners = append(o.sources, from), append(o.listeners, from)
	for _, status := range o.steps {
		s.tellPeers([]primitives.NodeID{from}, o.relayParent, o.hash, status)
	}
}
