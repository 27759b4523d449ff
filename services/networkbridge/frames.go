package networkbridge

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/view"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// frameBudget is what a frame may hold: a hello or a peer exchange is the largest structure, a payload counts as one element.
var frameBudget = decode.Budget{Elements: 400, Depth: 4}

// onEvents takes what the transport told since the last turn, in order.
func (b *bridge) onEvents(events []Event) {
	changed := false
	for _, e := range events {
		switch e.Kind {
		case Up:
			b.onUp(e)
		case Down:
			b.onDown(e)
		case Unreachable:
			b.onUnreachable(e)
		case Frame:
			b.onFrame(e)
			b.net.Consumed(e.Peer, e.Lane, len(e.Bytes))
		}
		changed = changed || e.Kind != Frame
	}
	b.flushAll()
	if changed {
		b.call()
	}
}

// onFrame decides whether a frame is worth decoding, then takes it apart.
func (b *bridge) onFrame(e Event) {
	p := b.peers[e.Peer]
	if p == nil || p.leaving {
		return
	}
	p.received += uint64(len(e.Bytes))
	if !b.withinBudget(p, e) {
		return
	}
	var f nbv1.Frame
	budget := frameBudget
	budget.Bytes = e.Lane.MaxFrame()
	if err := decode.Unmarshal(e.Bytes, &f, budget); err != nil {
		b.onMalformed(p, e, err)
		return
	}
	if hello := f.GetHello(); hello != nil {
		b.onHello(p, e.Lane, e.Bytes, hello)
		return
	}
	if !p.greeted[e.Lane] {
		b.punish(p.id, costProtocol, "no hello")
		b.turnAway(p.id, "it spoke before it said hello")
		return
	}
	b.onContent(p, e.Lane, &f)
}

// patience is how many frames that can't be read a peer may send on one link. A validator isn't banned by the bridge alone, so this
// is what ends it.
const patience = 16

func (b *bridge) onMalformed(p *peer, e Event, err error) {
	p.malformed++
	if powerOfTwo(p.malformed) {
		b.sub.Log.Warn("a peer sent what can't be read", "peer", p.id.String(), "lane", e.Lane.String(), "bytes", len(e.Bytes), "why", err, "so_far", p.malformed)
	}
	b.punish(p.id, costMalformed, "malformed frame")
	switch {
	case p.hello == nil:
		b.turnAway(p.id, "its first frame can't be read")
	case p.malformed >= patience:
		b.turnAway(p.id, "it sends what can't be read")
	}
}

// powerOfTwo picks the 1st, 2nd, 4th, 8th, … so that a flood is a few lines of log.
func powerOfTwo(n uint64) bool { return n&(n-1) == 0 }

func (b *bridge) onContent(p *peer, lane Lane, f *nbv1.Frame) {
	switch k := f.GetKind().(type) {
	case *nbv1.Frame_ViewUpdate:
		b.onViewUpdate(p, k.ViewUpdate)
	case *nbv1.Frame_Membership:
		b.joinAll(p, k.Membership.GetFamilies())
	case *nbv1.Frame_PeerExchange:
		b.onPeerExchange(p, k.PeerExchange)
	case *nbv1.Frame_Message:
		if proto := b.spoken(p, lane, k.Message.GetProtocol(), len(k.Message.GetPayload())); proto != nil {
			b.pass(proto, p.id, k.Message.GetPayload())
		}
	case *nbv1.Frame_Request:
		b.onRequest(p, lane, k.Request)
	case *nbv1.Frame_Response:
		b.onResponse(p, k.Response)
	}
}

// spoken returns the protocol that a peer may use with so many bytes on this lane. Otherwise it costs the peer, and the result is nil.
func (b *bridge) spoken(p *peer, lane Lane, name string, size int) *protocol {
	proto := b.protocols[name]
	switch {
	case proto == nil || proto.Lane != lane:
		b.punish(p.id, costUnknown, "unknown protocol, or on a lane that isn't its own")
	case !p.in(proto.Family):
		b.punish(p.id, costUnconnected, "message outside its peer set")
	case size > proto.MaxPayload:
		b.punish(p.id, costMalformed, "message larger than its protocol allows")
	default:
		return proto
	}
	return nil
}

// withinBudget takes the frame out of the peer's budget. What is beyond is dropped.
func (b *bridge) withinBudget(p *peer, e Event) bool {
	now := b.sub.Now()
	if p.frames[e.Lane].AllowN(now, 1) && p.bytes[e.Lane].AllowN(now, len(e.Bytes)) {
		return true
	}
	p.overBudget++
	b.dropped.OverBudget++
	b.punish(p.id, costOverBudget, "sends more than its budget")
	return false
}

func (b *bridge) onViewUpdate(p *peer, u *nbv1.ViewUpdate) {
	v, err := view.From(u.GetHeads())
	switch {
	case err != nil:
		b.punish(p.id, costMalformed, "malformed view")
		return
	case !p.in(u.GetFamily()):
		b.punish(p.id, costUnconnected, "view outside its peer set")
		return
	case v.Equal(p.views[u.GetFamily()]):
		return
	}
	p.views[u.GetFamily()] = v
	for _, proto := range b.listed {
		if proto.Family == u.GetFamily() && !proto.NoViews {
			b.tell(proto, peerView(p.id, v))
		}
	}
}

// encode makes the frame of a message we made ourselves; that it can't be encoded is impossible but for running out of memory.
func encode(f *nbv1.Frame) []byte {
	raw, err := proto.Marshal(f)
	if err != nil {
		panic(err)
	}
	return raw
}
