package vmhost

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/reevenet/reeve/internal/bus/grpcx"
)

func TestCallsAreCountedByMethodAndHowTheyEnded(t *testing.T) {
	all := prometheus.NewRegistry()
	c, err := CountCalls(all)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.Made("/p.VM/Build", time.Millisecond, nil)
	}
	c.Made("/p.VM/Build", time.Millisecond, errors.New("no"))
	c.Served("/p.DB/Get", time.Microsecond, nil)
	bus := prometheus.NewRegistry()
	served := grpcx.Metrics(bus)
	interceptor := served.UnaryServerInterceptor()
	call := func(context.Context, any) (any, error) { return nil, nil }
	if _, err := interceptor(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/p.Bus/Check"}, call); err != nil {
		t.Fatal(err)
	}
	if _, err := (prometheus.Gatherers{bus, all}).Gather(); err != nil {
		t.Errorf("the bus's calls and the plugin's can't be shown together: %v", err)
	}
	families, err := all.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got[f.GetName()+" "+strings.Join(labels, " ")] = m.GetCounter().GetValue() +
				float64(m.GetHistogram().GetSampleCount())
		}
	}
	want := map[string]float64{
		"grpc_client_handled_total OK Build p.VM": 2, "grpc_client_handled_total Unknown Build p.VM": 1,
		"grpc_client_handling_seconds Build p.VM": 3,
		"grpc_server_handled_total OK Get p.DB":   1, "grpc_server_handling_seconds Get p.DB": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
