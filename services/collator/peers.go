package collator

import (
	"slices"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// wireBudget is what decoding a validator's message may take, questionBudget what decoding its question may.
var (
	wireBudget     = decode.Budget{Bytes: 2048, Elements: 16, Depth: 5}
	questionBudget = decode.Budget{Bytes: 64, Elements: 4, Depth: 1}
)

// conduct is what a peer's deed costs it.
type conduct struct {
	value  int32
	reason string
}

// What peers do.
var (
	unreadable = conduct{-500, "a message to a collator that can't be read"}
	declares   = conduct{-1000, "a declaration to a collator"} // it is disconnected
	notOffered = conduct{-50, "a word about a collation of who wasn't offered it"}
	insatiable = conduct{-100, "questions for the same collation again and again"}
	noSuchPart = conduct{-100, "a question for what is no part of the collation"}
)

func (c *collator) report(id primitives.NodeID, d conduct) {
	c.counts.charged++
	c.sub.Log.Debug("a peer's deed costs it", "peer", id.Short(), "cost", d.value, "why", d.reason)
	c.sub.Send(&nbv1.ReportPeer{Peer: id[:], CostBenefit: d.value, Reason: d.reason})
}

// peer is a node that is connected.
type peer struct {
	view  view.View
	stale bool // the bridge tells anew who is connected, and hasn't named it yet
}

// onEvent takes news from the bridge.
func (c *collator) onEvent(e *nbv1.NetworkBridgeEvent) {
	switch k := e.GetKind().(type) {
	case *nbv1.NetworkBridgeEvent_PeersReset:
		for _, p := range c.peers {
			p.stale = true
		}
	case *nbv1.NetworkBridgeEvent_PeerConnected:
		if id, err := primitives.NodeIDFrom(k.PeerConnected.GetPeer()); err == nil {
			c.peers[id] = &peer{}
		}
	case *nbv1.NetworkBridgeEvent_PeerDisconnected:
		if id, err := primitives.NodeIDFrom(k.PeerDisconnected.GetPeer()); err == nil {
			delete(c.peers, id)
		}
	case *nbv1.NetworkBridgeEvent_PeerViewChange:
		c.onPeerView(k.PeerViewChange)
	case *nbv1.NetworkBridgeEvent_OurViewChange: // it is also the last that is told anew
		for id, p := range c.peers {
			if p.stale {
				delete(c.peers, id)
			}
		}
	case *nbv1.NetworkBridgeEvent_PeerRequest:
		c.onRequest(k.PeerRequest)
	}
	for _, m := range e.Messages() {
		if id, err := primitives.NodeIDFrom(m.GetPeer()); err == nil && c.peers[id] != nil {
			c.hear(id, m.GetPayload())
		}
	}
}

func (c *collator) onPeerView(m *nbv1.PeerViewChange) {
	id, err := primitives.NodeIDFrom(m.GetPeer())
	v, err2 := view.From(m.GetView().GetHeads())
	if err != nil || err2 != nil || c.peers[id] == nil {
		return
	}
	c.peers[id].view = v
	c.offerAll()
}

// hear reads what a validator says of a collation.
func (c *collator) hear(from primitives.NodeID, payload []byte) {
	var m collatorv1.ToCollator
	if err := decode.Unmarshal(payload, &m, wireBudget); err != nil {
		c.report(from, unreadable)
		return
	}
	if m.GetDeclare() != nil {
		c.report(from, declares)
		return
	}
	hash, err := primitives.HashFrom(m.GetOutcome().GetCandidate())
	col := c.collations[hash]
	switch {
	case err != nil || col == nil: // it is forgotten
	case !slices.Contains(col.group, from):
		c.report(from, notOffered)
	default:
		col.onOutcome(from, m.GetOutcome().GetStatus())
	}
}

func refusedStatus(why primitivesv1.CollationRefusal, detail string) *primitivesv1.CollationStatus {
	return &primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Refused{
		Refused: &primitivesv1.CollationRefused{Reason: why, Detail: detail}}}
}
