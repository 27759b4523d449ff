package intercept

import (
	"context"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
)

// Traceparent is the name, in a call's metadata, of the trace that the call is part of, in W3C's form.
const Traceparent = "traceparent"

// ServerHandler is what traces the calls that a grpc.Server serves.
func (c Chain) ServerHandler() stats.Handler { return otelgrpc.NewServerHandler(c.otel()...) }

// ClientHandler is what traces the calls that a grpc.ClientConn makes.
func (c Chain) ClientHandler() stats.Handler { return otelgrpc.NewClientHandler(c.otel()...) }

func (c Chain) otel() []otelgrpc.Option {
	provider := c.Tracing
	if provider == nil {
		provider = tracenoop.NewTracerProvider()
	}
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(provider), otelgrpc.WithPropagators(propagation.TraceContext{}),
		otelgrpc.WithMeterProvider(noop.NewMeterProvider()),
	}
}

// tracedServer has OpenTelemetry's handler look at the calls that are part of a sampled trace. The others cost it
// nothing.
func tracedServer(h stats.Handler) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if len(metadata.ValueFromIncomingContext(ctx, Traceparent)) == 0 {
			return handler(ctx, request)
		}
		ctx, end := begin(ctx, h, info.FullMethod, false)
		response, err := handler(ctx, request)
		end(err)
		return response, err
	}
}

// tracedClient does the same for calls that are made; the callee finds the trace in the metadata.
func tracedClient(h stats.Handler) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if !trace.SpanContextFromContext(ctx).IsSampled() {
			return invoke(ctx, method, request, reply, conn, options...)
		}
		ctx, end := begin(ctx, h, method, true)
		err := invoke(ctx, method, request, reply, conn, options...)
		end(err)
		return err
	}
}

func begin(ctx context.Context, h stats.Handler, method string, client bool) (context.Context, func(error)) {
	start := time.Now()
	ctx = h.TagRPC(ctx, &stats.RPCTagInfo{FullMethodName: method})
	h.HandleRPC(ctx, &stats.Begin{Client: client, BeginTime: start})
	return ctx, func(err error) {
		h.HandleRPC(ctx, &stats.End{Client: client, BeginTime: start, EndTime: time.Now(), Error: err})
	}
}

// Continue is ctx in the trace that traceparent names; empty: ctx as it is.
func Continue(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{Traceparent: traceparent})
}

// Current is the sampled trace that ctx is in, as Continue takes it; empty: none.
func Current(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[Traceparent]
}
