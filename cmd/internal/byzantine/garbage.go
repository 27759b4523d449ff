package byzantine

import (
	"math/rand/v2"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// garble says something that nobody can use. Most of it can be read and makes no sense, since what can't be read soon
// ends the link.
func (l *liar) garble(to primitives.NodeID, m proto.Message) {
	if r := l.loop.Rand(); r.IntN(64) == 0 {
		l.raw(to, Noise(r, 1+r.IntN(2*proto.Size(m)+1)))
	} else {
		lie := proto.Clone(m)
		Garble(r, lie)
		l.send([]primitives.NodeID{to}, lie)
	}
}

// Garble changes about every second field of a message, but not the number of a request.
func Garble(r *rand.Rand, m proto.Message) { garbleFields(r, m.ProtoReflect()) }

// garbleFields goes over the fields in the order of their declaration.
func garbleFields(r *rand.Rand, m protoreflect.Message) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		switch change := r.IntN(2) == 0; {
		case !change || f.Name() == "request_id":
		case f.IsList():
			garbleList(r, f, m.Mutable(f).List())
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

// garbleList changes each element, or adds one, or repeats the first.
func garbleList(r *rand.Rand, f protoreflect.FieldDescriptor, list protoreflect.List) {
	switch f.Kind() {
	case protoreflect.BytesKind:
		list.Append(protoreflect.ValueOfBytes(Noise(r, r.IntN(80))))
	case protoreflect.MessageKind:
		for i := range list.Len() {
			garbleFields(r, list.Get(i).Message())
		}
		if list.Len() > 0 {
			list.Append(protoreflect.ValueOfMessage(proto.Clone(list.Get(0).Message().Interface()).ProtoReflect()))
		}
	}
}

// wrongBytes are of another length, or differ in a bit, or have nothing to do with what was there.
func wrongBytes(r *rand.Rand, right []byte) []byte {
	wrong := append([]byte(nil), right...)
	switch r.IntN(4) {
	case 0:
		return wrong[:r.IntN(len(wrong)+1)]
	case 1:
		return append(wrong, Noise(r, 1+r.IntN(8))...)
	case 2:
		return Noise(r, len(wrong))
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

// Noise is random bytes.
func Noise(r *rand.Rand, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return b
}
