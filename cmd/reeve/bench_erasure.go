package main

import (
	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/bench/erasure"
)

func (a *app) benchErasureCommand() *cobra.Command {
	cfg := erasure.Config{Progress: a.err}
	c := &cobra.Command{
		Use: "erasure", Short: "Erasure coding of a candidate's data against the library alone",
		Args: takes(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := erasure.Run(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			return a.document(doc)
		},
	}
	c.Flags().IntVar(&cfg.Rounds, "rounds", 11, "how often each side plays")
	c.Flags().IntVar(&cfg.Bytes, "bytes", 5<<20, "length of the data")
	c.Flags().IntSliceVar(&cfg.Sizes, "validators", []int{4, 100, 500, 1000}, "numbers of validators")
	return c
}
