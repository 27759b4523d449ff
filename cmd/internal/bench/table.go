package bench

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"
	"time"
)

// WriteTable prints the document for people: one line per row, the ratio with its spread, and what was missed marked.
func (d Document) WriteTable(out io.Writer) error {
	fmt.Fprintf(out, "reeve bench %s, %s\n%s\n\n", d.Bench, d.When.UTC().Format(time.RFC3339), d.Machine)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIGURE\tOURS\tPEER\t\tRATIO\tMIN–MAX\tTARGET\tAIM\tMET\tN")
	for _, row := range d.Rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", row.Figure, Amount(row.Ours, row.Unit),
			row.peerText(),
			row.PeerName, row.ratioText(), row.spreadText(), dash(row.Target), dash(row.Aim), row.metText(), row.N)
	}
	return table.Flush()
}

func (r Row) peerText() string {
	if r.PeerName == "" {
		return "–"
	}
	return Amount(r.Peer, r.Unit)
}

func (r Row) ratioText() string {
	if r.PeerName == "" {
		return "–"
	}
	return fmt.Sprintf("%.2f×", r.Ratio)
}

// spreadText is of the ratio, or of the figure itself when there is no peer.
func (r Row) spreadText() string {
	if r.PeerName == "" {
		return Amount(r.OursMin, r.Unit) + " – " + Amount(r.OursMax, r.Unit)
	}
	return fmt.Sprintf("%.2f–%.2f", r.RatioMin, r.RatioMax)
}

func (r Row) metText() string {
	switch {
	case r.Target == "":
		return "–"
	case r.AimMet:
		return "aim"
	case r.Met:
		return "yes"
	default:
		return "NO"
	}
}

func dash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// Amount prints a value with its unit, three significant digits, thousands and millions shortened.
func Amount(value float64, unit string) string {
	switch size := math.Abs(value); {
	case size >= 1e6:
		return significant(value/1e6) + " M" + unit
	case size >= 1e4:
		return significant(value/1e3) + " k" + unit
	default:
		return significant(value) + " " + unit
	}
}

func significant(value float64) string {
	if value == 0 {
		return "0"
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(math.Abs(value)))))
	return strconv.FormatFloat(value, 'f', min(decimals, 4), 64)
}

func trim(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }
