// Package fastcall is the short way for the calls between host and plugin that come often: unary gRPC calls carried by
// streams of their own (FastCallService of the plugin protocol), one call at a time on each.
//
// grpc-go multiplexes: a call crosses some goroutines on each side, and for a call that takes microseconds that is most
// of what it costs. Here the goroutine that calls writes to the socket and reads the answer from it, and the one that
// answers reads, calls and writes. Calls that come at the same time take several channels; when none is free, a call
// goes over grpc-go. A channel never repeats a call, and one whose call was given up is closed.
package fastcall

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/bus/grpcstream"
	"github.com/reevenet/reeve/internal/bus/intercept"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// Budget is what one side lets a message of the other cost it, on every way between host and plugin.
var Budget = decode.Budget{Bytes: MaxBody, Elements: maxElements, Depth: 16}

const (
	// Capability is what a host that serves channels calls it in Initialize.
	Capability = "fast_calls"
	// MaxBody bounds a request or a response, in bytes: as much as the other way takes.
	MaxBody = 16 << 20
	// maxElements bounds the fields and items of one: the writes of the largest block have room.
	maxElements = 1 << 20
	// maxMessage leaves room for what stands around a body.
	maxMessage = MaxBody + 64<<10
	// keptBuffer is how much of a buffer is kept for the next message.
	keptBuffer = 64 << 10

	path = pluginv1.FastCallService_OpenChannel_FullMethodName
)

// Channel is the caller's end of a stream. Not for concurrent use.
type Channel struct {
	stream *grpcstream.Stream
	// invoke makes a call with all that stands around it; broken is set by one after which the channel can't be used.
	invoke grpc.UnaryInvoker
	broken bool
	// What a call needs, kept for the next one.
	buffer []byte
	head   pluginv1.FastCall
	answer pluginv1.FastAnswer
}

func newChannel(stream *grpcstream.Stream, around intercept.Chain) *Channel {
	c := &Channel{stream: stream}
	c.invoke = around.Made(func(ctx context.Context, method string, request, reply any, _ *grpc.ClientConn,
		_ ...grpc.CallOption) error {
		whole, err := c.call(ctx, method, request.(proto.Message), reply.(proto.Message))
		c.broken = !whole
		return err
	})
	return c
}

// call makes one call. Whatever came of it, a channel that isn't whole any more is at its end.
func (c *Channel) call(ctx context.Context, method string, request, reply proto.Message) (whole bool, err error) {
	if ctx.Err() != nil {
		return true, status.FromContextError(ctx.Err()).Err()
	}
	c.head.Method, c.head.TimeoutMicros, c.head.Traceparent = method, micros(ctx), traceOf(ctx)
	message, err := encodeCall(c.buffer[:0], &c.head, request)
	if err != nil {
		return true, err
	}
	c.keep(message)
	whole = true
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { c.stream.Close() })
		defer func() { whole = stop() && whole }()
	}
	if err := c.exchange(message); err != nil {
		if ctx.Err() != nil {
			err = status.FromContextError(ctx.Err()).Err()
		}
		return false, err
	}
	return whole, take(&c.answer, reply)
}

func (c *Channel) exchange(message []byte) error {
	if err := c.stream.Send(message); err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	got, err := c.stream.Recv()
	if err != nil {
		return unavailable(err)
	}
	return decodeAnswer(got, &c.answer)
}

// unavailable is the end of a stream, as a call sees it.
func unavailable(err error) error {
	if _, told := status.FromError(err); told {
		return err
	}
	return status.Error(codes.Unavailable, err.Error())
}

// keep makes the buffer the next message's too, unless it has grown large.
func (c *Channel) keep(buffer []byte) {
	if c.buffer = nil; cap(buffer) <= keptBuffer {
		c.buffer = buffer
	}
}

func (c *Channel) close() { c.stream.Close() }

// traceOf is the trace that OpenTelemetry's handler has put into what a call sends along.
func traceOf(ctx context.Context) string {
	if md, ok := metadata.FromOutgoingContext(ctx); ok {
		if trace := md.Get(intercept.Traceparent); len(trace) > 0 {
			return trace[0]
		}
	}
	return ""
}
