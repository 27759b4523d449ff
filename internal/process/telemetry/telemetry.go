// Package telemetry starts tracing when there is somewhere to send traces, and nothing otherwise. It heeds the standard
// OTEL_ variables and no others.
package telemetry

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Telemetry is a process' tracing.
type Telemetry struct {
	// Tracer is nil when tracing is inert.
	Tracer trace.Tracer
	// Provider makes tracers for libraries; nil when tracing is inert.
	Provider trace.TracerProvider
	// Sampling is the share of blocks and candidates that are traced.
	Sampling float64
	// Small is the share of what a block holds by the hundred, or a user sends: transactions, requests. The square of
	// Sampling.
	Small float64

	provider *sdk.TracerProvider
}

// defaultSampling is the share of blocks that are traced where nothing says otherwise. docs/performance.md has what it
// costs.
const defaultSampling = 0.05

// Start begins tracing under the given service name if OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set. Which traces are sampled is decided by the hash they belong to, at the
// rate of OTEL_TRACES_SAMPLER_ARG; a span that a message asks for is always kept, so that traces are whole.
func Start(ctx context.Context, service string) (*Telemetry, error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return &Telemetry{}, nil
	}
	rate := defaultSampling
	if arg := os.Getenv("OTEL_TRACES_SAMPLER_ARG"); arg != "" {
		var err error
		if rate, err = strconv.ParseFloat(arg, 64); err != nil || rate < 0 || rate > 1 {
			return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG is %q: it should be a number from 0 to 1", arg)
		}
	}
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces can't be exported: %w", err)
	}
	res := resource.NewSchemaless(attribute.String("service.name", "reeve-"+service),
		attribute.Int("process.pid", os.Getpid()))
	p := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter, sdk.WithBatchTimeout(time.Second)), sdk.WithResource(res),
		sdk.WithSampler(sdk.ParentBased(sdk.NeverSample())),
	)
	return &Telemetry{Tracer: p.Tracer("github.com/reevenet/reeve"), Provider: p, Sampling: rate, Small: rate * rate,
		provider: p}, nil
}

// flushTime is how long the end of a process waits for its last spans to leave.
const flushTime = time.Second

// Close sends what is left. A collector that doesn't answer costs a second and nothing else.
func (t *Telemetry) Close() {
	if t.provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	_ = t.provider.Shutdown(ctx)
}
