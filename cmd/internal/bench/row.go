package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Row is one figure. Ours and Peer are medians in Unit; the ratios were taken pair by pair. Without a peer PeerName
// is empty, the ratios are zero, and the target binds Ours itself.
type Row struct {
	Figure   string  `json:"figure"`
	Ours     float64 `json:"ours"`
	OursMin  float64 `json:"oursMin"`
	OursMax  float64 `json:"oursMax"`
	Peer     float64 `json:"peer"`
	PeerName string  `json:"peerName"`
	Ratio    float64 `json:"ratio"`
	RatioMin float64 `json:"ratioMin"`
	RatioMax float64 `json:"ratioMax"`
	Target   string  `json:"target"`
	Met      bool    `json:"met"`
	Aim      string  `json:"aim,omitempty"`
	AimMet   bool    `json:"aimMet,omitempty"`
	Unit     string  `json:"unit"`
	N        int     `json:"n"` // paired rounds
}

// Against makes the row of a figure that a peer was measured for in the same rounds.
func Against(figure, unit, peerName string, target Target, ours, peer []float64) Row {
	row := measured(figure, unit, ours)
	ratio := Paired(ours, peer)
	row.Peer, row.PeerName = Median(peer), peerName
	row.Ratio, row.RatioMin, row.RatioMax = ratio.Median, ratio.Min, ratio.Max
	row.N = min(len(ours), len(peer))
	row.judge(target, ratio.Median, "×")
	return row
}

// Absolute makes the row of a figure that stands alone.
func Absolute(figure, unit string, target Target, ours []float64) Row {
	row := measured(figure, unit, ours)
	row.judge(target, row.Ours, " "+unit)
	return row
}

func measured(figure, unit string, ours []float64) Row {
	row := Row{Figure: figure, Unit: unit, Ours: Median(ours), N: len(ours)}
	if len(ours) > 0 {
		row.OursMin, row.OursMax = slices.Min(ours), slices.Max(ours)
	}
	return row
}

// judge compares the value with the target. What was never measured has met nothing.
func (r *Row) judge(target Target, value float64, unit string) {
	r.Target, r.Aim = target.Floor.text(unit), target.Aim.text(unit)
	r.Met = r.N > 0 && target.Floor.Holds(value)
	r.AimMet = r.N > 0 && r.Aim != "" && target.Aim.Holds(value)
}

// Document is what one benchmark run found.
type Document struct {
	Bench   string    `json:"bench"`
	When    time.Time `json:"when"`
	Machine string    `json:"machine"`
	Rows    []Row     `json:"rows"`
}

// WriteJSON writes the document as one indented JSON value.
func (d Document) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

// Read reads a document that WriteJSON wrote. Unknown fields are a later version's and are passed over.
func Read(in io.Reader) (Document, error) {
	var d Document
	if err := json.NewDecoder(in).Decode(&d); err != nil {
		return d, fmt.Errorf("not a benchmark document: %w", err)
	}
	return d, nil
}
