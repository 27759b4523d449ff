package networkbridge

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// frameBudget is what a frame may hold: a hello or a peer exchange is the largest structure, a payload counts as one
// element.
var frameBudget = decode.Budget{Elements: 400, Depth: 4}

// patience is how many frames that can't be read a peer may send on one link. A validator isn't banned by the bridge
// alone, so this is what ends it.
const patience = 16

// onEvents takes what the transport has had to say since the last turn, in order.
func (b *bridge) onEvents(events []Event) {
	changed := false
	for _, e := range events {
		switch e.Kind {
		case Up:
			b.identities.up(e)
			b.admission.up(e)
		case Down:
			b.onDown(e)
		case Unreachable:
			b.admission.unreachable(e)
		case Answered:
			b.book.Answered(e.Peer, e.Address)
		case Ended:
			b.sub.Fatal(e.Err)
		case Frame:
			b.onFrame(e)
			b.net.Consumed(e.Peer, e.Lane, len(e.Bytes))
		}
		changed = changed || e.Kind != Frame
	}
	b.subscribers.flushAll()
	if changed {
		b.dialer.call()
	}
}

func (b *bridge) onDown(e Event) {
	p := b.admission.down(e)
	if p == nil {
		return
	}
	b.asked.gone(p.id)
	b.served.gone(p.id)
	b.families.gone(p)
	if p.hello != nil {
		b.sub.Log.Info("peer disconnected", "peer", p.id.String(), "err", b.links.faults[p.id])
	}
}

// onFrame decides whether a frame is worth decoding, then takes it apart.
func (b *bridge) onFrame(e Event) {
	p := b.links.get(e.Peer)
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
	p.heard = b.sub.Now()
	if hello := f.GetHello(); hello != nil {
		b.onHello(p, e, hello)
		return
	}
	if !p.greeted[e.Lane] {
		b.conduct.punish(p.id, costProtocol, "no hello")
		b.links.turnAway(p.id, "it spoke before it said hello")
		return
	}
	b.onContent(p, e.Lane, &f)
}

// withinBudget takes the frame out of the peer's budget. What is beyond is dropped.
func (b *bridge) withinBudget(p *peer, e Event) bool {
	now := b.sub.Now()
	if p.frames[e.Lane].AllowN(now, 1) && p.bytes[e.Lane].AllowN(now, len(e.Bytes)) {
		return true
	}
	p.overBudget++
	b.dropped.OverBudget++
	b.conduct.punish(p.id, costOverBudget, "sends more than its budget")
	return false
}

func (b *bridge) onMalformed(p *peer, e Event, err error) {
	p.malformed++
	if powerOfTwo(p.malformed) {
		b.sub.Log.Warn("a peer sent what can't be read", "peer", p.id.String(), "lane", e.Lane.String(),
			"bytes", len(e.Bytes), "err", err, "so_far", p.malformed)
	}
	b.conduct.punish(p.id, costMalformed, "malformed frame")
	switch {
	case p.hello == nil:
		b.links.turnAway(p.id, "its first frame can't be read")
	case p.malformed >= patience:
		b.links.turnAway(p.id, "it sends what can't be read")
	}
}

// onHello lets everybody here know of a peer that has said its first good hello.
func (b *bridge) onHello(p *peer, e Event, h *nbv1.Hello) {
	if b.admission.greet(p, e.Lane, e.Bytes, h) {
		b.families.set(p, h.GetFamilies())
		b.connects.connected(p)
		b.exchange.introduce(p)
		b.identities.greeted(p)
		b.timekeeper.tell(p)
	}
}

func (b *bridge) onContent(p *peer, lane Lane, f *nbv1.Frame) {
	switch k := f.GetKind().(type) {
	case *nbv1.Frame_Message:
		payload := k.Message.GetPayload()
		if proto := b.spoken(p, lane, topic{k.Message.GetProtocol(), k.Message.GetChain()},
			len(payload)); proto != nil {
			b.subscribers.enqueue(proto, p.id, payload)
		}
	case *nbv1.Frame_Request:
		at := topic{k.Request.GetProtocol(), k.Request.GetChain()}
		if proto := b.spoken(p, lane, at, len(k.Request.GetPayload())); proto != nil {
			b.served.request(p, proto, k.Request)
		}
	case *nbv1.Frame_Response:
		b.asked.answered(p, k.Response)
	case *nbv1.Frame_ViewUpdate:
		b.views.onUpdate(p, k.ViewUpdate)
	case *nbv1.Frame_Membership:
		b.families.set(p, k.Membership.GetFamilies())
	case *nbv1.Frame_Twin:
		b.identities.claimed(p)
	case *nbv1.Frame_Clock:
		b.timekeeper.heard(p, k.Clock.GetUnixMillis())
	case *nbv1.Frame_PeerExchange:
		if b.exchange.learn(p, k.PeerExchange) {
			b.dialer.call()
		}
	}
}

// spoken returns the protocol that a peer may use with so many bytes on this lane. Otherwise it costs the peer, and the
// result is nil.
func (b *bridge) spoken(p *peer, lane Lane, at topic, size int) *protocol {
	proto := b.subscribers.named[at]
	switch {
	case proto == nil || proto.Lane != lane:
		b.conduct.punish(p.id, costUnknown, "unknown protocol or chain, or on a lane that isn't its own")
	case !p.in(proto.Family):
		b.conduct.punish(p.id, costUnconnected, "message outside its peer set")
	case size > proto.MaxPayload:
		b.conduct.punish(p.id, costMalformed, "message larger than its protocol allows")
	default:
		return proto
	}
	return nil
}

// encode makes the frame of a message we made ourselves; that it can't be encoded is impossible but for running out of
// memory.
func encode(f *nbv1.Frame) []byte {
	raw, err := proto.Marshal(f)
	if err != nil {
		panic(err)
	}
	return raw
}
