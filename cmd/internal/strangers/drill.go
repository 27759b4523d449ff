// Package strangers is a drill: what can a node that nobody knows do to a validator? It calls one of a running network,
// attacks it for a while in one way after the other, and measures meanwhile how long an honest client of the same
// validator waits until its transactions are final.
package strangers

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// Options say which network, and for how long.
type Options struct {
	Client *devnet.Client
	Home   datadir.Network
	Chain  string // whose VM is kvvm
	For    time.Duration
	Kinds  []string // names of Attacks; none: all
	Out    io.Writer
}

// Report is what was measured. Nothing is wrong when Faults is empty.
type Report struct {
	Node   string   `json:"node"`
	Phases []Phase  `json:"phases"`
	Faults []string `json:"faults"`
}

// Phase is one attack. Times are those from posting a transaction until it is final at the attacked node.
type Phase struct {
	Kind    string `json:"kind"`
	Before  Finals `json:"before"`
	During  Finals `json:"during"`
	After   Finals `json:"after"` // from two seconds after the end
	Outcome string `json:"outcome"`
}

// Finals are the times of one client that puts one key after another.
type Finals struct {
	Count    int     `json:"count"`
	P50, P99 float64 // milliseconds
}

const (
	worst    = 3               // times the undisturbed p99 is what an attack may cost
	settle   = 2 * time.Second // until everything is as before
	slack    = 15.0            // milliseconds by which p99 differs from run to run
	history  = 400             // transactions of the largest size that there are to be asked for
	answerIn = 20 * time.Second
	tries    = 3
	wrong    = "FAULT " // begins what an attack says of a node that let it be
)

// Run attacks the third validator of a network.
func Run(ctx context.Context, o Options) (*Report, error) {
	s, err := o.Client.Status(ctx)
	if err != nil {
		return nil, err
	}
	g, err := datadir.LoadGenesis(o.Home.Genesis())
	if err != nil {
		return nil, err
	}
	node := s.Nodes[min(2, len(s.Nodes)-1)]
	validator, _ := g.Validator(node.NodeID)
	d := &drill{Options: o, genesis: g, node: node, validator: validator, report: &Report{Node: node.Name}}
	d.client = kv.New(node.HTTP, o.Chain)
	if err := d.fill(ctx); err != nil {
		return nil, err
	}
	for _, a := range Attacks {
		if len(o.Kinds) > 0 && !slices.Contains(o.Kinds, a.Name) {
			continue
		}
		if err := d.attack(ctx, a); err != nil {
			return nil, fmt.Errorf("%s: %w", a.Name, err)
		}
	}
	return d.report, nil
}

// attack tries an attack until it costs no more than it may: whatever else the machine does costs time, too.
func (d *drill) attack(ctx context.Context, a Attack) error {
	for try := 1; ; try++ {
		p, err := d.phase(ctx, a)
		if err != nil {
			return err
		}
		fmt.Fprintf(d.Out, "%-10s p50/p99 ms: before %s, during %s, after %s; %s\n", p.Kind, p.Before, p.During, p.After,
			p.Outcome)
		if faults := p.judge(); len(faults) == 0 || try == tries {
			d.report.Phases, d.report.Faults = append(d.report.Phases, p), append(d.report.Faults, faults...)
			return nil
		}
	}
}

type drill struct {
	Options
	genesis   *genesis.Genesis
	node      devnet.NodeStatus
	validator genesis.Validator
	client    *kv.Client
	report    *Report
}

// fill gives the chain blocks of some size.
func (d *drill) fill(ctx context.Context) error {
	value, account := strings.Repeat("v", 16<<10), kv.NewAccount()
	for i := range history {
		short, cancel := context.WithTimeout(ctx, answerIn)
		_, err := d.client.Put(short, account, uint64(i), fmt.Sprint("history-", i%8), value)
		cancel()
		if err != nil {
			return fmt.Errorf("making a history: %w", err)
		}
	}
	return nil
}

func (d *drill) stranger() (*Stranger, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return New(key, d.genesis, d.Chain, d.validator)
}

// phase attacks once.
func (d *drill) phase(ctx context.Context, a Attack) (p Phase, err error) {
	p.Kind = a.Name
	if p.Before, err = d.measure(ctx, d.For); err != nil {
		return p, err
	}
	attacking, stop := context.WithTimeout(ctx, d.For)
	defer stop()
	outcome := make(chan string, 1)
	go func() { outcome <- a.Run(attacking, d) }()
	if p.During, err = d.measure(ctx, d.For); err != nil {
		return p, err
	}
	p.Outcome = <-outcome
	select {
	case <-ctx.Done():
		return p, ctx.Err()
	case <-time.After(settle):
	}
	p.After, err = d.measure(ctx, d.For/2)
	return p, err
}

// judge says what an attack cost that it may not.
func (p Phase) judge() (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, p.Kind+": "+fmt.Sprintf(format, args...)) }
	if p.During.P99 > worst*p.Before.P99+slack {
		fault("p99 of finality was %.0f ms during the attack, %.0f before it", p.During.P99, p.Before.P99)
	}
	if p.After.P99 > 2*p.Before.P99+slack {
		fault("p99 of finality was %.0f ms two seconds after the attack, %.0f before it", p.After.P99, p.Before.P99)
	}
	if word, bad := strings.CutPrefix(p.Outcome, wrong); bad {
		fault("%s", word)
	}
	return faults
}

func (f Finals) String() string { return fmt.Sprintf("%.0f/%.0f", f.P50, f.P99) }

// measure puts one key after another.
func (d *drill) measure(ctx context.Context, during time.Duration) (f Finals, err error) {
	var took []float64
	account := kv.NewAccount()
	for end, nonce := time.Now().Add(during), uint64(0); time.Now().Before(end); nonce++ {
		short, cancel := context.WithTimeout(ctx, answerIn)
		final, err := d.client.Put(short, account, nonce, "probe", fmt.Sprint(nonce))
		cancel()
		if err != nil {
			return f, fmt.Errorf("after %d transactions one isn't final: %w", len(took), err)
		}
		took = append(took, final.Millis)
	}
	slices.Sort(took)
	return Finals{Count: len(took), P50: took[len(took)/2], P99: took[len(took)*99/100]}, nil
}
