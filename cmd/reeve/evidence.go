package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/store/disk"
	store "github.com/reevenet/reeve/internal/store/evidence"
)

func (a *app) evidenceCommand() *cobra.Command {
	return noun("evidence", "What validators have signed that no honest one signs", a.evidenceList(), a.evidenceShow(),
		a.evidenceExport(), a.evidenceVerify())
}

// fault is evidence as it is shown.
type fault struct {
	ID        primitives.Hash `json:"id"`
	File      string          `json:"file"`
	Chain     string          `json:"chain"`
	Kind      string          `json:"kind,omitempty"`      // of an offence about a candidate; empty: a block or vote
	Validator string          `json:"validator,omitempty"` // empty when it holds against nobody
	Key       primitives.Hash `json:"key"`
	Stake     uint64          `json:"stake"`
	Height    uint64          `json:"height"`
	Place     string          `json:"place"`
	First     string          `json:"first"`
	Second    string          `json:"second"`
	Trouble   string          `json:"trouble,omitempty"` // why it doesn't hold, or can't be read
}

func (a *app) evidenceList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ls", Short: "Print the evidence that a node keeps against validators", Args: takes(cobra.NoArgs),
		Long: `Print the evidence that a node keeps against validators: that they have signed two blocks or two votes
for one place, or said of parachains' candidates what no honest validator says. A disagreement on a candidate is kept,
too, and holds against nobody yet. It is read from the node's files, whether the node runs or not.`,
	}
	c := a.chainFlags(cmd)
	cmd.Flags().Lookup("chain").Usage = "name of the chain (default: all of them)"
	cmd.RunE = func(*cobra.Command, []string) error {
		faults, err := c.faults()
		if err != nil {
			return err
		}
		return a.show(faults, func(t *table) {
			t.row("ID", "CHAIN", "VALIDATOR", "STAKE", "WHAT")
			for _, f := range faults {
				t.row(f.ID.Short(), f.Chain, f.who(), f.Stake, f.what())
			}
		})
	}
	return cmd
}

func (f *fault) who() string {
	if f.Validator == "" {
		return "-"
	}
	return f.Validator
}

func (f *fault) what() string {
	if f.Trouble != "" {
		return "it doesn't hold: " + f.Trouble
	}
	if f.Kind != "" {
		return f.Kind + " on " + f.Place
	}
	return "signed twice for " + f.Place
}

// faults are those that the node which the flags name keeps, of one chain or of all.
func (c *chainFlags) faults() ([]fault, error) {
	h, err := c.first()
	if err != nil {
		return nil, err
	}
	g, err := loadGenesis(h.Genesis())
	if err != nil {
		return nil, err
	}
	if _, ok := g.Chain(c.chain); !ok && c.chain != "" {
		return nil, errcode.New(errcode.ChainNotFound, "", nil, "%s has no chain %s", g.Network, c.chain)
	}
	faults := []fault{}
	for _, chain := range g.Chains {
		if c.chain == "" || c.chain == chain.Name || c.chain == chain.ID.String() {
			of, err := faultsOf(h, g, chain)
			if err != nil {
				return nil, err
			}
			faults = append(faults, of...)
			if of, err = offencesOf(h, g, chain); err != nil {
				return nil, err
			}
			faults = append(faults, of...)
		}
	}
	return faults, nil
}

func faultsOf(h datadir.Node, g *genesis.Genesis, chain genesis.Chain) ([]fault, error) {
	dir := h.Evidence(chain.Name)
	files, err := store.List(disk.OS{}, dir)
	if err != nil {
		return nil, err
	}
	faults := make([]fault, len(files))
	for i, file := range files {
		f, why := fault{ID: file.ID, Chain: chain.Name}, file.Err
		if why == nil {
			f, why = judge(g, chain.Name, file.Evidence)
		}
		if why != nil {
			f.Trouble = why.Error()
		}
		f.File = filepath.Join(dir, file.ID.String()+store.Suffix)
		faults[i] = f
	}
	return faults, nil
}

// judge says what evidence shows; the error says why it holds against nobody.
func judge(g *genesis.Genesis, chain string, e *evidence.Evidence) (fault, error) {
	first, second := e.Said()
	f := fault{
		ID: e.ID(), Chain: chain, Key: primitives.Hash(e.Key()), Height: e.Place().Height, Place: e.Place().String(),
		First: first.String(), Second: second.String(),
	}
	c, err := chainOf(g, chain, e.Place().NetworkID, e.Place().ChainID)
	if err != nil {
		return f, err
	}
	set, err := g.Set()
	if err != nil {
		return f, err
	}
	who, err := e.Check(g.Number(), c.ID, set)
	if err != nil {
		return f, err
	}
	m := memberOf(g, set, who)
	f.Chain, f.Validator, f.Stake = c.Name, m.Name, m.Stake
	return f, nil
}
