package killtest

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"time"

	"github.com/reevenet/reeve/cmd/internal/byzantine"
	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/evidence"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// ByzantineOptions say how long a validator lies in which ways, and under which load.
type ByzantineOptions struct {
	Client  *devnet.Client
	Home    datadir.Network
	Program string // reeve, whose `chaos byzantine` it is
	Chain   string // whose VM is kvvm
	Rate    float64
	For     time.Duration // each kind, and each calm time
	Kinds   []byzantine.Kind
	Share   float64 // of the calm rate, which a network with a liar must reach
	Out     io.Writer
}

// ByzantineReport is what became of the honest validators. Nothing is wrong when Faults is empty.
type ByzantineReport struct {
	Findings
	Liar   string  `json:"liar"`
	Phases []Phase `json:"phases"`
}

// Phase is a time in which the validator lied in one way, or didn't.
type Phase struct {
	Kind       string        `json:"kind"` // calm: nobody lied
	PerSecond  float64       `json:"finalPerSecond"`
	Share      float64       `json:"shareOfCalm"` // of the calm phases' rate
	P50        float64       `json:"finalP50Seconds"`
	P99        float64       `json:"finalP99Seconds"`
	Blocks     uint64        `json:"blocks"`
	LongestGap float64       `json:"longestGapSeconds"`
	Evidence   int           `json:"evidence"` // new, and on all honest nodes
	Moved      []string      `json:"moved,omitempty"`
	Settled    time.Duration `json:"settledNanos"` // from the end of the lies until all nodes had the same head
}

// calm is the kind of a phase in which nobody lies.
const calm = "calm"

// Byzantine lets the last validator of a network lie under load, in one way after the other, and looks at the others:
// no two blocks at one height, no process that ends, nearly the rate of a calm time before and after, and evidence
// where something can be proven.
func Byzantine(ctx context.Context, o ByzantineOptions) (*ByzantineReport, error) {
	s, err := o.Client.Status(ctx)
	if err != nil {
		return nil, err
	}
	g, err := datadir.LoadGenesis(o.Home.Genesis())
	if err != nil {
		return nil, err
	}
	last := len(s.Nodes) - 1
	liar, _ := g.Validator(s.Nodes[last].NodeID)
	honest := &devnet.Status{Nodes: s.Nodes[:last]}
	b := &drills{
		ByzantineOptions: o, report: &ByzantineReport{Liar: s.Nodes[last].Name}, honest: honest, all: &load{},
		chain: watch(ctx, honest, o.Chain), liarsKey: liar.PublicKey,
	}
	defer b.chain.stop()
	kinds := []string{calm}
	for _, k := range o.Kinds {
		kinds = append(kinds, string(k))
	}
	for _, kind := range append(kinds, calm) {
		if err := b.phase(ctx, kind, clientsOf(s, o.Chain)); err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
	}
	b.chain.stop()
	b.report.fill(b.all, b.chain)
	b.report.judge(o.Share)
	return b.report, b.report.verify(ctx, s, b.all, b.chain)
}

// drills is one run of the test.
type drills struct {
	ByzantineOptions
	report   *ByzantineReport
	liarsKey primitives.Hash
	honest   *devnet.Status
	chain    *watcher
	all      *load // what all phases have posted
}

// phase lets the validator lie while clients post to the honest nodes.
func (b *drills) phase(ctx context.Context, kind string, clients []*kv.Client) error {
	before, err := b.Client.Status(ctx)
	if err != nil {
		return err
	}
	known, err := b.evidence()
	if err != nil {
		return err
	}
	l := start(ctx, b.honest, b.Chain, b.Rate)
	defer l.stop()
	if err := pause(ctx, time.Second); err != nil { // until it runs evenly
		return err
	}
	b.chain.begin()
	began, from, height := time.Now(), l.finals(), b.chain.height()
	over := make(chan error, 1)
	go func() { over <- b.lie(ctx, kind) }()
	if err := pause(ctx, b.For); err != nil {
		return err
	}
	p := Phase{
		Kind: kind, PerSecond: float64(l.finals()-from) / time.Since(began).Seconds(),
		Blocks:     b.chain.height() - height,
		LongestGap: b.chain.longest().Seconds(),
	}
	if err := <-over; err != nil {
		return err
	}
	l.stop()
	b.all.add(l)
	p.P50, p.P99 = at(l.took, 50), at(l.took, 99)
	if err := b.after(ctx, &p, before, known, clients); err != nil {
		return err
	}
	b.report.Phases = append(b.report.Phases, p)
	fmt.Fprintf(b.Out, "  %-11s %6.1f transactions/s, final after %4.0f ms, p99 %5.0f ms, longest gap %.2f s, %d blocks, %d evidence\n",
		p.Kind, p.PerSecond, 1000*p.P50, 1000*p.P99, p.LongestGap, p.Blocks, p.Evidence)
	return nil
}

// lie has the validator lie for the time of a phase. The command returns when the honest engine is back.
func (b *drills) lie(ctx context.Context, kind string) error {
	if kind == calm {
		return pause(ctx, b.For)
	}
	cmd := exec.CommandContext(ctx, b.Program, "chaos", "byzantine", "engine="+kind, "--node", b.report.Liar,
		"--for", b.For.String(), "--data-dir", b.Home.Dir, "-o", "json")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}

// after looks at what the phase has left behind.
func (b *drills) after(ctx context.Context, p *Phase, before *devnet.Status, known []primitives.Hash,
	clients []*kv.Client) error {
	began := time.Now()
	if err := settle(ctx, clients); err != nil {
		b.report.fault("after %s: %v", p.Kind, err)
	}
	p.Settled = time.Since(began)
	s, err := b.Client.Status(ctx)
	if err != nil {
		return err
	}
	for _, m := range moved(before, s, b.report.Liar, "engine") {
		p.Moved = append(p.Moved, m)
		b.report.fault("while it was %s: %s changed", p.Kind, m)
	}
	have, err := b.evidence()
	if err != nil {
		return err
	}
	p.Evidence = len(have) - len(known)
	return nil
}

// evidence lists what all honest nodes keep against the liar. Nobody else has done anything wrong.
func (b *drills) evidence() (common []primitives.Hash, err error) {
	for i, n := range b.honest.Nodes {
		ids, err := b.evidenceOf(n.Name)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			common = ids
		}
		common = slices.DeleteFunc(common, func(id primitives.Hash) bool { return !slices.Contains(ids, id) })
	}
	return common, nil
}

func (b *drills) evidenceOf(name string) (ids []primitives.Hash, err error) {
	files, err := evidence.List(disk.OS{}, b.Home.Node(name).Evidence(b.Chain))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		ids = append(ids, f.ID)
		if f.Err != nil {
			b.report.fault("evidence %s on %s: %v", f.ID.Short(), name, f.Err)
		} else if key := primitives.Hash(f.Evidence.Key()); key != b.liarsKey {
			b.report.fault("%s keeps evidence against an honest validator: %s", name, f.Evidence)
		}
	}
	return ids, nil
}

// judge compares the phases in which somebody lied with those in which nobody did.
func (r *ByzantineReport) judge(share float64) {
	var rate, phases float64
	for _, p := range r.Phases {
		if p.Kind == calm {
			rate, phases = rate+p.PerSecond, phases+1
		}
	}
	for i := range r.Phases {
		p := &r.Phases[i]
		p.Share = p.PerSecond * phases / rate
		if p.Kind != calm && p.Share < share {
			r.fault("%s: %.2f of the calm rate, it should be %.2f at least", p.Kind, p.Share, share)
		}
		if byzantine.Kind(p.Kind).Provable() && p.Evidence == 0 {
			r.fault("%s: not all honest nodes can prove it", p.Kind)
		}
	}
}
