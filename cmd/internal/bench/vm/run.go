package vm

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
)

// Config says what is measured.
type Config struct {
	Self     []string // command line of this executable after which a role follows
	Plugin   string   // path of the kvvm plugin
	Minimal  string   // path of go-plugin's minimal plugin, the peer of a start
	Rounds   int
	Progress io.Writer
}

var (
	cycleTarget  = bench.Target{Floor: bench.AtMost(600)}
	cachedTarget = bench.Target{Floor: bench.AtMost(2)}
	remoteTarget = bench.Target{Floor: bench.AtMost(12)}
	startTarget  = bench.Target{Floor: bench.AtMost(1.3)}
)

const (
	blockCount = 200
	readCount  = 2000
	manyCount  = 200
	manyKeys   = 100
	startCount = 5
)

// side is what one column of results is about, in words and as the order that is given for it.
type side struct {
	what  string
	order rounds.Order
}

var (
	block = side{"build, verify, prefer and accept a block, over bus, host and plugin",
		rounds.Order{Op: "block", N: blockCount}}
	build    = side{"  of it, build", rounds.Order{Op: "build", N: blockCount}}
	verify   = side{"  of it, verify", rounds.Order{Op: "verify", N: blockCount}}
	prefer   = side{"  of it, set preference", rounds.Order{Op: "prefer", N: blockCount}}
	accept   = side{"  of it, accept, durably", rounds.Order{Op: "accept", N: blockCount}}
	oneAsk   = side{"one ask that the host answers itself", rounds.Order{Op: "ask", N: blockCount}}
	least    = side{"four asks, four bare round trips, a commit", rounds.Order{Op: "least", N: blockCount}}
	commit   = side{"a commit after them", rounds.Order{Op: "commit", N: blockCount}}
	local    = side{"local pebble", rounds.Order{Op: "local", N: readCount}}
	cached   = side{"database read in the plugin, cached", rounds.Order{Op: "cached", N: readCount}}
	uncached = side{"database read in the plugin, not cached", rounds.Order{Op: "uncached", N: readCount}}
	hundred  = side{"database read in the plugin, not cached, one of 100 at once",
		rounds.Order{Op: "many", Size: manyKeys, N: manyCount}}
	bare    = side{"bare socket", rounds.Order{Op: "bare", N: readCount}}
	start   = side{"start of a plugin to its first answer", rounds.Order{Op: "start", N: startCount}}
	minimal = side{"minimal go-plugin", start.order}
)

// ours are played by this program's processes, in this order.
var ours = []side{block, build, verify, prefer, accept, oneAsk, least, commit, local, cached, uncached, hundred, bare,
	start}

// Run measures; it takes some seconds per round.
func Run(ctx context.Context, cfg Config) (bench.Document, error) {
	doc := bench.Document{Bench: "vm", When: time.Now().UTC().Truncate(time.Second), Machine: bench.Machine()}
	dir, err := os.MkdirTemp("", "reeve-bench")
	if err != nil {
		return doc, err
	}
	defer os.RemoveAll(dir)
	session, err := rounds.Start("vm", "/proc/self/exe",
		append(append([]string(nil), cfg.Self...), roleEngine, dir, cfg.Plugin)...)
	if err != nil {
		return doc, err
	}
	defer session.Stop()
	peer, err := rounds.Start(minimal.what, cfg.Minimal)
	if err != nil {
		return doc, fmt.Errorf("%w; \"make peerbench\" builds it", err)
	}
	defer peer.Stop()
	figures, err := play(ctx, cfg, session, peer)
	if err != nil {
		return doc, err
	}
	doc.Rows = figures.rows()
	return doc, nil
}

// figures are the p50 of each round, in microseconds, by the words for the side.
type figures map[string][]float64

func play(ctx context.Context, cfg Config, session, peer *rounds.Session) (figures, error) {
	played, all := 0, append(append([]side(nil), ours...), minimal)
	var turns []func() (rounds.Result, error)
	for _, s := range all {
		player := session
		if s == minimal {
			player = peer
		}
		turns = append(turns, func() (rounds.Result, error) {
			if played%len(all) == 0 {
				fmt.Fprintf(cfg.Progress, "round %d of %d: %d blocks in each of %d ways, %d reads, %d plugin starts\n",
					played/len(all)+1, cfg.Rounds, blockCount, 5, readCount, startCount)
			}
			if played++; ctx.Err() != nil {
				return rounds.Result{}, ctx.Err()
			}
			return player.Play(s.order)
		})
	}
	results, err := bench.InTurn(cfg.Rounds, turns...)
	if err != nil {
		return nil, err
	}
	f := figures{}
	for i, s := range all {
		f[s.what] = bench.Column(results[i], func(r rounds.Result) float64 { return r.P50 / 1000 })
	}
	return f, nil
}

func (f figures) rows() []bench.Row {
	alone := func(s side, target bench.Target) bench.Row {
		return bench.Absolute(s.what+", p50", "µs", target, f[s.what])
	}
	against := func(s, peer side, target bench.Target) bench.Row {
		return bench.Against(s.what+", p50", "µs", peer.what, target, f[s.what], f[peer.what])
	}
	none := bench.Target{}
	return []bench.Row{
		alone(block, cycleTarget),
		bench.Against("  the same, p50", "µs", least.what, none, f[block.what], f[least.what]),
		alone(build, none), alone(verify, none), alone(prefer, none),
		against(accept, commit, none),
		alone(oneAsk, none),
		against(cached, local, cachedTarget),
		against(uncached, local, remoteTarget),
		bench.Against("  the same, p50", "µs", "round trip on a bare socket", none, f[uncached.what], f[bare.what]),
		against(hundred, local, remoteTarget),
		bench.Against(start.what+", p50", "ms", minimal.what, startTarget, thousandths(f[start.what]),
			thousandths(f[minimal.what])),
	}
}

func thousandths(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v / 1000
	}
	return out
}
