package killtest

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// AbsenceOptions say what is missed, and under which load.
type AbsenceOptions struct {
	Client *devnet.Client
	Chain  string  // whose VM is kvvm
	Rate   float64 // transactions per second
	Blocks uint64  // that the others accept while a validator is away
	Limit  time.Duration
	Out    io.Writer
}

// AbsenceReport is what became of those who were away. Nothing is wrong when Faults is empty.
type AbsenceReport struct {
	Findings
	ChainPerSecond float64   `json:"chainBlocksPerSecond"` // the chain's own rate meanwhile
	Returns        []Arrival `json:"returns"`
}

// Arrival is one node's way to the head of the chain.
type Arrival struct {
	Node      string        `json:"node"`
	New       bool          `json:"new"`        // it had no block before
	Missed    uint64        `json:"missed"`     // blocks, when it was started
	Height    uint64        `json:"height"`     // of the chain, when the node had caught up
	Took      time.Duration `json:"tookNanos"`  // from the command until it had the chain's head of that moment
	Fetching  time.Duration `json:"fetchNanos"` // of that, from the first block that it accepted
	PerSecond float64       `json:"blocksPerSecond"`
}

// Absence stops a validator under load until the others have accepted some blocks, and starts it again; then it lets a
// new node join. It looks how long each of them takes to have all, while the chain goes on.
func Absence(ctx context.Context, o AbsenceOptions) (*AbsenceReport, error) {
	s, err := o.Client.Status(ctx)
	if err != nil {
		return nil, err
	}
	a := &absence{AbsenceOptions: o, report: &AbsenceReport{}, chain: watch(ctx, s, o.Chain)}
	defer a.chain.stop()
	a.load = start(ctx, s, o.Chain, o.Rate)
	defer a.load.stop()
	if err := a.chain.first(ctx); err != nil {
		return nil, err
	}
	if err := a.leaveAndReturn(ctx, s.Nodes[len(s.Nodes)-1]); err != nil {
		return nil, err
	}
	if err := a.join(ctx); err != nil {
		return nil, err
	}
	a.load.stop()
	a.chain.stop()
	if s, err = o.Client.Status(ctx); err != nil {
		return nil, err
	}
	a.report.fill(a.load, a.chain)
	return a.report, a.report.verify(ctx, s, a.load, a.chain)
}

type absence struct {
	AbsenceOptions
	report *AbsenceReport
	load   *load
	chain  *watcher
}

func (a *absence) leaveAndReturn(ctx context.Context, n devnet.NodeStatus) error {
	if err := a.Client.StopNode(ctx, n.Name); err != nil {
		return err
	}
	left, began := a.chain.height(), time.Now()
	fmt.Fprintf(a.Out, "  %s is stopped at height %d\n", n.Name, left)
	for a.chain.height() < left+a.Blocks {
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
		if time.Since(began) > a.Limit {
			return fmt.Errorf("the chain went from height %d to %d in %v while %s was away, not to %d", left,
				a.chain.height(), a.Limit, n.Name, left+a.Blocks)
		}
	}
	a.report.ChainPerSecond = float64(a.chain.height()-left) / time.Since(began).Seconds()
	began = time.Now()
	if err := a.Client.StartNode(ctx, n.Name); err != nil {
		return err
	}
	return a.arrive(ctx, Arrival{Node: n.Name, Missed: a.chain.height() - left}, n, left, began)
}

func (a *absence) join(ctx context.Context) error {
	began := time.Now()
	missed := a.chain.height()
	name, err := a.Client.Add(ctx)
	if err != nil {
		return err
	}
	s, err := a.Client.Status(ctx)
	if err != nil {
		return err
	}
	n, _ := s.Node(name)
	return a.arrive(ctx, Arrival{Node: name, New: true, Missed: missed}, n, 0, began)
}

// arrive waits until a node has what the chain has now, and not only what it had when the node was started.
func (a *absence) arrive(ctx context.Context, r Arrival, n devnet.NodeStatus, from uint64, began time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, a.Limit)
	defer cancel()
	var first time.Time
	client := kv.New(n.HTTP, a.Chain)
	for {
		target := a.chain.height()
		h, err := client.Head(ctx)
		if err == nil && h.Height > from && first.IsZero() {
			first = time.Now()
		}
		if err == nil && h.Height >= target {
			r.Height, r.Took, r.Fetching = h.Height, time.Since(began), time.Since(first)
			break
		}
		if pause(ctx, 2*time.Millisecond) != nil {
			return fmt.Errorf("%s hasn't caught up in %v: it stands at height %d, the chain at %d", n.Name, a.Limit,
				h.Height, a.chain.height())
		}
	}
	r.PerSecond = float64(r.Height-from) / r.Took.Seconds()
	a.report.Returns = append(a.report.Returns, r)
	fmt.Fprintf(a.Out, "  %s missed %d blocks and had all %d after %.2f s\n", r.Node, r.Missed, r.Height,
		r.Took.Seconds())
	return nil
}
