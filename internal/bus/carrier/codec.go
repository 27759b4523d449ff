package carrier

import (
	"fmt"
	"sync"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// codec carries batches as they are, and every other message, of health and reflection, as protobuf does. Its name is
// "proto": on the wire there is no difference.
type codec struct{}

var _ encoding.CodecV2 = codec{}

// Name is the content subtype.
func (codec) Name() string { return "proto" }

// Marshal gives a batch's bytes away: they come back to written.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	switch m := v.(type) {
	case *wire.Batch:
		bytes := m.Bytes
		return mem.BufferSlice{mem.NewBuffer(&bytes, &written)}, nil
	case proto.Message:
		b, err := proto.Marshal(m)
		return mem.BufferSlice{mem.SliceBuffer(b)}, err
	}
	return nil, fmt.Errorf("the bus carries protobuf messages, not %T", v)
}

// Unmarshal copies the bytes once, since grpc-go uses its own again; into the batch's memory, if they fit.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	switch m := v.(type) {
	case *wire.Batch:
		if n := data.Len(); n <= cap(m.Bytes) {
			m.Bytes = m.Bytes[:n]
			data.CopyTo(m.Bytes)
		} else {
			m.Bytes = data.Materialize()
		}
		return nil
	case proto.Message:
		return proto.Unmarshal(data.Materialize(), m)
	}
	return fmt.Errorf("the bus carries protobuf messages, not %T", v)
}

// written is the memory of batches that grpc-go has written.
var written spare

// spare is a mem.BufferPool that batches are filled from again.
type spare struct{ buffers sync.Pool }

// Get returns an empty buffer of any capacity.
func (s *spare) Get(int) *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

// Put takes a buffer that nobody reads any more.
func (s *spare) Put(b *[]byte) {
	if cap(*b) <= keptBuffer {
		*b = (*b)[:0]
		s.buffers.Put(b)
	}
}
