package networkbridge

import (
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// onSend sends one payload to many peers. The frame is made once.
func (b *bridge) onSend(peers [][]byte, name string, payload []byte) {
	proto := b.protocols[name]
	if proto == nil {
		b.sub.Log.Error("a subsystem sends on a protocol that isn't declared", "protocol", name)
		return
	}
	if len(payload) > proto.MaxPayload {
		b.dropped.Oversize++
		b.sub.Log.Error("a message is larger than its protocol allows", "protocol", name, "bytes", len(payload), "most", proto.MaxPayload)
		return
	}
	frame := encode(&nbv1.Frame{Kind: &nbv1.Frame_Message{Message: &nbv1.WireMessage{Protocol: name, Payload: payload}}})
	for _, raw := range peers {
		id, ok := b.nodeID(raw)
		if !ok {
			continue
		}
		if p := b.peers[id]; p != nil && p.in(proto.Family) {
			b.send(p, proto.Lane, frame)
		}
	}
}

func (b *bridge) send(p *peer, lane Lane, frame []byte) bool {
	if !b.net.Send(p.id, lane, frame) {
		b.dropped.Shed++
		return false
	}
	p.sent += uint64(len(frame))
	return true
}
