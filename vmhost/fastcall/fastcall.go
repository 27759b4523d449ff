// Package fastcall is the short way for the calls between host and plugin that come often: unary gRPC calls carried by streams of their
// own (LineService of the plugin protocol), one call at a time on each.
//
// grpc-go multiplexes: a call crosses some goroutines on each side, and for a call that takes microseconds that is most of what
// it costs. Here the goroutine that asks writes to the socket and reads the answer from it, and the one that answers reads,
// calls and writes. Calls that come at the same time take several lines; when none is free, a call goes the usual way.
// A line never repeats a call, and one whose call was given up is closed.
package fastcall

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/bus/grpcstream"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// Budget is what one side lets a message of the other cost it, on every way between host and plugin.
var Budget = decode.Budget{Bytes: MaxBody, Elements: maxElements, Depth: 16}

const (
	// Capability is what a host that serves lines calls it in Initialize.
	Capability = "lines"
	// MaxBody bounds a request or a response, in bytes: as much as the other way takes.
	MaxBody = 16 << 20
	// maxElements bounds the fields and items of one: the writes of the largest block have room.
	maxElements = 1 << 20
	// maxMessage leaves room for what stands around a body.
	maxMessage = MaxBody + 64<<10
	// keptBuffer is how much of a buffer is kept for the next message.
	keptBuffer = 64 << 10

	path          = pluginv1.LineService_OpenLine_FullMethodName
	traceMetadata = "traceparent"
)

// Line is one side's end that asks. Not for concurrent use.
type Line struct {
	stream *grpcstream.Stream
	buffer []byte
}

// call makes one call. Whatever came of it, a line that isn't whole any more is at its end.
func (l *Line) call(ctx context.Context, method string, request, reply proto.Message) (whole bool, err error) {
	if ctx.Err() != nil {
		return true, status.FromContextError(ctx.Err()).Err()
	}
	message, err := encodeCall(l.buffer[:0], header{method: method, timeout: timeoutOf(ctx), trace: traceOf(ctx)}, request)
	if err != nil {
		return true, err
	}
	l.keep(message)
	whole = true
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { l.stream.Close() })
		defer func() { whole = stop() && whole }()
	}
	answer, err := l.exchange(message)
	if err != nil {
		if ctx.Err() != nil {
			err = status.FromContextError(ctx.Err()).Err()
		}
		return false, err
	}
	return whole, answer.into(reply)
}

func (l *Line) exchange(message []byte) (answer, error) {
	if err := l.stream.Send(message); err != nil {
		return answer{}, status.Error(codes.Unavailable, err.Error())
	}
	got, err := l.stream.Recv()
	if err != nil {
		return answer{}, unavailable(err)
	}
	return decodeAnswer(got)
}

// unavailable is the end of a stream, as a call sees it.
func unavailable(err error) error {
	if _, told := status.FromError(err); told {
		return err
	}
	return status.Error(codes.Unavailable, err.Error())
}

// keep makes the buffer the next message's too, unless it has grown large.
func (l *Line) keep(buffer []byte) {
	if l.buffer = nil; cap(buffer) <= keptBuffer {
		l.buffer = buffer
	}
}

func (l *Line) close() { l.stream.Close() }

func timeoutOf(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(time.Until(deadline), time.Microsecond)
}

func traceOf(ctx context.Context) string {
	if md, ok := metadata.FromOutgoingContext(ctx); ok {
		if trace := md.Get(traceMetadata); len(trace) > 0 {
			return trace[0]
		}
	}
	return ""
}
