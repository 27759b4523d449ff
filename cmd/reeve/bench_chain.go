package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/cmd/internal/bench/chain"
)

func (a *app) benchChainCommand() *cobra.Command {
	cfg, rate := chain.Config{Progress: a.err}, 0
	c := &cobra.Command{
		Use: "chain", Short: "A network of validators against one of CometBFT's", Args: takes(cobra.NoArgs),
		Long: `Networks of both kinds are started, loaded and stopped in turn; the key-value chain here against
CometBFT's built-in store, same number of validators, same size of a transaction. It needs bin/peerbench and
bin/cometbft, which "make peerbench" builds.

With --rate it posts so many transactions per second for --for, whatever becomes of them, to the running network of
--data-dir, or to one of its own when that is not given; a network whose parts are killed meanwhile is what it is for.`,
	}
	c.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if cfg.Reeve, err = os.Executable(); err != nil {
			return err
		}
		doc, err := a.runChain(cmd, cfg, rate)
		if err != nil {
			return err
		}
		return a.document(doc)
	}
	f := c.Flags()
	f.IntVar(&rate, "rate", 0, "post so many transactions per second, and compare with nobody")
	f.StringVar(&cfg.Peers, "peers", besideUs("peerbench"), "the program that runs the peers")
	f.StringVar(&cfg.Profile, "profile", "tuned", "CometBFT's settings: tuned (its fastest here) or default")
	f.IntVar(&cfg.Validators, "validators", 4, "validators of each network")
	f.IntVar(&cfg.Rounds, "rounds", 3, "how often each network is run")
	f.IntVar(&cfg.Size, "size", 200, "bytes of a transaction")
	f.IntVar(&cfg.Probes, "probes", 30, "transactions whose latency is measured, one after the other")
	f.DurationVar(&cfg.For, "for", 6*time.Second, "how long each load lasts")
	return c
}

func (a *app) runChain(cmd *cobra.Command, cfg chain.Config, rate int) (bench.Document, error) {
	if rate == 0 {
		return chain.Run(cmd.Context(), cfg)
	}
	open := chain.RateConfig{Reeve: cfg.Reeve, Fresh: cfg.Validators, PerSec: rate, For: cfg.For, Size: cfg.Size,
		Progress: a.err}
	if cmd.Flags().Changed("data-dir") {
		open.DataDir = a.dataDir
	}
	return chain.Rate(cmd.Context(), open)
}
