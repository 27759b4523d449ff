package vmsdk

import (
	"context"
	"encoding/hex"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/reevenet/reeve/internal/bus/intercept"
)

func TestTheSpansOfATransactionAreInItsOwnTraceAndLinkedToWhatTheyComeFrom(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder),
		trace.WithSampler(trace.ParentBased(trace.NeverSample())))
	tracing := newTracing(provider.Tracer(""), 1)
	id := IDOf([]byte("a transaction"))
	request := intercept.Continue(context.Background(), "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")

	if got := tracing.waits(request, id, true); got[3:35] != hex.EncodeToString(id[:16]) {
		t.Errorf("others learn of it in %s", got)
	}
	ctx, call := provider.Tracer("").Start(request, "AcceptBlock")
	end := tracing.begin(ctx)
	tracing.link(id)
	end()
	tracing.link(id) // no call is under way
	call.End()
	ended := recorder.Ended()
	if len(ended) != 2 || len(ended[0].Links()) != 1 || len(ended[1].Links()) != 1 {
		t.Fatalf("%d spans", len(ended))
	}
	if got := ended[0].Links()[0].SpanContext.TraceID().String(); got != "0123456789abcdef0123456789abcdef" {
		t.Errorf("the wait is linked to %s", got)
	}
	if got := ended[1].Links()[0].SpanContext.TraceID().String(); got != hex.EncodeToString(id[:16]) {
		t.Errorf("the acceptance is linked to %s", got)
	}
}

func TestWhatIsNotSampledHasNoSpan(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	for _, tracing := range []*tracing{nil, newTracing(nil, 1), newTracing(provider.Tracer(""), 0)} {
		id := IDOf([]byte("a transaction"))
		if got := tracing.waits(context.Background(), id, true); got != "" {
			t.Errorf("others learn of it in %s", got)
		}
		tracing.begin(context.Background())()
		tracing.link(id)
	}
	if n := len(recorder.Started()); n != 0 {
		t.Errorf("%d spans", n)
	}
}
