package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/internal/bench/chain"
)

func (a *app) benchChainCommand() *cobra.Command {
	cfg := chain.Config{Progress: a.err}
	c := &cobra.Command{
		Use: "chain", Short: "A network of validators against one of CometBFT's", Args: takes(cobra.NoArgs),
		Long: `Networks of both kinds are started, loaded and stopped in turn; the key-value chain here against CometBFT's built-in
store, same number of validators, same size of a transaction. It needs bin/peerbench and bin/cometbft, which
"make peerbench" builds.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if cfg.Reeve, err = os.Executable(); err != nil {
				return err
			}
			doc, err := chain.Run(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			return a.document(doc)
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Peers, "peers", besideUs("peerbench"), "the program that runs the peers")
	f.StringVar(&cfg.Profile, "profile", "tuned", "CometBFT's settings: tuned (its fastest here) or default")
	f.IntVar(&cfg.Validators, "validators", 4, "validators of each network")
	f.IntVar(&cfg.Rounds, "rounds", 3, "how often each network is run")
	f.IntVar(&cfg.Size, "size", 200, "bytes of a transaction")
	f.IntVar(&cfg.Probes, "probes", 30, "transactions whose latency is measured, one after the other")
	f.DurationVar(&cfg.For, "for", 6*time.Second, "how long each load lasts")
	return c
}
