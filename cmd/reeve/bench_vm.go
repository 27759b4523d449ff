package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/bench/vm"
)

func (a *app) benchVMCommand() *cobra.Command {
	cfg := vm.Config{Self: benchRole(), Progress: a.err}
	c := &cobra.Command{
		Use: "vm", Short: "A block's way through host and plugin, and a plugin's reads of the host's database",
		Args: takes(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := vm.Run(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			return a.document(doc)
		},
	}
	c.Flags().IntVar(&cfg.Rounds, "rounds", 5, "how often each round is played")
	c.Flags().StringVar(&cfg.Minimal, "minimal", besideUs("minimalplugin"),
		"path of go-plugin's minimal plugin, which \"make peerbench\" builds")
	c.Flags().StringVar(&cfg.Plugin, "plugin", besideUs(filepath.Join("plugins", "kvvm")), "path of the kvvm plugin")
	return c
}
