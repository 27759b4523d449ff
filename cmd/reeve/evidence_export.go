package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/internal/process/errcode"
)

func (a *app) evidenceExport() *cobra.Command {
	cmd := &cobra.Command{
		Use: "export ID", Short: "Write evidence that a node keeps to a file", Args: takes(cobra.ExactArgs(1)),
		Long: `Write evidence that a node keeps to a file, which holds all that it takes to check it: anybody who has
the network's genesis does so with ` + "`reeve evidence verify`" + `, without a node. What doesn't hold isn't written.`,
	}
	c := a.chainFlags(cmd)
	cmd.Flags().Lookup("chain").Usage = "name of the chain (default: all of them)"
	out := cmd.Flags().String("out", "", "file to write, - for standard output (default: the node's name for it)")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		faults, err := c.faults()
		if err != nil {
			return err
		}
		f, err := pick(faults, args[0])
		if err != nil {
			return err
		}
		if f.Trouble != "" {
			return errcode.New(errcode.EvidenceInvalid, "", nil, "evidence %s doesn't hold: %s",
				f.ID.Short(), f.Trouble)
		}
		return a.writeEvidence(*out, f)
	}
	return cmd
}

// writeEvidence copies the node's file, and says what it shows.
func (a *app) writeEvidence(to string, f *fault) error {
	b, err := os.ReadFile(f.File)
	if err != nil {
		return fmt.Errorf("the evidence can't be read: %w", err)
	}
	if to == "-" {
		_, err := a.out.Write(b)
		return err
	}
	if to == "" {
		to = filepath.Base(f.File)
	}
	if err := os.WriteFile(to, b, 0o644); err != nil {
		return err
	}
	f.File = to
	return a.show(f, f.rows)
}
