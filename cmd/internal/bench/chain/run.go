package chain

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"

	"github.com/reevenet/reeve/cmd/internal/bench"
)

// Config says what a comparison runs.
type Config struct {
	Reeve      string // path of the reeve binary
	Peers      string // path of the peerbench binary
	Validators int
	Rounds     int           // how often each network is started, loaded and stopped
	Size       int           // bytes of a transaction
	For        time.Duration // how long each load lasts
	Probes     int           // transactions whose latency is measured, one after the other
	Profile    string        // settings of CometBFT: tuned or default
	Progress   io.Writer
}

// run is what one network of either kind showed.
type run struct {
	Start     float64 `json:"toHeight1Millis"`
	PerSecond float64 `json:"perSecond"`
	P50       float64 `json:"p50Millis"`
	P99       float64 `json:"p99Millis"`
	Memory    float64 `json:"-"` // MiB of one idle validator
	Core      float64 `json:"-"` // percent of a core that all idle validators take
}

var (
	startTarget    = bench.Target{Floor: bench.AtMost(0.5)}
	rateTarget     = bench.Target{Floor: bench.AtLeast(2), Aim: bench.AtLeast(5)}
	finalityTarget = bench.Target{Floor: bench.AtMost(60), Aim: bench.AtMost(30)}
	memoryTarget   = bench.Target{Floor: bench.AtMost(150)}
	idleTarget     = bench.Target{Floor: bench.AtMost(5)}
)

// Run starts, probes, loads and stops a network of ours and one of CometBFT's in turn.
func Run(ctx context.Context, cfg Config) (bench.Document, error) {
	doc := bench.Document{Bench: "chain", When: time.Now().UTC().Truncate(time.Second), Machine: bench.Machine()}
	results, err := bench.InTurn(cfg.Rounds,
		func() (run, error) { return cfg.ours(ctx) },
		func() (run, error) { return cfg.theirs(ctx) })
	if err != nil {
		return doc, err
	}
	doc.Rows = cfg.rows(results[0], results[1])
	return doc, nil
}

func (cfg Config) rows(ours, theirs []run) []bench.Row {
	peer := "cometbft, " + cfg.Profile
	row := func(figure, unit string, target bench.Target, value func(run) float64) bench.Row {
		return bench.Against(figure, unit, peer, target, bench.Column(ours, value), bench.Column(theirs, value))
	}
	p50 := func(r run) float64 { return r.P50 }
	return []bench.Row{
		row(fmt.Sprintf("start of %d validators until ready", cfg.Validators), "ms", startTarget,
			func(r run) float64 { return r.Start }),
		row(fmt.Sprintf("sustained transactions of %d bytes", cfg.Size), "/s", rateTarget,
			func(r run) float64 { return r.PerSecond }),
		row("posted to one, readable on all, p50", "ms", bench.Target{}, p50),
		row("posted to one, readable on all, p99", "ms", bench.Target{}, func(r run) float64 { return r.P99 }),
		bench.Absolute("posted to one, readable on all, p50", "ms", finalityTarget, bench.Column(ours, p50)),
		bench.Absolute("memory of one idle validator (PSS)", "MiB", memoryTarget,
			bench.Column(ours, func(r run) float64 { return r.Memory })),
		bench.Absolute("CPU of all idle validators", "% of a core", idleTarget,
			bench.Column(ours, func(r run) float64 { return r.Core })),
	}
}

func (cfg Config) ours(ctx context.Context) (r run, err error) {
	fmt.Fprintf(cfg.Progress, "a network of %d of ours\n", cfg.Validators)
	n, took, err := up(ctx, cfg.Reeve, cfg.Validators)
	if err != nil {
		return r, err
	}
	defer n.down()
	r.Start = millis(took)
	memory, core := n.idle()
	r.Memory, r.Core = memory/(1<<20), core*100
	p50, p99, err := n.probe(ctx, cfg.Size, cfg.Probes)
	if err != nil {
		return r, err
	}
	r.P50, r.P99 = millis(p50), millis(p99)
	r.PerSecond, err = n.load(ctx, cfg.Size, cfg.For)
	return r, err
}

func (cfg Config) theirs(ctx context.Context) (r run, err error) {
	fmt.Fprintf(cfg.Progress, "a network of %d of CometBFT's, %s\n", cfg.Validators, cfg.Profile)
	command := exec.CommandContext(ctx, cfg.Peers, "chain", "--validators", strconv.Itoa(cfg.Validators), "--size",
		strconv.Itoa(cfg.Size),
		"--for", cfg.For.String(), "--probes", strconv.Itoa(cfg.Probes), "--profile", cfg.Profile)
	command.Stderr = cfg.Progress
	out, err := command.Output()
	if err != nil {
		return r, fmt.Errorf("peerbench chain: %w: build the peers with `make peerbench`", err)
	}
	return r, json.Unmarshal(out, &r)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
