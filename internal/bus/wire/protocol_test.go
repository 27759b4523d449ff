package wire

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// The overseer's view of an envelope differs from the envelope in one thing: the messages in it are bytes, which look
// the same.
func TestTheRoutedEnvelopeIsTheEnvelope(t *testing.T) {
	routed := (*overseerv1.RoutedEnvelope)(nil).ProtoReflect().Descriptor().Fields()
	whole := (*overseerv1.Envelope)(nil).ProtoReflect().Descriptor().Fields()
	if routed.Len() != whole.Len() {
		t.Errorf("%d fields, and the envelope has %d", routed.Len(), whole.Len())
	}
	for i := range whole.Len() {
		want, got := whole.Get(i), routed.ByNumber(whole.Get(i).Number())
		kind := want.Kind()
		if kind == protoreflect.MessageKind {
			kind = protoreflect.BytesKind
		}
		if got == nil || got.Name() != want.Name() || got.Kind() != kind || got.Cardinality() != want.Cardinality() ||
			got.HasPresence() != want.HasPresence() || got.Enum() != want.Enum() {
			t.Errorf("field %d is %v, and the envelope's %v", want.Number(), got, want)
		}
	}
}

// A field that is added to the protocol and forgotten here would be lost between two processes, and nobody would see
// it.
func TestNoFieldOfAnEnvelopeIsLost(t *testing.T) {
	sent := &overseerv1.Envelope{}
	m := sent.ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		field := m.Descriptor().Fields().Get(i)
		m.Set(field, something(m, field))
	}
	b, err := proto.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	var e Envelope
	if plain, err := e.Parse(b, Names{}); !plain || err != nil {
		t.Fatalf("plain %t, %v", plain, err)
	}
	back := &overseerv1.Envelope{}
	if err := proto.Unmarshal(AppendEnvelope(nil, &e), back); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(sent, back) {
		t.Fatalf("%v came back as %v", sent, back)
	}
}

// something is a value of a field that is not the default.
func something(m protoreflect.Message, field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("sixteen bytes...")) // as long as an id
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("name")
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(1 << 31)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(1 << 63)
	}
	return protoreflect.ValueOfMessage(m.NewField(field).Message())
}

func TestTheNumbersAreTheProtocols(t *testing.T) {
	for _, c := range []struct {
		number protowire.Number
		of     proto.Message
		name   protoreflect.Name
	}{
		{fFrame, &overseerv1.AttachRequest{}, "frames"},
		{fFrame, &overseerv1.AttachResponse{}, "frames"},
		{fMessage, &overseerv1.Envelope{}, "message"},
		{fReply, &overseerv1.Envelope{}, "reply"},
		{TagHello, &overseerv1.SubsystemFrame{}, "hello"},
		{TagFromEnvelope, &overseerv1.SubsystemFrame{}, "envelope"},
		{TagProcessed, &overseerv1.SubsystemFrame{}, "processed"},
		{TagHeartbeat, &overseerv1.SubsystemFrame{}, "heartbeat"},
		{TagGoodbye, &overseerv1.SubsystemFrame{}, "goodbye"},
		{TagStatusAnswer, &overseerv1.SubsystemFrame{}, "status"},
		{TagAttached, &overseerv1.OverseerFrame{}, "attached"},
		{TagSignals, &overseerv1.OverseerFrame{}, "signals"},
		{TagToEnvelope, &overseerv1.OverseerFrame{}, "envelope"},
		{TagCredit, &overseerv1.OverseerFrame{}, "credit"},
		{TagPresence, &overseerv1.OverseerFrame{}, "presence"},
		{TagStatus, &overseerv1.OverseerFrame{}, "status"},
	} {
		if field := c.of.ProtoReflect().Descriptor().Fields().ByName(c.name); field.Number() != c.number {
			t.Errorf("%s is field %d, not %d", field.FullName(), field.Number(), c.number)
		}
	}
	if kinds != Kind(overseerv1.Envelope_KIND_UNSPECIFIED.Descriptor().Values().Len()) {
		t.Error("a kind of envelope is missing")
	}
	if LaneCount != Lane((overseerv1.RoutedEnvelope{}).Lane.Descriptor().Values().Len()) {
		t.Error("a lane is missing")
	}
}

// Who reads a plain envelope reads what everybody else reads; what isn't plain the overseer writes anew.
func TestPlainMeansOneReading(t *testing.T) {
	e := &Envelope{ID: NewID(7, 9), From: "a", Message: AppendVariant(nil, 1, 3, nil)}
	once := AppendEnvelope(nil, e)
	with := func(more ...byte) []byte { return append(once[:len(once):len(once)], more...) }
	for what, b := range map[string][]byte{
		"twice":            with(once...),
		"unknown field":    with(0xa2, 0x06, 0x00),
		"written long":     with(byte(5<<3), 0x83, 0x00),
		"a default":        with(byte(5<<3), 0),
		"a field again":    with(byte(3<<3|protowire.BytesType), 1, 'b'),
		"a message behind": with(byte(fMessage<<3)|byte(protowire.BytesType), 0),
	} {
		if plain, err := new(Envelope).Parse(b, Names{}); plain || err != nil {
			t.Errorf("%s: plain %t, %v", what, plain, err)
		}
	}
	if plain, err := new(Envelope).Parse(once, Names{}); !plain || err != nil {
		t.Errorf("once: plain %t, %v", plain, err)
	}
	if _, err := new(Envelope).Parse(with(byte(1<<3|protowire.BytesType), 0), Names{}); err == nil {
		t.Error("a kind that is no number was read")
	}
}
