package decode

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that Codec is built on
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// Codec is gRPC's own codec for protobuf, but that what arrives is held to a budget. It is for a connection whose other
// end isn't trusted: grpc.ForceServerCodecV2 and grpc.ForceCodecV2 take it.
type Codec struct {
	encoding.CodecV2
	budget Budget
}

// NewCodec makes a codec that refuses what is beyond b.
func NewCodec(b Budget) Codec { return Codec{CodecV2: encoding.GetCodecV2("proto"), budget: b} }

// Unmarshal reads a message within the budget.
func (c Codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("this connection carries protobuf messages, not %T", v)
	}
	buf := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buf.Free()
	return Unmarshal(buf.ReadOnlyData(), m, c.budget)
}
