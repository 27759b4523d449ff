package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
)

func (f *fault) rows(t *table) {
	t.row("evidence", f.ID)
	t.row("file", f.File)
	t.row("chain", f.Chain)
	t.row("validator", f.who())
	t.row("key", f.Key)
	t.row("stake", f.Stake)
	if f.Kind == "" {
		t.row("signed twice for", f.Place)
		t.row("once", f.First)
		t.row("and once", f.Second)
	} else {
		t.row("what", f.Kind)
		t.row("on", f.Place)
		t.row("first", f.First)
		t.row("second", f.Second)
	}
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
		Use: "show ID", Short: "Print what evidence shows", Args: takes(cobra.ExactArgs(1)),
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
		file, err := readAtMost(args[0], max(evidence.MaxSize, offence.MaxFile), errcode.EvidenceInvalid)
		if err != nil {
			return err
		}
		f, err := judgeFile(g, file)
		if err != nil {
			return doesNotHold(errcode.EvidenceInvalid, err, args[0])
		}
		f.File = args[0]
		return a.show(f, f.rows)
	}
	return cmd
}

// judgeFile says what a file of either kind shows: that of blocks and votes begins with its version.
func judgeFile(g *genesis.Genesis, file []byte) (fault, error) {
	if len(file) == 0 || file[0] != evidence.Version {
		return judgeOffence(g, file)
	}
	e, err := evidence.Decode(file)
	if err != nil {
		return fault{}, err
	}
	return judge(g, "", e)
}
