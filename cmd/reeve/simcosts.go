package main

import (
	"fmt"

	"github.com/reevenet/reeve/cmd/internal/sim/scenario/parachain"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// costsOf are the sizes of network whose costs are shown when none is given.
var costsOf = []int{10, 30, 100}

// costBlocks is during how many relay blocks what is sent is counted, unless --heights says otherwise.
const costBlocks = 20

// simCosts is what reeve sim --costs prints. Its JSON is a contract with scripts: fields are only ever added.
type simCosts struct {
	Bills []parachain.Bill `json:"bills"`
}

// simulatedCosts shows what a node sends for each relay block, in calm networks of growing size.
func (a *app) simulatedCosts(o simOptions) error {
	sizes, blocks := costsOf, uint64(costBlocks)
	if o.cfg.Nodes > 0 {
		sizes = []int{o.cfg.Nodes}
	}
	if o.heights > 0 {
		blocks = o.heights
	}
	var r simCosts
	for _, n := range sizes {
		bill, out := parachain.Measure(n, blocks)
		if len(out.Violations) > 0 {
			return errcode.New(errcode.SimViolation, "Run reeve sim --scenario parachain --calm with as many.",
				nil, "%d validators: %s: %s", n, out.Violations[0].Invariant, out.Violations[0].What)
		}
		r.Bills = append(r.Bills, bill)
	}
	return a.show(r, func(t *table) { costRows(t, r) })
}

func costRows(t *table, r simCosts) {
	t.row("validators", "kind", "messages", "KiB", "KiB per candidate")
	for _, b := range r.Bills {
		each := float64(b.Blocks) * float64(b.Validators)
		t.row(b.Validators, fmt.Sprintf("(%d paras, groups of %d, %.1f candidates a block)", b.Paras, b.Group,
			float64(b.Candidates)/float64(b.Blocks)))
		for _, c := range b.Costs {
			kib := float64(c.Bytes) / 1024 / each
			t.row("", c.Kind, fmt.Sprintf("%.1f", float64(c.Frames)/each), fmt.Sprintf("%.2f", kib),
				fmt.Sprintf("%.3f", kib*float64(b.Blocks)/float64(max(1, b.Candidates))))
		}
	}
}
