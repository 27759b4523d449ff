// Package para measures what the parachain host costs one validator. One subsystem runs in a process of its own, as on
// a node, with a real overseer; all around it is played by this process: the relay chain of 500 validators, the other
// subsystems, and 499 peers. The figure is the processor's time of that one process per block of the relay chain, which
// doesn't depend on what else the machine does, and the bytes of its messages from and to peers. The peer's figures
// are those that it publishes of its own subsystem benchmarks, in the same shapes, on its machine; no round of it is
// played here.
package para

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/reevenet/reeve/cmd/internal/bench"
)

// Config says what is measured. Progress takes a line for each round.
type Config struct {
	Self     []string // command line of this executable after which a role follows
	Code     string   // of the example parachain: a file
	Rounds   int
	Blocks   int    // of each round
	Only     string // the shape with that name; empty: all
	Progress io.Writer
}

// shape is one workload.
type shape struct {
	name    string
	subject string // the subsystem that is measured
	cores   int
	// published is the peer's CPU time per block in seconds; 0: it hasn't published one.
	published float64
	// target is that of the CPU time, in milliseconds per block.
	target bench.Target
	play   func(*stage) player
}

// player plays what is around the subject: block has it see one more block, and returns when it has done all that
// follows from it.
type player interface {
	roles() []role
	block(ctx context.Context, number uint64) error
}

// half of what the peer takes, in milliseconds.
func half(seconds float64) bench.Target {
	return bench.Target{Floor: bench.AtMost(math.Round(seconds*5e4) / 100)}
}

var shapes = []shape{
	{"bitfields", "bitfield-distribution", 10, 0.0227, half(0.0227), playBitfields},
	{"bitfields-100", "bitfield-distribution", 100, 0, bench.Target{}, playBitfields},
	{"statements-10", "statement-distribution", 10, 0, bench.Target{}, playStatements},
	{"statements", "statement-distribution", 100, 0.0374, half(0.0374), playStatements},
	{"chunks-pushed", "availability-distribution", 10, 0.0132, half(0.0132), playPushed},
	{"chunks-asked", "availability-distribution", 10, 0.0132, half(0.0132), playAsked},
	{"store", "availability-store", 10, 0.1592, half(0.1592), playStore},
	{"recovery", "availability-distribution", 10, 11.4184 / 60, bench.Target{Floor: bench.AtMost(60)}, playRecovery},
}

// comparisons have both sides played here.
var comparisons = []struct {
	name string
	play func(context.Context, Config) ([]bench.Row, error)
}{{"verify", verifying}, {"validate", validating}}

// Run measures; it takes some seconds per round and shape.
func Run(ctx context.Context, cfg Config) (bench.Document, error) {
	doc := bench.Document{Bench: "para", When: time.Now().UTC().Truncate(time.Second), Machine: bench.Machine()}
	known := false
	for _, s := range shapes {
		if cfg.Only != "" && cfg.Only != s.name {
			continue
		}
		known = true
		rows, err := s.measure(ctx, cfg)
		if err != nil {
			return doc, fmt.Errorf("%s: %w", s.name, err)
		}
		doc.Rows = append(doc.Rows, rows...)
	}
	for _, c := range comparisons {
		if cfg.Only != "" && cfg.Only != c.name {
			continue
		}
		known = true
		rows, err := c.play(ctx, cfg)
		if err != nil {
			return doc, fmt.Errorf("%s: %w", c.name, err)
		}
		doc.Rows = append(doc.Rows, rows...)
	}
	if !known {
		return doc, fmt.Errorf("there is nothing called %q to measure", cfg.Only)
	}
	return doc, nil
}

// measured is what one round of a shape cost, per block.
type measured struct{ cpu, in, out float64 }

func (s shape) measure(ctx context.Context, cfg Config) ([]bench.Row, error) {
	var all []measured
	for round := range cfg.Rounds {
		fmt.Fprintf(cfg.Progress, "%s, %d cores: round %d of %d\n", s.name, s.cores, round+1, cfg.Rounds)
		m, err := s.round(ctx, cfg)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	name := fmt.Sprintf("%s, %d cores (%s)", s.subject, s.cores, s.name)
	cpu := bench.Column(all, func(m measured) float64 { return m.cpu * 1000 })
	row := bench.Absolute(name+", CPU per block", "ms", s.target, cpu)
	if s.published > 0 {
		row.PeerName, row.Peer = "Polkadot, published", s.published*1000
	}
	kib := func(what string, of func(measured) float64) bench.Row {
		return bench.Absolute("  "+what, "KiB", bench.Target{}, bench.Column(all, of))
	}
	return []bench.Row{row, kib("from peers", func(m measured) float64 { return m.in / 1024 }),
		kib("to peers", func(m measured) float64 { return m.out / 1024 })}, nil
}

// warm is how many blocks come before those that count.
const warm = 2

func (s shape) round(ctx context.Context, cfg Config) (m measured, err error) {
	dir, err := os.MkdirTemp("", "reeve-bench")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	st, err := newStage(cfg.Self, dir, s.cores, s.subject)
	if err != nil {
		return m, err
	}
	defer st.close()
	p := s.play(st)
	if err := st.open(ctx, p.roles()); err != nil {
		return m, err
	}
	for number := range uint64(warm) {
		if err := p.block(ctx, number+1); err != nil {
			return m, err
		}
	}
	before, in, out := st.subject.cpu(), st.in.Load(), st.out.Load()
	for number := range uint64(cfg.Blocks) {
		if err := p.block(ctx, warm+number+1); err != nil {
			return m, err
		}
	}
	n := float64(cfg.Blocks)
	return measured{
		cpu: (st.subject.cpu() - before).Seconds() / n, in: float64(st.in.Load()-in) / n,
		out: float64(st.out.Load()-out) / n,
	}, nil
}
