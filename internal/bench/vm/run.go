package vm

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/reevenet/reeve/internal/bench"
	"github.com/reevenet/reeve/internal/bench/rounds"
)

// Config says what is measured.
type Config struct {
	Self     []string // command line of this executable after which a role follows
	Plugin   string   // path of the kvvm plugin
	Rounds   int
	Progress io.Writer
}

var (
	cycleTarget  = bench.Target{Floor: bench.AtMost(600)}
	cachedTarget = bench.Target{Floor: bench.AtMost(2)}
	remoteTarget = bench.Target{Floor: bench.AtMost(12)}
)

const (
	blockCount = 200
	readCount  = 2000
)

// Run measures; it takes some seconds per round.
func Run(ctx context.Context, cfg Config) (bench.Document, error) {
	doc := bench.Document{Bench: "vm", When: time.Now().UTC().Truncate(time.Second), Machine: bench.Machine()}
	dir, err := os.MkdirTemp("", "reeve-bench")
	if err != nil {
		return doc, err
	}
	defer os.RemoveAll(dir)
	session, err := rounds.Start("vm", "/proc/self/exe", append(append([]string(nil), cfg.Self...), roleEngine, dir, cfg.Plugin)...)
	if err != nil {
		return doc, err
	}
	defer session.Stop()
	results, err := bench.InTurn(cfg.Rounds, sides(ctx, session, cfg.Progress)...)
	if err != nil {
		return doc, err
	}
	doc.Rows = rows(results)
	return doc, nil
}

// orders are the rounds, in the order of the sides.
var orders = []rounds.Order{
	{Op: "block", N: blockCount}, {Op: "build", N: blockCount}, {Op: "verify", N: blockCount}, {Op: "prefer", N: blockCount},
	{Op: "accept", N: blockCount}, {Op: "ask", N: blockCount}, {Op: "local", N: readCount}, {Op: "cached", N: readCount}, {Op: "uncached", N: readCount},
}

func sides(ctx context.Context, session *rounds.Session, progress io.Writer) []func() (rounds.Result, error) {
	var all []func() (rounds.Result, error)
	for _, order := range orders {
		all = append(all, func() (rounds.Result, error) {
			if err := ctx.Err(); err != nil {
				return rounds.Result{}, err
			}
			fmt.Fprintln(progress, order.Op)
			return session.Play(order)
		})
	}
	return all
}

func rows(results [][]rounds.Result) []bench.Row {
	p50 := func(side int) []float64 {
		return bench.Column(results[side], func(r rounds.Result) float64 { return r.P50 / 1000 })
	}
	alone := func(figure string, target bench.Target, side int) bench.Row {
		return bench.Absolute(figure+", p50", "µs", target, p50(side))
	}
	return []bench.Row{
		alone("build, verify, prefer and accept a block, over bus, host and plugin", cycleTarget, 0),
		alone("  of it, build", bench.Target{}, 1),
		alone("  of it, verify", bench.Target{}, 2),
		alone("  of it, set preference", bench.Target{}, 3),
		alone("  of it, accept, durably", bench.Target{}, 4),
		alone("one ask that the host answers itself", bench.Target{}, 5),
		bench.Against("database read in the plugin, cached, p50", "µs", "local pebble", cachedTarget, p50(7), p50(6)),
		bench.Against("database read in the plugin, not cached, p50", "µs", "local pebble", remoteTarget, p50(8), p50(6)),
	}
}
