package fastcall

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/bus/grpcstream"
	"github.com/reevenet/reeve/internal/bus/intercept"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/calls"
)

// longestCall bounds what a caller may say of its patience.
const longestCall = time.Hour

// Services answer calls. They are registered as on a grpc.Server, before the first call.
type Services struct{ calls.Methods }

// answer answers one call after the other until the other side ends the stream.
func (s *Services) answer(stream *grpcstream.Stream) error {
	var buffer []byte
	var call pluginv1.FastCall
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := decodeCall(message, &call); err != nil {
			return err
		}
		out := s.respond(buffer[:0], stream.Context(), &call)
		if err := stream.Send(out); err != nil {
			return err
		}
		if buffer = nil; cap(out) <= keptBuffer {
			buffer = out
		}
	}
}

func (s *Services) respond(b []byte, ctx context.Context, call *pluginv1.FastCall) []byte {
	response, err := s.call(ctx, call)
	if err == nil {
		var out []byte
		if out, err = encodeResponse(b, response.(proto.Message)); err == nil {
			return out
		}
	}
	return encodeFailure(b, err)
}

func (s *Services) call(ctx context.Context, call *pluginv1.FastCall) (any, error) {
	if trace := call.GetTraceparent(); trace != "" {
		ctx = metadata.NewIncomingContext(ctx, metadata.Pairs(intercept.Traceparent, strings.Clone(trace)))
	}
	if call.GetTimeoutMicros() > 0 {
		wait := min(call.GetTimeoutMicros(), uint64(longestCall/time.Microsecond))
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(wait)*time.Microsecond)
		defer cancel()
	}
	return s.Call(ctx, call.GetMethod(), func(to any) error {
		if err := decode.Unmarshal(call.GetRequest(), to.(proto.Message), Budget); err != nil {
			return status.Errorf(codes.Internal, "the request can't be read: %v", err)
		}
		return nil
	})
}
