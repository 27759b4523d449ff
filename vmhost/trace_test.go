package vmhost_test

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/launch"
)

// HealthCheck says in which trace it is called.
func (vm *slowVM) HealthCheck(ctx context.Context) error {
	return traceError(trace.SpanContextFromContext(ctx).TraceID().String())
}

type traceError string

func (e traceError) Error() string { return string(e) }

func TestATraceGoesOnInThePlugin(t *testing.T) {
	l := launcher(t)
	l.Tracing = true
	p, err := l.Launch(launch.Request{Services: func(grpc.ServiceRegistrar) {}, OnExit: func(error) {}, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	id := strings.Repeat("ab", 16)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+id+"-"+strings.Repeat("cd", 8)+"-01")
	a, err := pluginv1.NewVMServiceClient(p.Conn()).HealthCheck(ctx, &pluginv1.HealthCheckRequest{})
	if err != nil || a.GetCause() != id {
		t.Errorf("in the plugin the trace is %q, %v; want %s", a.GetCause(), err, id)
	}
}
