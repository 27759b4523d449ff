package abuse

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
	"github.com/reevenet/reeve/services/engine"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// ways is how a message of each lane travels, and how often a second a flood sends one: within the budget of a
// stranger, since who exceeds it is cut and achieves less.
var ways = map[optionsv1.Lane]struct {
	protocol string
	lane     nb.Lane
	rate     float64
}{
	optionsv1.Lane_LANE_CONSENSUS: {engine.ProtocolConsensus, nb.LaneConsensus, 1000},
	optionsv1.Lane_LANE_BACKING:   {engine.ProtocolApp, nb.LaneBacking, 500},
	optionsv1.Lane_LANE_GOSSIP:    {engine.ProtocolGossip, nb.LaneGossip, 300},
	optionsv1.Lane_LANE_BULK:      {engine.ProtocolBulk, nb.LaneBulk, 200},
}

// laneOf is the lane that the protocol names for a kind of message; what has none travels with consensus.
func laneOf(m protoreflect.MessageDescriptor) optionsv1.Lane {
	v, _ := proto.GetExtension(m.Options(), optionsv1.E_Variant).(*optionsv1.Variant)
	if v.GetLane() == optionsv1.Lane_LANE_UNSPECIFIED {
		return optionsv1.Lane_LANE_CONSENSUS
	}
	return v.GetLane()
}

// kinds are what engines say to each other.
func kinds() protoreflect.FieldDescriptors {
	return (&enginev1.PeerMessage{}).ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
}

// floods are one attack for each kind of message that engines say to each other.
func floods() (list []Attack) {
	for i := range kinds().Len() {
		kind := kinds().Get(i)
		name := strings.ReplaceAll(string(kind.Name()), "_", "-")
		rate := ways[laneOf(kind.Message())].rate
		list = append(list, Attack{
			Name: "flood-" + name, Door: Peer, Does: fmt.Sprintf("%s, %.0f/s", kind.Message().Name(), rate), Most: 64,
			run: saying(rate, func(a *attacker, i uint32) *enginev1.PeerMessage {
				m := &enginev1.PeerMessage{}
				fill(&a.Target, m.ProtoReflect().Mutable(kind).Message(), uint64(i))
				return m
			}),
		})
	}
	return list
}

// engine says something to the node's engine.
func (s *stranger) engine(m *enginev1.PeerMessage) error {
	m.ChainId = s.by.ChainID[:]
	payload, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	r := m.ProtoReflect()
	said := r.Get(r.WhichOneof(r.Descriptor().Oneofs().ByName("kind"))).Message()
	w := ways[laneOf(said.Descriptor())]
	return s.say(w.lane, &nbv1.Frame{Kind: &nbv1.Frame_Message{Message: &nbv1.WireMessage{
		Protocol: w.protocol, Payload: payload, Chain: s.by.Chain,
	}}})
}

// many is how many elements a list has.
const many = 16

// fill sets every field to what somebody without a validator's key can say: ids that nobody has, heights near the last
// one, blocks and votes that nobody has signed.
func fill(t *Target, m protoreflect.Message, i uint64) {
	fields := m.Descriptor().Fields()
	for k := range fields.Len() {
		f := fields.Get(k)
		switch {
		case f.Name() == "node_id": // isn't sent
		case f.IsList():
			for n := range uint64(many) {
				m.Mutable(f).List().Append(value(t, f, many*i+n))
			}
		default:
			m.Set(f, value(t, f, i))
		}
	}
}

func value(t *Target, f protoreflect.FieldDescriptor, i uint64) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.MessageKind:
		m := (&enginev1.Vote{}).ProtoReflect()
		fill(t, m, i)
		return protoreflect.ValueOfMessage(m)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(content(t, string(f.Name()), i))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(strings.Repeat("words ", 100))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(1 + i%2))
	case protoreflect.Uint64Kind: // a height
		return protoreflect.ValueOfUint64(t.Height + i%20)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(i))
	default:
		return protoreflect.ValueOfUint32(number(string(f.Name()), i))
	}
}

// number is a request's, or one as small as those of validators and rounds are.
func number(field string, i uint64) uint32 {
	if field == "validator" || field == "round" {
		return uint32(i % 4)
	}
	return uint32(i) + 1000
}

// content is an id, a signature, a block that looks like one, or noise.
func content(t *Target, field string, i uint64) []byte {
	switch {
	case strings.HasSuffix(field, "_id"), strings.HasSuffix(field, "_ids"), strings.Contains(field, "preferred"):
		return someID()
	case field == "signature":
		return noise(64)
	case strings.HasPrefix(field, "container"):
		return forged(t, i)
	}
	return noise(1000)
}

// forged is a block on the last one that nobody has signed.
func forged(t *Target, i uint64) []byte {
	h := block.Header{Height: t.Height + 1 + i%20, Parent: t.Last, Slot: i % 4, Proposer: uint32(i % 4)}
	if i%2 == 0 {
		h.Parent = primitives.HashOf(noise(8))
	}
	b, err := block.New(block.Chain{NetworkID: t.Number, ID: t.ChainID}, h, block.Body(nil, noise(500)), noise(64))
	if err != nil {
		return noise(500)
	}
	return b.Bytes()
}
