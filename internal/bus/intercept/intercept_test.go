package intercept

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// counted is a Counter that writes down.
type counted []string

func (c *counted) Made(method string, _ time.Duration, err error) {
	*c = append(*c, "made "+method+" "+status.Code(err).String())
}

func (c *counted) Served(method string, _ time.Duration, err error) {
	*c = append(*c, "served "+method+" "+status.Code(err).String())
}

const method = "/package.Service/Method"

// chain is one with everything, whose log is from a level.
func chain(level slog.Level) (c Chain, count *counted, log *bytes.Buffer, spans *tracetest.SpanRecorder) {
	count, log, spans = &counted{}, &bytes.Buffer{}, tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(spans),
		trace.WithSampler(trace.ParentBased(trace.NeverSample())))
	return Chain{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})), Count: count,
		Tracing: provider}, count, log, spans
}

// call makes a call with the chain around it on both sides, as a fast call does.
func call(ctx context.Context, c Chain, handler grpc.UnaryHandler) error {
	served := c.Served()
	return c.Made(func(ctx context.Context, method string, request, _ any, _ *grpc.ClientConn,
		_ ...grpc.CallOption) error {
		sent, _ := metadata.FromOutgoingContext(ctx)
		_, err := served(metadata.NewIncomingContext(context.Background(), sent), request,
			&grpc.UnaryServerInfo{FullMethod: method}, handler)
		return err
	})(ctx, method, "request", nil, nil)
}

func TestAPanicIsTheCallsErrorAndSaysNothingOfOurInsides(t *testing.T) {
	c, count, log, _ := chain(slog.LevelInfo)
	err := call(t.Context(), c, func(context.Context, any) (any, error) { panic("secret") })
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") ||
		!strings.Contains(log.String(), "panic=secret") {
		t.Errorf("%v\n%s", err, log)
	}
	if want := (counted{"served " + method + " Internal", "made " + method + " Internal"}); !slices.Equal(*count,
		want) {
		t.Errorf("counted %v, want %v", *count, want)
	}
}

func TestCallsThatGoWellAreLoggedOnlyWhenSomebodyLooks(t *testing.T) {
	fine := func(context.Context, any) (any, error) { return nil, nil }
	for level, lines := range map[slog.Level]int{slog.LevelInfo: 0, slog.LevelDebug: 2} {
		c, count, log, _ := chain(level)
		if err := call(t.Context(), c, fine); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(log.String(), "\n"); got != lines || len(*count) != 2 {
			t.Errorf("%v: %d lines, counted %v\n%s", level, got, *count, log)
		}
	}
	c, _, log, _ := chain(slog.LevelInfo)
	if err := call(t.Context(), c,
		func(context.Context, any) (any, error) { return nil, status.Error(codes.Internal, "broken") }); err == nil {
		t.Fatal("no error")
	}
	if !strings.Contains(log.String(), "broken") {
		t.Errorf("a failure isn't logged:\n%s", log)
	}
}

func TestACallOfASampledTraceHasASpanOnEachSideAndNoOtherHasOne(t *testing.T) {
	c, _, _, spans := chain(slog.LevelInfo)
	id := strings.Repeat("ab", 16)
	ctx := Continue(t.Context(), "00-"+id+"-"+strings.Repeat("cd", 8)+"-01")
	var inside string
	handler := func(ctx context.Context, _ any) (any, error) {
		inside = Current(ctx)
		return nil, nil
	}
	for _, ctx := range []context.Context{t.Context(),
		Continue(t.Context(), "00-"+id+"-"+strings.Repeat("cd", 8)+"-00"), ctx} {
		if err := call(ctx, c, handler); err != nil {
			t.Fatal(err)
		}
	}
	ended := spans.Ended()
	if len(ended) != 2 {
		t.Fatalf("%d spans", len(ended))
	}
	server, client := ended[0], ended[1]
	if server.Parent().SpanID() != client.SpanContext().SpanID() ||
		client.Parent().SpanID().String() != strings.Repeat("cd", 8) {
		t.Errorf("the server's span is below %v, the client's below %v", server.Parent().SpanID(),
			client.Parent().SpanID())
	}
	if want := "00-" + id + "-" + server.SpanContext().SpanID().String() + "-01"; inside != want {
		t.Errorf("the callee is in %s, want %s", inside, want)
	}
}
