package fastcall

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/bus/grpcstream"
)

// Services answer calls. They are registered as on a grpc.Server, before the first call.
type Services struct {
	// Trace continues a trace in the context of a call; nil: traces end here.
	Trace func(ctx context.Context, traceparent string) context.Context

	methods map[string]method
}

type method struct {
	service any
	handler grpc.MethodHandler
}

// RegisterService makes the unary methods of a service callable.
func (s *Services) RegisterService(desc *grpc.ServiceDesc, service any) {
	if s.methods == nil {
		s.methods = make(map[string]method)
	}
	for _, m := range desc.Methods {
		s.methods["/"+desc.ServiceName+"/"+m.MethodName] = method{service, m.Handler}
	}
}

// answer answers one call after the other until the other side ends the stream.
func (s *Services) answer(stream *grpcstream.Stream) error {
	var buffer []byte
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		h, request, err := decodeCall(message)
		if err != nil {
			return err
		}
		out := s.respond(buffer[:0], stream.Context(), h, request)
		if err := stream.Send(out); err != nil {
			return err
		}
		if buffer = nil; cap(out) <= keptBuffer {
			buffer = out
		}
	}
}

func (s *Services) respond(b []byte, ctx context.Context, h header, request []byte) []byte {
	response, err := s.call(ctx, h, request)
	if err == nil {
		var out []byte
		if out, err = encodeResponse(b, response); err == nil {
			return out
		}
	}
	return encodeFailure(b, err)
}

func (s *Services) call(ctx context.Context, h header, request []byte) (proto.Message, error) {
	m, ok := s.methods[h.method]
	if !ok {
		return nil, status.Errorf(codes.Unimplemented, "no method %s", h.method)
	}
	if h.trace != "" && s.Trace != nil {
		ctx = s.Trace(ctx, h.trace)
	}
	if h.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.timeout)
		defer cancel()
	}
	response, err := m.handler(m.service, ctx, func(to any) error {
		if err := decode.Unmarshal(request, to.(proto.Message), Budget); err != nil {
			return status.Errorf(codes.Internal, "the request can't be read: %v", err)
		}
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	return response.(proto.Message), nil
}
