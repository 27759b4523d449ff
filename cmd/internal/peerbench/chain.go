package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/reevenet/reeve/cmd/internal/peerbench/comet"
)

// chainResult is one run of a CometBFT network, from nothing to nothing.
type chainResult struct {
	Peer       string  `json:"peer"`
	Profile    string  `json:"profile"`
	Validators int     `json:"validators"`
	Size       int     `json:"size"`
	ToHeight1  float64 `json:"toHeight1Millis"`
	PerSecond  float64 `json:"perSecond"`
	Committed  int     `json:"committed"`
	P50        float64 `json:"p50Millis"` // from posting to one until readable on all
	P99        float64 `json:"p99Millis"`
	CPU        float64 `json:"cpuSeconds"` // of all validators, over the whole run
}

type chainOrder struct {
	binary     string
	profile    string
	validators int
	size       int
	length     time.Duration
	probes     int
}

// chain starts a network, probes it quietly, loads it, stops it, and prints one line. An interrupt stops it too.
func chain(args []string) error {
	var order chainOrder
	flags := flag.NewFlagSet("chain", flag.ContinueOnError)
	flags.StringVar(&order.binary, "cometbft", beside("cometbft"), "the cometbft binary")
	flags.StringVar(&order.profile, "profile", "tuned", "settings: tuned or default")
	flags.IntVar(&order.validators, "validators", 4, "processes")
	flags.IntVar(&order.size, "size", 200, "bytes of a transaction")
	flags.DurationVar(&order.length, "for", 8*time.Second, "how long to load it")
	flags.IntVar(&order.probes, "probes", 30, "transactions whose latency is measured, one after the other")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	result, err := runChain(ctx, order)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func runChain(ctx context.Context, order chainOrder) (chainResult, error) {
	result := chainResult{Peer: "cometbft", Profile: order.profile, Validators: order.validators, Size: order.size}
	profile, ok := comet.Profiles[order.profile]
	if !ok {
		return result, fmt.Errorf("no profile is called %q", order.profile)
	}
	network, took, err := comet.Up(ctx, order.binary, order.validators, profile)
	if err != nil {
		return result, err
	}
	defer network.Down()
	result.ToHeight1 = millis(took)
	p50, p99, err := network.Latency(ctx, order.size, order.probes)
	if err != nil {
		return result, err
	}
	result.P50, result.P99 = millis(p50), millis(p99)
	result.PerSecond, result.Committed, err = network.Load(ctx, profile, order.size, order.length)
	result.CPU = totalCPU(clocksOf(network.Pids())).Seconds()
	return result, err
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// beside is a file in the directory of this binary.
func beside(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}
