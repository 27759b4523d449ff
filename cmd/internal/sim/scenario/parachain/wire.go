package parachain

import (
	"cmp"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	bdv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	"github.com/reevenet/reeve/services"
	"github.com/reevenet/reeve/services/availabilitydistribution"
	"github.com/reevenet/reeve/services/bitfielddistribution"
	"github.com/reevenet/reeve/services/engine"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/povdistribution"
	"github.com/reevenet/reeve/services/statementdistribution"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// wire sees every frame before it leaves a node: it tells the checker what honest ones say, and has liars lie.
type wire struct {
	net   *network
	last  []byte // the frame that was read last: one that goes to many is read once
	read  *nbv1.Frame
	shown map[primitives.Hash]bool // blocks
	heard map[string]bool          // payloads of statements and bitfields
	asked map[question]string      // the protocol of a request that isn't answered
}

// question is a request of one node to another.
type question struct {
	from, to int
	id       uint64
}

func newWire(net *network) wire {
	return wire{net: net, shown: map[primitives.Hash]bool{}, heard: map[string]bool{}, asked: map[question]string{}}
}

// protocolOf is the name of what a subsystem speaks with its like.
func protocolOf(subsystem string) string {
	p, err := services.Parts().Find(subsystem)
	if err != nil || len(p.Protocols) == 0 {
		panic(subsystem + " speaks nothing")
	}
	return p.Protocols[0].Name
}

var (
	statementsProtocol = protocolOf(statementdistribution.Name)
	bitfieldsProtocol  = protocolOf(bitfielddistribution.Name)
	povsProtocol       = protocolOf(povdistribution.Name)
	chunksProtocol     = protocolOf(availabilitydistribution.Name)
)

// tap is sim.Scenario's.
func (w *wire) tap(from, to int, lane nb.Lane, frame []byte) []byte {
	if len(w.last) == 0 || &w.last[0] != &frame[0] || len(w.last) != len(frame) {
		w.last, w.read = frame, readFrame(frame)
	}
	f := w.read
	if f == nil {
		return frame
	}
	protocol := f.GetMessage().GetProtocol()
	switch k := f.GetKind().(type) {
	case *nbv1.Frame_Request:
		protocol = k.Request.GetProtocol()
		w.asked[question{from, to, k.Request.GetId()}] = protocol
	case *nbv1.Frame_Response:
		q := question{to, from, k.Response.GetId()}
		protocol = w.asked[q]
		delete(w.asked, q)
	case *nbv1.Frame_Message:
		protocol = cmp.Or(w.hears(from, k.Message), protocol)
	}
	w.net.meter.count(kindOf(f, protocol), len(frame))
	if !w.net.lies.is(from) {
		return frame
	}
	said := w.net.lies.says(from, to, lane, protocol, f, frame)
	if len(said) != len(frame) || len(said) > 0 && &said[0] != &frame[0] {
		*w.net.lies.count++
	}
	return said
}

func readFrame(frame []byte) *nbv1.Frame {
	f := &nbv1.Frame{}
	if len(frame) == 0 || proto.Unmarshal(frame, f) != nil {
		return nil
	}
	return f
}

// hears tells the checker what a message says, the first time that somebody says so, and what kind it is of if there is
// more to say of it than its protocol.
func (w *wire) hears(from int, m *nbv1.WireMessage) (kind string) {
	switch m.GetProtocol() {
	case engine.ProtocolConsensus, engine.ProtocolBulk:
		return w.onEngine(from, m.GetPayload())
	case statementsProtocol:
		var s sdv1.Wire
		if w.first(m.GetPayload()) && proto.Unmarshal(m.GetPayload(), &s) == nil {
			if at, ok := w.about(from, s.GetStatements().GetRelayParent()); ok {
				for _, one := range s.GetStatements().GetStatements() {
					w.net.checker.Said(at, one)
				}
				w.net.look()
			}
		}
	case bitfieldsProtocol:
		var s bdv1.Wire
		if w.first(m.GetPayload()) && proto.Unmarshal(m.GetPayload(), &s) == nil {
			if at, ok := w.about(from, s.GetBitfield().GetRelayParent()); ok {
				w.net.checker.Claimed(at, s.GetBitfield().GetBitfield())
				w.net.look()
			}
		}
	}
	return ""
}

// about is the relay parent of something, if the checker knows it or can learn it now.
func (w *wire) about(from int, raw []byte) (primitives.Hash, bool) {
	at, err := primitives.HashFrom(raw)
	return at, err == nil && w.net.relay.learn(at, from)
}

func (w *wire) first(payload []byte) bool {
	key := string(payload)
	heard := w.heard[key]
	w.heard[key] = true
	return !heard
}

func (w *wire) onEngine(from int, payload []byte) (kind string) {
	var m enginev1.PeerMessage
	if proto.Unmarshal(payload, &m) != nil {
		return ""
	}
	switch k := m.GetKind().(type) {
	case *enginev1.PeerMessage_PushQuery:
		w.onBlock(from, k.PushQuery.GetContainer())
	case *enginev1.PeerMessage_Put:
		w.onBlock(from, k.Put.GetContainer())
	case *enginev1.PeerMessage_Certified:
		w.onBlock(from, k.Certified.GetContainer())
	case *enginev1.PeerMessage_Ancestors_:
		for _, raw := range k.Ancestors_.GetContainers() {
			w.onBlock(from, raw)
		}
	}
	return engineKind(&m)
}

// onBlock notes by which name the VM knows a block, and has that of an honest proposer checked.
func (w *wire) onBlock(from int, raw []byte) {
	b, err := block.Decode(w.net.relay.id, raw)
	if err != nil || w.shown[b.ID()] {
		return
	}
	w.shown[b.ID()] = true
	w.net.relay.names[b.ID()] = primitives.Hash(vmsdk.IDOf(b.VMBlock()))
	if int(b.Proposer) == from && !w.net.lies.is(from) {
		w.net.relay.proposed(b)
	}
}

// kindOf is what a frame is, for those who count.
func kindOf(f *nbv1.Frame, protocol string) string {
	switch f.GetKind().(type) {
	case *nbv1.Frame_Message:
		return protocol
	case *nbv1.Frame_Request:
		return protocol + " asked"
	case *nbv1.Frame_Response:
		return protocol + " answered"
	case *nbv1.Frame_ViewUpdate:
		return "views"
	}
	return "bridge"
}

// describe says what is in a frame, for the readable trace.
func describe(frame []byte) string {
	f := readFrame(frame)
	text := kindOf(f, f.GetMessage().GetProtocol()+f.GetRequest().GetProtocol())
	if f.GetMessage().GetProtocol() != statementsProtocol {
		return text
	}
	var s sdv1.Wire
	if proto.Unmarshal(f.GetMessage().GetPayload(), &s) != nil {
		return text
	}
	for _, one := range s.GetStatements().GetStatements() {
		text += fmt.Sprintf(" %d:%T", one.GetValidator(), one.GetStatement().GetKind())
	}
	return text
}
