package node

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reevenet/reeve/internal/bus/accept/accepttest"
	"github.com/reevenet/reeve/overseer/part"
)

// A part works without its metrics. That they are gone is a line of its log, and a metric of the overseer's.
func TestMetricsThatAreNotShownAnyMoreAreSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	n := &Node{part.Node{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	n.serveMetrics(t.Context(), accepttest.Broken{Listener: l}, prometheus.NewRegistry())
	if !strings.Contains(log.String(), "metrics aren't shown any more") {
		t.Errorf("the log says %q", log.String())
	}
}
