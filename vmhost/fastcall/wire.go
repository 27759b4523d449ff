package fastcall

import (
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
)

// The messages of line.proto, written and read by hand: a body is encoded once and in its place, and read where it lies. Both
// directions use the same numbers.
const (
	fieldCall   = 3
	fieldAnswer = 4

	callMethod, callTimeout, callTrace, callRequest = 1, 2, 3, 4
	answerCode, answerMessage, answerResponse       = 1, 2, 3
)

// header is what a call says beside its request.
type header struct {
	method  string
	timeout time.Duration
	trace   string
}

// answer is how a call ended.
type answer struct {
	code    codes.Code
	message string
	body    []byte
}

func (a answer) into(reply proto.Message) error {
	if a.code != codes.OK {
		return status.Error(a.code, a.message)
	}
	if err := decode.Unmarshal(a.body, reply, Budget); err != nil {
		return status.Errorf(codes.Internal, "the answer can't be read: %v", err)
	}
	return nil
}

func encodeCall(b []byte, h header, request proto.Message) ([]byte, error) {
	body := proto.Size(request)
	if body > MaxBody {
		return nil, status.Errorf(codes.ResourceExhausted, "a request of %d bytes; at most %d are allowed", body, MaxBody)
	}
	micros := uint64(h.timeout.Microseconds())
	size := sizeBytes(callMethod, len(h.method)) + sizeVarint(callTimeout, micros) + sizeBytes(callTrace, len(h.trace)) + sizeBytes(callRequest, body)
	b = appendLength(b, fieldCall, size)
	b = appendString(b, callMethod, h.method)
	b = appendVarint(b, callTimeout, micros)
	b = appendString(b, callTrace, h.trace)
	return appendBody(b, callRequest, body, request)
}

func encodeResponse(b []byte, response proto.Message) ([]byte, error) {
	body := proto.Size(response)
	if body > MaxBody {
		return nil, status.Errorf(codes.ResourceExhausted, "a response of %d bytes; at most %d are allowed", body, MaxBody)
	}
	b = appendLength(b, fieldAnswer, sizeBytes(answerResponse, body))
	return appendBody(b, answerResponse, body, response)
}

func encodeFailure(b []byte, err error) []byte {
	s := status.Convert(err)
	b = appendLength(b, fieldAnswer, sizeVarint(answerCode, uint64(s.Code()))+sizeBytes(answerMessage, len(s.Message())))
	b = appendVarint(b, answerCode, uint64(s.Code()))
	return appendString(b, answerMessage, s.Message())
}

func decodeCall(b []byte) (h header, request []byte, err error) {
	inner, err := unwrap(b, fieldCall)
	if err != nil {
		return h, nil, err
	}
	err = each(inner, func(field protowire.Number, number uint64, value []byte) {
		switch field {
		case callMethod:
			h.method = string(value)
		case callTimeout:
			h.timeout = time.Duration(min(number, uint64(time.Hour/time.Microsecond))) * time.Microsecond
		case callTrace:
			h.trace = string(value)
		case callRequest:
			request = value
		}
	})
	return h, request, err
}

func decodeAnswer(b []byte) (a answer, err error) {
	inner, err := unwrap(b, fieldAnswer)
	if err != nil {
		return a, err
	}
	err = each(inner, func(field protowire.Number, number uint64, value []byte) {
		switch field {
		case answerCode:
			a.code = codes.Code(number)
		case answerMessage:
			a.message = string(value)
		case answerResponse:
			a.body = value
		}
	})
	return a, err
}

// unwrap is the one field that a message must have.
func unwrap(b []byte, want protowire.Number) (inner []byte, err error) {
	found := false
	err = each(b, func(field protowire.Number, _ uint64, value []byte) {
		if field == want {
			inner, found = value, true
		}
	})
	if err == nil && !found {
		err = status.Error(codes.Internal, "the other side of a line spoke out of turn")
	}
	return inner, err
}

// each visits the fields of a message: numbers as numbers, the rest as bytes.
func each(b []byte, visit func(field protowire.Number, number uint64, value []byte)) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return malformed(n)
		}
		var number uint64
		var value []byte
		b = b[n:]
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return malformed(n)
		}
		visit(field, number, value)
		b = b[n:]
	}
	return nil
}

func malformed(n int) error {
	return status.Error(codes.Internal, fmt.Sprintf("a message on a line can't be read: %v", protowire.ParseError(n)))
}

func sizeBytes(field protowire.Number, n int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
}

func sizeVarint(field protowire.Number, v uint64) int {
	return protowire.SizeTag(field) + protowire.SizeVarint(v)
}

func appendLength(b []byte, field protowire.Number, n int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(n))
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	return append(appendLength(b, field, len(s)), s...)
}

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

// appendBody writes a message whose size was just computed.
func appendBody(b []byte, field protowire.Number, size int, m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(appendLength(b, field, size), m)
}
