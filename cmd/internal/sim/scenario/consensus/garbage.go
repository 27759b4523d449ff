package consensus

import (
	"math/rand/v2"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// garble is a message that nobody can use. Most can be read and say what makes no sense, since what can't be read ends
// the link.
func garble(r *rand.Rand, frame []byte) []byte {
	switch n := r.IntN(64); {
	case n == 0:
		return noise(r, 1+r.IntN(2*len(frame)))
	case n < 8:
		torn := append([]byte(nil), frame...)
		torn[r.IntN(len(torn))] ^= byte(1 + r.IntN(255))
		return torn
	}
	return remake(frame, func(m *enginev1.PeerMessage) {
		said := m.ProtoReflect()
		kind := said.WhichOneof(said.Descriptor().Oneofs().ByName("kind"))
		if kind != nil {
			garbleFields(r, said.Mutable(kind).Message())
		}
	})
}

// garbleFields changes about every second field of a message, in the order of their declaration.
func garbleFields(r *rand.Rand, m protoreflect.Message) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		switch change := r.IntN(2) == 0; {
		case !change || f.Name() == "request_id":
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			garbleList(r, m.Mutable(f).List())
		case f.IsList() && f.Kind() == protoreflect.BytesKind:
			list := m.Mutable(f).List()
			list.Append(protoreflect.ValueOfBytes(noise(r, r.IntN(80))))
		case f.Kind() == protoreflect.BytesKind:
			m.Set(f, protoreflect.ValueOfBytes(wrongBytes(r, m.Get(f).Bytes())))
		case f.Kind() == protoreflect.Uint64Kind:
			m.Set(f, protoreflect.ValueOfUint64(wrongNumber(r, m.Get(f).Uint())))
		case f.Kind() == protoreflect.Uint32Kind:
			m.Set(f, protoreflect.ValueOfUint32(uint32(wrongNumber(r, m.Get(f).Uint()))))
		case f.Kind() == protoreflect.EnumKind:
			m.Set(f, protoreflect.ValueOfEnum(protoreflect.EnumNumber(r.IntN(9))))
		}
	}
}

// garbleList garbles each element, and repeats the first.
func garbleList(r *rand.Rand, list protoreflect.List) {
	for i := range list.Len() {
		garbleFields(r, list.Get(i).Message())
	}
	if list.Len() > 0 {
		list.Append(protoreflect.ValueOfMessage(proto.Clone(list.Get(0).Message().Interface()).ProtoReflect()))
	}
}

// wrongBytes are of another length, or differ in a bit, or have nothing to do with what was there.
func wrongBytes(r *rand.Rand, right []byte) []byte {
	wrong := append([]byte(nil), right...)
	switch r.IntN(4) {
	case 0:
		return wrong[:r.IntN(len(wrong)+1)]
	case 1:
		return append(wrong, noise(r, 1+r.IntN(8))...)
	case 2:
		return noise(r, len(wrong))
	}
	if len(wrong) > 0 {
		wrong[r.IntN(len(wrong))] ^= 1 << r.IntN(8)
	}
	return wrong
}

// wrongNumber is near the right one, or as far away as can be.
func wrongNumber(r *rand.Rand, right uint64) uint64 {
	return [...]uint64{right + 1, right - 1, 0, 1 << 31, ^uint64(0), right + uint64(r.IntN(1000))}[r.IntN(6)]
}

func noise(r *rand.Rand, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return b
}
