package bus

import (
	"fmt"
	"net"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/internal/bus/carrier"
)

// tracedName is the session whose processes trace, at the rate that a node's would by default.
const tracedName = "reeve, tracing"

// endpointEnv is what makes a process trace.
const endpointEnv = "OTEL_EXPORTER_OTLP_ENDPOINT"

// tracing compares signals to fifteen, whose messages all belong to a block and so to a trace, with tracing and
// without.
func (c *comparison) tracing(dir string) ([]bench.Row, error) {
	collector, address, err := collect()
	if err != nil {
		return nil, err
	}
	defer collector.Stop()
	if err := c.startOurs(tracedName, filepath.Join(dir, "traced.sock"), carrier.Fast,
		endpointEnv+"=http://"+address); err != nil {
		return nil, err
	}
	c.say("signal with tracing", tracedSignal)
	results, err := bench.InTurn(c.cfg.Rounds, c.alternating(tracedSignal, tracedName, peerName))
	if err != nil {
		return nil, err
	}
	return []bench.Row{
		bench.Against("signal to 15 subsystems, tracing at default sampling, mean", "µs", "off", traced,
			bench.Column(results[0], of(0, mean)), bench.Column(results[0], of(1, mean))),
		bench.Against("signal to 15 subsystems, tracing at default sampling, CPU of all processes", "µs", "off",
			traced, bench.Column(results[0], of(0, cpu)), bench.Column(results[0], of(1, cpu))),
	}, nil
}

// of is the figure of one side of a pair.
func of(side int, figure func(rounds.Result) float64) func([2]rounds.Result) float64 {
	return func(pair [2]rounds.Result) float64 { return figure(pair[side]) }
}

// turns is how many turns each side has in a round of alternating ones.
const turns = 25

// alternating plays a round of two sides in many short turns: what else the machine does lasts longer than a turn, and
// is the same for both. Two sides that differ by a hundredth can't be told apart otherwise.
func (c *comparison) alternating(order rounds.Order, one, other string) func() ([2]rounds.Result, error) {
	return func() (totals [2]rounds.Result, err error) {
		played, err := bench.InTurn(turns, c.side(one, order), c.side(other, order))
		for i := range played {
			totals[i] = total(played[i])
		}
		return totals, err
	}
}

// total is the mean of turns.
func total(played []rounds.Result) (t rounds.Result) {
	t = played[0]
	var each, cpu float64
	for _, r := range played {
		each += 1 / r.PerSecond
		cpu += r.CPU
	}
	n := float64(len(played))
	t.PerSecond, t.CPU = n/each, cpu/n
	return t
}

// collect serves a collector that takes every span and keeps none.
func collect() (*grpc.Server, string, error) {
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("a collector needs a port: %w", err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, call grpc.ServerStream) error {
		var spans emptypb.Empty // they are fields that it doesn't know
		if err := call.RecvMsg(&spans); err != nil {
			return err
		}
		return call.SendMsg(&emptypb.Empty{})
	}))
	go func() { _ = server.Serve(at) }()
	return server, at.Addr().String(), nil
}
