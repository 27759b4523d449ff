package bus

import (
	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
)

// Peers, by the names that peerbench gives them.
const (
	peerGRPC = "grpc"
	peerNATS = "nats"
	peerRaw  = "raw"
)

// part is rounds of one order, played in turn by Reeve and by the named peers.
type part struct {
	order   rounds.Order
	peers   []string
	figures []figure
}

// figure is one row of the table for each of its peers.
type figure struct {
	name  string
	unit  string
	value func(rounds.Result) float64
	peers []against
}

type against struct {
	peer   string
	target bench.Target
}

// The targets of the bus. Where they come from: what the prototypes showed to be possible on the same wire format.
var (
	directAsk = bench.Target{Floor: bench.AtMost(0.8), Aim: bench.AtMost(0.5)}
	bigAsk    = bench.Target{Floor: bench.AtMost(0.7), Aim: bench.AtMost(0.35)}
	floorAsk  = bench.Target{Floor: bench.AtMost(2.2), Aim: bench.AtMost(1.3)}
	rate64    = bench.Target{Floor: bench.AtLeast(2.5), Aim: bench.AtLeast(4)}
	rate1K    = bench.Target{Floor: bench.AtLeast(2), Aim: bench.AtLeast(3)}
)

var brokered = []against{{peerGRPC, directAsk}, {peerNATS, directAsk}, {peerRaw, floorAsk}}

var parts = []part{
	{
		order: rounds.Order{Op: "ask", Size: 64, N: 2000}, peers: []string{peerGRPC, peerNATS, peerRaw},
		figures: []figure{
			{"ask 64 B, p50", "µs", p50, brokered},
			{"ask 64 B, p99", "µs", p99, brokered},
			{"ask 64 B, CPU of all processes", "µs", cpu, []against{{peerGRPC, directAsk}}},
		},
	}, {
		order: rounds.Order{Op: "ask", Size: 1024, N: 2000}, peers: []string{peerGRPC, peerNATS, peerRaw},
		figures: []figure{
			{"ask 1 KiB, p50", "µs", p50, brokered},
			{"ask 1 KiB, p99", "µs", p99, brokered},
		},
	}, {
		order: rounds.Order{Op: "ask", Size: 64 << 10, N: 500}, peers: []string{peerNATS, peerGRPC, peerRaw},
		figures: []figure{{"ask 64 KiB, p50", "µs", p50,
			[]against{{peerNATS, bigAsk}, {peerGRPC, bench.Target{}}, {peerRaw, bench.Target{}}}}},
	}, {
		order: rounds.Order{Op: "flood", Size: 64, N: 200_000}, peers: []string{peerNATS},
		figures: []figure{{"one-way 64 B, messages", "/s", perSecond, []against{{peerNATS, rate64}}}},
	}, {
		order: rounds.Order{Op: "flood", Size: 1024, N: 50_000}, peers: []string{peerNATS},
		figures: []figure{{"one-way 1 KiB, messages", "/s", perSecond, []against{{peerNATS, rate1K}}}},
	},
}

func mean(r rounds.Result) float64      { return 1e6 / r.PerSecond }
func p50(r rounds.Result) float64       { return r.P50 / 1000 }
func p99(r rounds.Result) float64       { return r.P99 / 1000 }
func cpu(r rounds.Result) float64       { return r.CPU / 1000 }
func perSecond(r rounds.Result) float64 { return r.PerSecond }
func resident(r rounds.Result) float64  { return r.Bytes / (1 << 20) }
func bound(r rounds.Result) float64     { return r.Bound / (1 << 20) }

// The rest is Reeve against itself: the same asks, undisturbed.
var (
	quiet         = rounds.Order{Op: "ask", Size: 64, N: 2000}
	besideStalled = rounds.Order{Op: "stalled", Size: 64, N: 2000}
	signalled     = rounds.Order{Op: "signal", Size: 1, N: 200}
	undisturbed   = bench.Target{Floor: bench.AtMost(1.2), Aim: bench.AtMost(1.05)}
	withinBound   = bench.Target{Floor: bench.AtMost(1)}
	tracedSignal  = rounds.Order{Op: "signal", Size: 1, N: 20} // in each turn
	traced        = bench.Target{Floor: bench.AtMost(1.03), Aim: bench.AtMost(1.01)}
	besideBlob    = rounds.Order{Op: "hand-over", Size: blobSize, N: 1}
	blobCopy      = bench.Target{Floor: bench.AtMost(3), Aim: bench.AtMost(1.2)}
	fifteen       = bench.Target{Floor: bench.AtMost(6), Aim: bench.AtMost(3)}
)
