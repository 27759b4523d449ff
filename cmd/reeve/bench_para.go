package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/bench/para"
)

func (a *app) benchParaCommand() *cobra.Command {
	cfg := para.Config{
		Self: benchRole(), Code: besideUs(filepath.Join("paras", "ledger.wasm")), Progress: a.err,
	}
	c := &cobra.Command{
		Use: "para", Short: "What the parachain host's parts take for a relay block of 500 validators",
		Args: takes(cobra.NoArgs),
		Long: `One part at a time runs in a process of its own, with all around it played: the relay chain, the other
parts, and 499 peers. The time is the processor's, of that process alone, so it doesn't depend on what else the machine
does.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := para.Run(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			return a.document(doc)
		},
	}
	c.Flags().IntVar(&cfg.Rounds, "rounds", 5, "how often each is played")
	c.Flags().IntVar(&cfg.Blocks, "blocks", 10, "relay blocks of each round")
	c.Flags().StringVar(&cfg.Only, "only", "", "play only the one with this name, as the table has it in brackets")
	return c
}
