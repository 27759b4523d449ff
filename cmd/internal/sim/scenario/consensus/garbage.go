package consensus

import (
	"math/rand/v2"

	"github.com/reevenet/reeve/cmd/internal/byzantine"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// garble is a message that nobody can use. Most can be read and say what makes no sense, since what can't be read ends
// the link.
func garble(r *rand.Rand, frame []byte) []byte {
	switch n := r.IntN(64); {
	case n == 0:
		return byzantine.Noise(r, 1+r.IntN(2*len(frame)))
	case n < 8:
		torn := append([]byte(nil), frame...)
		torn[r.IntN(len(torn))] ^= byte(1 + r.IntN(255))
		return torn
	}
	return remake(frame, func(m *enginev1.PeerMessage) {
		said := m.ProtoReflect()
		kind := said.WhichOneof(said.Descriptor().Oneofs().ByName("kind"))
		if kind != nil {
			byzantine.Garble(r, said.Mutable(kind).Message().Interface())
		}
	})
}
