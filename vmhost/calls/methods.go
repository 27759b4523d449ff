// Package calls has gRPC services called that no grpc.Server serves: over a channel of fast calls, or within one
// process.
package calls

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Methods are gRPC services that are called without a grpc.Server. They are registered as on one, before the first
// call; the zero value has none.
type Methods struct {
	// Around stands around each unary call; nil: nothing does.
	Around grpc.UnaryServerInterceptor

	byPath map[string]method
}

// method is a unary method or a stream of one.
type method struct {
	service any
	unary   grpc.MethodHandler
	stream  *grpc.StreamDesc
}

// RegisterService makes the methods of a service callable.
func (m *Methods) RegisterService(desc *grpc.ServiceDesc, service any) {
	if m.byPath == nil {
		m.byPath = make(map[string]method)
	}
	for _, d := range desc.Methods {
		m.byPath["/"+desc.ServiceName+"/"+d.MethodName] = method{service: service, unary: d.Handler}
	}
	for i := range desc.Streams {
		m.byPath["/"+desc.ServiceName+"/"+desc.Streams[i].StreamName] = method{service: service,
			stream: &desc.Streams[i]}
	}
}

// Call calls a unary method. read fills in the request.
func (m *Methods) Call(ctx context.Context, path string, read func(request any) error) (response any, err error) {
	called, known := m.byPath[path]
	if !known || called.unary == nil {
		return nil, status.Errorf(codes.Unimplemented, "no method %s", path)
	}
	return called.unary(called.service, ctx, read, m.Around)
}

// Stream is a method that takes one request and answers with a stream.
func (m *Methods) Stream(path string) (call func(grpc.ServerStream) error, err error) {
	called, known := m.byPath[path]
	if !known || called.stream == nil || called.stream.ClientStreams {
		return nil, status.Errorf(codes.Unimplemented, "no method %s that answers with a stream", path)
	}
	return func(s grpc.ServerStream) error { return called.stream.Handler(called.service, s) }, nil
}
