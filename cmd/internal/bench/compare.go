package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Change is one figure in two documents. Ratios are against the same peer within each run, so they can be compared
// even when the machine was not equally busy; Ours can only be when both runs had it to themselves.
type Change struct {
	Figure   string `json:"figure"`
	PeerName string `json:"peerName"`
	Before   *Row   `json:"before"` // nil where the document doesn't have the figure
	After    *Row   `json:"after"`
}

// Compare pairs the rows of two documents by figure and peer: first those of before in its order, then the new ones.
func Compare(before, after Document) []Change {
	var changes []Change
	for i := range before.Rows {
		row := &before.Rows[i]
		changes = append(changes, Change{row.Figure, row.PeerName, row, after.find(row)})
	}
	for i := range after.Rows {
		if row := &after.Rows[i]; before.find(row) == nil {
			changes = append(changes, Change{row.Figure, row.PeerName, nil, row})
		}
	}
	return changes
}

func (d Document) find(like *Row) *Row {
	for i := range d.Rows {
		if row := &d.Rows[i]; row.Figure == like.Figure && row.PeerName == like.PeerName {
			return row
		}
	}
	return nil
}

// WriteChanges prints what Compare found; it says so when the runs were on different machines.
func WriteChanges(out io.Writer, before, after Document) error {
	if before.Machine != after.Machine {
		fmt.Fprintf(out, "before: %s\nafter:  %s\n\n", before.Machine, after.Machine)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIGURE\tAGAINST\tBEFORE\tAFTER\tCHANGE\tRATIO BEFORE\tRATIO AFTER\tMET")
	for _, c := range Compare(before, after) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Figure, dash(c.PeerName), c.amount(c.Before),
			c.amount(c.After),
			c.change(), c.ratio(c.Before), c.ratio(c.After), c.met())
	}
	return table.Flush()
}

func (Change) amount(row *Row) string {
	if row == nil {
		return "–"
	}
	return Amount(row.Ours, row.Unit)
}

func (Change) ratio(row *Row) string {
	if row == nil {
		return "–"
	}
	return row.ratioText()
}

func (c Change) change() string {
	if c.Before == nil || c.After == nil || c.Before.Ours == 0 {
		return "–"
	}
	return fmt.Sprintf("%+.0f %%", (c.After.Ours/c.Before.Ours-1)*100)
}

func (c Change) met() string {
	switch {
	case c.Before == nil:
		return c.After.metText()
	case c.After == nil:
		return "gone"
	case c.Before.Met == c.After.Met:
		return c.After.metText()
	default:
		return c.Before.metText() + " → " + c.After.metText()
	}
}
