package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/process/errcode"
)

func (f *fault) rows(t *table) {
	t.row("evidence", f.ID)
	t.row("file", f.File)
	t.row("chain", f.Chain)
	t.row("validator", f.who())
	t.row("key", f.Key)
	t.row("stake", f.Stake)
	t.row("signed twice for", f.Place)
	t.row("once", f.First)
	t.row("and once", f.Second)
	t.row("holds", f.holds())
}

func (f *fault) holds() string {
	if f.Trouble != "" {
		return "no: " + f.Trouble
	}
	return "yes"
}

func (a *app) evidenceShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "Print what a validator has signed twice", Args: takes(cobra.ExactArgs(1)),
	}
	c := a.chainFlags(cmd)
	cmd.Flags().Lookup("chain").Usage = "name of the chain (default: all of them)"
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		faults, err := c.faults()
		if err != nil {
			return err
		}
		f, err := pick(faults, args[0])
		if err != nil {
			return err
		}
		return a.show(f, f.rows)
	}
	return cmd
}

// pick is the one whose id begins so.
func pick(faults []fault, id string) (*fault, error) {
	var found *fault
	for i := range faults {
		switch {
		case !strings.HasPrefix(faults[i].ID.String(), id):
		case found != nil:
			return nil, errcode.New(errcode.BadUsage, "Write more of it.", nil, "several ids begin with %s", id)
		default:
			found = &faults[i]
		}
	}
	if found == nil {
		return nil, errcode.New(errcode.BadUsage, "`reeve evidence ls` lists what is kept.", nil,
			"there is no evidence %s", id)
	}
	return found, nil
}

func (a *app) evidenceVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check evidence without a node; exit code 5 when it doesn't hold",
		Args: takes(cobra.ExactArgs(1)),
	}
	genesis := a.genesisFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		from, err := genesis()
		if err != nil {
			return err
		}
		g, err := loadGenesis(from)
		if err != nil {
			return err
		}
		file, err := readAtMost(args[0], evidence.MaxSize, errcode.EvidenceInvalid)
		if err != nil {
			return err
		}
		e, err := evidence.Decode(file)
		if err != nil {
			return doesNotHold(errcode.EvidenceInvalid, err, args[0])
		}
		f, err := judge(g, "", e)
		if err != nil {
			return doesNotHold(errcode.EvidenceInvalid, err, args[0])
		}
		f.File = args[0]
		return a.show(f, f.rows)
	}
	return cmd
}
