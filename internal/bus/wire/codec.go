package wire

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// Codec is the gRPC codec of both ends of the bus. It carries batches as they are and every other message as protobuf
// does. Its name is "proto": on the wire there is no difference.
type Codec struct{}

var _ encoding.CodecV2 = Codec{}

// Name is the content subtype.
func (Codec) Name() string { return "proto" }

// Marshal gives a batch's bytes away; the batch must be Reset before it is used again.
func (Codec) Marshal(v any) (mem.BufferSlice, error) {
	switch m := v.(type) {
	case *Batch:
		return mem.BufferSlice{mem.SliceBuffer(m.Bytes)}, nil
	case proto.Message:
		b, err := proto.Marshal(m)
		return mem.BufferSlice{mem.SliceBuffer(b)}, err
	}
	return nil, fmt.Errorf("the bus carries protobuf messages, not %T", v)
}

// Unmarshal copies the bytes once, since gRPC's own buffers are reused.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	switch m := v.(type) {
	case *Batch:
		m.Bytes = data.Materialize()
		return nil
	case proto.Message:
		return proto.Unmarshal(data.Materialize(), m)
	}
	return fmt.Errorf("the bus carries protobuf messages, not %T", v)
}
