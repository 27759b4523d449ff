package vmhost_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/process/telemetry"
	"github.com/reevenet/reeve/internal/process/telemetry/telemetrytest"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// endlessHealth is the plugin's variable for one that never says how it is.
const endlessHealth = "TEST_ENDLESS_HEALTH"

// HealthCheck asks the host for something, so that a trace has somewhere to go on to.
func (vm *slowVM) HealthCheck(ctx context.Context) error {
	if os.Getenv(endlessHealth) != "" {
		select {}
	}
	if vm.chain != nil {
		_ = vm.chain.Sender.SendAppGossip(ctx, vmsdk.SendConfig{}, nil)
	}
	return nil
}

// AppGossip does the same on the other way: it comes as a fast call.
func (vm *slowVM) AppGossip(ctx context.Context, _ vmsdk.NodeID, gossip []byte) error {
	return vm.chain.Sender.SendAppGossip(ctx, vmsdk.SendConfig{}, gossip)
}

// gossips are the host's services as far as the plugin needs them here.
type gossips struct {
	pluginv1.UnimplementedAppSenderServiceServer
	pluginv1.UnimplementedEngineServiceServer
}

func (gossips) SendAppGossip(context.Context, *pluginv1.SendAppGossipRequest) (*pluginv1.SendAppGossipResponse, error) {
	return &pluginv1.SendAppGossipResponse{}, nil
}

func TestATraceGoesOnInThePluginAndBackOnBothWays(t *testing.T) {
	collector := telemetrytest.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Endpoint)
	tracing, err := telemetry.Start(t.Context(), "host")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tracing.Close)
	p, err := launcher(t).Launch(launch.Request{
		Services: func(r grpc.ServiceRegistrar) {
			pluginv1.RegisterAppSenderServiceServer(r, gossips{})
			pluginv1.RegisterEngineServiceServer(r, gossips{})
		},
		OnExit: func(error) {}, Log: quiet, Around: intercept.Chain{Log: quiet, Tracing: tracing.Provider},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	address, token, runDir := p.Host()
	vm := pluginv1.NewVMServiceClient(p.Conn())
	if _, err := vm.Initialize(t.Context(), &pluginv1.InitializeRequest{
		Chain: "kv", ChainId: chainID[:], NodeId: self[:], HostAddress: address, HostToken: token, RunDir: runDir,
		HostCapabilities: launch.Capabilities(p), LogLevel: 8,
	}); err != nil {
		t.Fatal(err)
	}

	root := strings.Repeat("cd", 8)
	traced := func(id string) context.Context {
		return intercept.Continue(t.Context(), "00-"+strings.Repeat(id, 16)+"-"+root+"-01")
	}
	if _, err := vm.HealthCheck(traced("a1"), &pluginv1.HealthCheckRequest{}); err != nil { // over grpc-go
		t.Fatal(err)
	}
	if _, err := vm.AppGossip(traced("b2"), &pluginv1.AppGossipRequest{NodeId: peer[:]}); err != nil { // a fast call, once there is a channel
		t.Fatal(err)
	}
	if _, err := vm.AppGossip(t.Context(), &pluginv1.AppGossipRequest{NodeId: peer[:]}); err != nil { // not part of a trace
		t.Fatal(err)
	}
	for id, call := range map[string]string{"a1": "HealthCheck", "b2": "AppGossip"} {
		id = strings.Repeat(id, 16)
		served := func(s telemetrytest.Span) bool {
			return s.Trace == id && s.Service == "reeve-host" && s.Kind == tracev1.Span_SPAN_KIND_SERVER
		}
		spans := collector.Await(t, func(spans []telemetrytest.Span) (missing []string) {
			if i := slices.IndexFunc(spans, served); i < 0 || len(telemetrytest.Above(spans, spans[i])) < 3 {
				missing = append(missing, "the host's answer to the plugin in "+call)
			}
			return missing
		})
		last := spans[slices.IndexFunc(spans, served)]
		var story []string
		for _, s := range append([]telemetrytest.Span{last}, telemetrytest.Above(spans, last)...) {
			story = append(story, s.Service+" "+s.Name[strings.LastIndex(s.Name, "/")+1:])
		}
		want := []string{"reeve-host SendAppGossip", "reeve-plugin-kvvm SendAppGossip", "reeve-plugin-kvvm " + call,
			"reeve-host " + call}
		if !slices.Equal(story, want) {
			t.Errorf("from the inside out: %v, want %v", story, want)
		}
		if above := telemetrytest.Above(spans, last); above[2].Parent != root {
			t.Errorf("the call's parent is %s", above[2].Parent)
		}
	}
	for _, s := range collector.Await(t, func([]telemetrytest.Span) []string { return nil }) {
		if s.Trace != strings.Repeat("a1", 16) && s.Trace != strings.Repeat("b2", 16) {
			t.Errorf("a span of a call that is part of no trace: %+v", s)
		}
	}
}
