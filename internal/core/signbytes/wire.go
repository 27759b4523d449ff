package signbytes

import (
	"encoding/binary"

	"github.com/reevenet/reeve/internal/core/primitives"
)

type writer struct{ b []byte }

func newWriter(kind Kind, size int) *writer {
	b := make([]byte, 0, size)
	b = append(b, prefix...)
	return &writer{append(b, version, byte(kind))}
}

func (w *writer) u32(v uint32)           { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64)           { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) hash(h primitives.Hash) { w.b = append(w.b, h[:]...) }

// reader takes fields from the front. After the end it reads zeros and sets short.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if len(r.rest) < n {
		r.short, r.rest = true, nil
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) u32() uint32           { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64           { return binary.BigEndian.Uint64(r.take(8)) }
func (r *reader) hash() primitives.Hash { return primitives.Hash(r.take(32)) }
