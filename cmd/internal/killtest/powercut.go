package killtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/proc"
)

// PowerCutOptions say how often the power goes while clients are told what is final.
type PowerCutOptions struct {
	Network *devnet.Throwaway
	// Machine is what the network runs on.
	Machine Machine
	Chain   string // whose VM is kvvm
	Cuts    int
	Rate    float64 // transactions per second
	Seed    uint64
	Limit   time.Duration // how long the network may take to go on
	Out     io.Writer
}

// Machine is a computer whose power can be cut.
type Machine interface {
	// Settle has everything written: what is cut is a network at work, and not one that is being made.
	Settle() error
	// Cut ends all writing to the disk, at any point of it: what wasn't synced is lost.
	Cut() error
	// Restore has the disk as it was at the cut. Nothing may use it.
	Restore() error
}

// PowerCutReport is what was left. Nothing is wrong when Faults is empty.
type PowerCutReport struct {
	Findings
	Cuts   int     `json:"cuts"`
	Void   int     `json:"void"` // before which nobody had been told anything
	OnP50  float64 `json:"wentOnP50Seconds"`
	OnMost float64 `json:"wentOnMostSeconds"`
}

// PowerCuts cut the power of a whole network again and again while it works. After each, all that clients had been told
// is final is there, on every node, and the network goes on.
func PowerCuts(ctx context.Context, o PowerCutOptions) (*PowerCutReport, error) {
	p := &powerCuts{PowerCutOptions: o, report: &PowerCutReport{}, rng: rand.New(rand.NewPCG(o.Seed, 3))}
	err := p.run(ctx)
	p.report.OnP50, p.report.OnMost = at(p.on, 50), at(p.on, 100)
	if errors.Is(err, errStands) {
		p.report.fault("after cut %d: %v", p.report.Cuts, err)
		err = nil
	}
	return p.report, err
}

// powerCuts is one run of the test.
type powerCuts struct {
	PowerCutOptions
	report *PowerCutReport
	rng    *rand.Rand
	on     []time.Duration // from each start until a transaction was final
}

func (p *powerCuts) run(ctx context.Context) error {
	s, client, err := p.up(ctx)
	if err != nil {
		return err
	}
	if err := p.Machine.Settle(); err != nil {
		return err
	}
	for len(p.report.Faults) == 0 && p.report.Cuts < p.Cuts {
		chain := watch(ctx, s, p.Chain)
		told, err := p.cut(ctx, client.Supervisor(), s)
		chain.stop()
		if err != nil {
			return err
		}
		if err := p.Machine.Restore(); err != nil {
			return err
		}
		if s, client, err = p.up(ctx); err != nil {
			return err
		}
		found := Findings{Faults: p.report.Faults}
		found.fill(told, chain)
		if err := found.verify(ctx, s, told, chain); err != nil {
			return err
		}
		p.report.take(found)
		if n := p.report.Cuts; n%10 == 0 || n == p.Cuts || len(p.report.Faults) > 0 {
			fmt.Fprintf(p.Out, "  %d cuts, %d transactions had been told final, %d faults\n", n, p.report.Final,
				len(p.report.Faults))
		}
	}
	return nil
}

// up starts the network and waits until it works.
func (p *powerCuts) up(ctx context.Context) (*devnet.Status, *devnet.Client, error) {
	client, err := p.Network.Up(ctx)
	if err != nil {
		return nil, nil, err
	}
	s, err := client.Status(ctx)
	if err != nil {
		return nil, nil, err
	}
	began := time.Now()
	l := startFor(ctx, s, p.Chain, p.Rate, putTimeout)
	defer l.stop()
	for l.finals() == 0 {
		if time.Since(began) > p.Limit {
			return nil, nil, errStands
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return nil, nil, err
		}
	}
	p.on = append(p.on, time.Since(began))
	return s, client, nil
}

// longestWork is how long the network works at most between two cuts.
const longestWork = 1500 * time.Millisecond

// cut lets clients post until the power goes. What they are told afterwards they are told by the dying, and counts too.
func (p *powerCuts) cut(ctx context.Context, supervisor proc.Identity, s *devnet.Status) (*load, error) {
	l := startFor(ctx, s, p.Chain, p.Rate, patience)
	defer l.stop()
	if err := pause(ctx, 100*time.Millisecond+time.Duration(p.rng.Int64N(int64(longestWork)))); err != nil {
		return nil, err
	}
	if err := supervisor.Signal(syscall.SIGSTOP); err != nil { // it would start anew who dies of the cut
		return nil, err
	}
	if err := p.Machine.Cut(); err != nil {
		return nil, err
	}
	p.report.Cuts++
	if err := pause(ctx, 200*time.Millisecond); err != nil { // in which the processes tell what they think they know
		return nil, err
	}
	doomed := []proc.Identity{supervisor}
	for _, n := range s.Nodes {
		for _, process := range n.Processes {
			doomed = append(doomed, proc.Identify(process.PID))
		}
	}
	for _, d := range doomed {
		d.Signal(syscall.SIGKILL) //nolint:errcheck // it has died with its parent
	}
	if err := gone(ctx, doomed); err != nil {
		return nil, err
	}
	l.stop()
	if l.finals() == 0 {
		p.report.Void++
	}
	return l, nil
}
