package fastcall

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// Generated code reads and writes calls and answers. By hand a body is encoded once and in its place, and a call or an
// answer is taken out of its message, in which both directions have it under the same number.
const (
	fieldCall     = 3
	fieldAnswer   = 4
	fieldRequest  = 4 // of a call
	fieldResponse = 3 // of an answer
)

// head is a message of the protocol without its body.
type head interface {
	SizeVT() int
	MarshalToSizedBufferVTStrict(b []byte) (int, error)
}

func encodeCall(b []byte, h *pluginv1.FastCall, request proto.Message) ([]byte, error) {
	return encode(b, fieldCall, h, fieldRequest, request)
}

func encodeResponse(b []byte, response proto.Message) ([]byte, error) {
	return encode(b, fieldAnswer, noHead, fieldResponse, response)
}

// noHead is that of an answer with a response.
var noHead = &pluginv1.FastAnswer{}

// encode writes a head and then its last field, the body.
func encode(b []byte, field protowire.Number, h head, bodyField protowire.Number, body proto.Message) ([]byte, error) {
	size, n := proto.Size(body), h.SizeVT()
	if size > MaxBody {
		return nil, status.Errorf(codes.ResourceExhausted, "a message of %d bytes; at most %d are allowed", size,
			MaxBody)
	}
	b = appendHead(b, field, h, n, n+protowire.SizeTag(bodyField)+protowire.SizeBytes(size))
	b = protowire.AppendTag(b, bodyField, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, body)
}

func encodeFailure(b []byte, err error) []byte {
	s := status.Convert(err)
	a := &pluginv1.FastAnswer{Code: uint32(s.Code()), Message: strings.ToValidUTF8(s.Message(), "�")}
	n := a.SizeVT()
	return appendHead(b, fieldAnswer, a, n, n)
}

// appendHead writes a head of n bytes at the beginning of a field of all bytes.
func appendHead(b []byte, field protowire.Number, h head, n, all int) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(all))
	b = append(b, make([]byte, n)...)
	_, _ = h.MarshalToSizedBufferVTStrict(b[len(b)-n:]) // fails only where the size is wrong
	return b
}

// decodeCall reads a call, whose parts lie in b.
func decodeCall(b []byte, call *pluginv1.FastCall) error {
	call.Reset()
	inner, err := unwrap(b, fieldCall)
	if err != nil {
		return err
	}
	return malformed(call.UnmarshalVTUnsafe(inner))
}

// decodeAnswer reads an answer, whose parts lie in b.
func decodeAnswer(b []byte, answer *pluginv1.FastAnswer) error {
	answer.Reset()
	inner, err := unwrap(b, fieldAnswer)
	if err != nil {
		return err
	}
	return malformed(answer.UnmarshalVTUnsafe(inner))
}

// unwrap is the one field that a message must have.
func unwrap(b []byte, want protowire.Number) (inner []byte, err error) {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, malformed(protowire.ParseError(n))
		}
		size := protowire.ConsumeFieldValue(field, kind, b[n:])
		if size < 0 {
			return nil, malformed(protowire.ParseError(size))
		}
		if field == want && kind == protowire.BytesType {
			inner, _ = protowire.ConsumeBytes(b[n:])
		}
		b = b[n+size:]
	}
	if inner == nil {
		return nil, errTurn
	}
	return inner, nil
}

var errTurn = status.Error(codes.Internal, "the other side of a channel of fast calls spoke out of turn")

func malformed(err error) error {
	if err == nil {
		return nil
	}
	return status.Errorf(codes.Internal, "a fast call can't be read: %v", err)
}

// take copies what an answer says out of the buffer that it lies in.
func take(a *pluginv1.FastAnswer, reply proto.Message) error {
	if a.GetCode() != uint32(codes.OK) {
		return status.Error(codes.Code(a.GetCode()), strings.Clone(a.GetMessage()))
	}
	if err := decode.Unmarshal(a.GetResponse(), reply, Budget); err != nil {
		return status.Errorf(codes.Internal, "the answer can't be read: %v", err)
	}
	return nil
}

// micros is the time until ctx ends, at least one; 0: it has no end.
func micros(ctx context.Context) uint64 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return uint64(max(time.Until(deadline), time.Microsecond) / time.Microsecond)
}
