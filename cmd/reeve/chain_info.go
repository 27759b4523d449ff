package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
)

// chainState is a chain as a node sees it, and where the height stands that is being decided.
type chainState struct {
	gateway.Chain
	Finality *finalityState `json:"finality,omitempty"` // absent: the engine doesn't say
}

// finalityState is where votes stand.
type finalityState struct {
	*gateway.Standing                   // absent while the node catches up
	Certificates      uint32            `json:"certificates"` // the last ones, of which
	Absences          []gateway.Absence `json:"absences"`     // so many lack each validator's vote
}

func (a *app) chainInfo() *cobra.Command {
	cmd := &cobra.Command{
		Use: "info", Short: "Print a node's chains, and who votes", Args: takes(cobra.NoArgs),
		Long: `Print a node's chains: where each is, and whose votes are missing at the height that is being decided.
ABSENT lists the validators whose vote is missing from more than half of the last 1,000 certificates. A certificate
holds the first votes of a quorum; so who is slow is missing from many, and who is gone from all. JSON has the counts
of all.`,
	}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		info, err := n.nodeInfo(cmd.Context())
		if err != nil {
			return err
		}
		_, c, err := n.door()
		if err != nil {
			return err
		}
		list := make([]chainState, len(info.Chains))
		for i, chain := range info.Chains {
			list[i] = chainState{chain, finalityOf(cmd.Context(), devnet.Reachable(c.HTTP.Listen), chain.Name)}
		}
		return a.show(list, func(t *table) { chainRows(t, list) })
	}
	return cmd
}

// finalityOf asks the node; nil when its engine doesn't say.
func finalityOf(ctx context.Context, address, chain string) *finalityState {
	w, err := devnet.Why(ctx, address, chain, nextHeight)
	if err != nil {
		return nil
	}
	return &finalityState{Standing: w.Standing, Certificates: w.Certificates, Absences: w.Absences}
}

func chainRows(t *table, list []chainState) {
	t.row("CHAIN", "VM", "HEIGHT", "LAST ACCEPTED", "ROUND", "LOCKED", "VOTES MISSING", "ABSENT", "ID")
	for _, c := range list {
		round, locked, missing := "-", "-", "-"
		if c.Finality != nil && c.Finality.Standing != nil && c.Finality.Begun {
			round, locked = fmt.Sprint(c.Finality.Round), blockText(c.Finality.Locked)
			missing = orDash(strings.Join(c.Finality.VotesMissing, ", "))
		}
		t.row(c.Name, c.VM, c.Height, c.LastAccepted.Short(), round, locked, missing, absent(c.Finality), c.ID)
	}
}

// mostAbsent is how many are named in a cell.
const mostAbsent = 5

// absent lists who is missing from more than half of the certificates, the most absent first.
func absent(f *finalityState) string {
	if f == nil {
		return "-"
	}
	there := func(a gateway.Absence) bool { return 2*a.Missing <= f.Certificates }
	of := slices.DeleteFunc(slices.Clone(f.Absences), there)
	slices.SortStableFunc(of, func(a, b gateway.Absence) int { return cmp.Compare(b.Missing, a.Missing) })
	names := make([]string, 0, mostAbsent+1)
	for _, a := range of[:min(len(of), mostAbsent)] {
		names = append(names, fmt.Sprintf("%s from %d of %d", a.Validator, a.Missing, f.Certificates))
	}
	if more := len(of) - mostAbsent; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return orDash(strings.Join(names, ", "))
}
