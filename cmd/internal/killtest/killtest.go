// Package killtest kills processes of a running network under load, one after another, and looks at what that costs:
// how long the chain stands still, how long the process takes to be back and at work, and whether anything is lost. It
// uses the same doors as any client and any person: HTTP, and signals by pid.
package killtest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/services/candidatevalidation/sandbox"
)

// Options say what to do to the network.
type Options struct {
	Client *devnet.Client
	Chain  string // whose VM is kvvm
	Rounds int
	Rate   float64       // transactions per second
	Pause  time.Duration // between two kills
	Stop   bool          // also SIGSTOP each kind once
	Limit  time.Duration // how long a process may take to be back before the test fails
	Out    io.Writer
	// Para: the chain is a relay chain, with the example parachain at work on it in place of transactions.
	Para *ParaOptions
}

// runner is one run of the test.
type runner struct {
	Options
	load  *load
	chain *watcher
	para  *paraLoad // nil: there is no parachain
	kills []kill
}

// kill is what one signal did.
type kill struct {
	Node   string    `json:"node"`
	Kind   string    `json:"kind"`
	Signal string    `json:"signal"`
	At     time.Time `json:"at"`
	// until the node was ready with another process, and accepted the next block
	Back  time.Duration `json:"backNanos"`
	Moved []string      `json:"moved,omitempty"`
}

// Run does the whole test. The error says that it couldn't be done; what was found is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	s, err := o.Client.Status(ctx)
	if err != nil {
		return nil, err
	}
	r := &runner{Options: o}
	stop, err := r.work(ctx, s)
	defer stop()
	if err != nil {
		return nil, err
	}
	if err := r.rounds(ctx, s); err != nil {
		return nil, err
	}
	r.load.stop()
	r.chain.stop()
	return r.report(ctx, s)
}

// work puts the network to work.
func (r *runner) work(ctx context.Context, s *devnet.Status) (stop func(), err error) {
	if r.Para != nil {
		r.load = &load{cancel: func() {}}
		r.para, err = r.Para.start(ctx, s)
		if err != nil {
			return func() {}, err
		}
		r.chain = r.para.watcher
		return r.para.stop, nil
	}
	r.chain = watch(ctx, s, r.Chain)
	r.load = start(ctx, s, r.Chain, r.Rate)
	return func() { r.chain.stop(); r.load.stop() }, r.chain.first(ctx)
}

// kinds are the processes of a validator, in the order in which they are killed: as its status lists them.
func kinds(n devnet.NodeStatus) []string {
	names := make([]string, len(n.Processes))
	for i, p := range n.Processes {
		names[i] = n.Title(p)
	}
	return names
}

func (r *runner) rounds(ctx context.Context, s *devnet.Status) error {
	kinds := kinds(s.Nodes[0])
	for round := range r.Rounds {
		for _, kind := range kinds {
			if err := r.one(ctx, s.Nodes[0].Name, kind, syscall.SIGKILL); err != nil {
				return fmt.Errorf("round %d: %w", round+1, err)
			}
		}
		if err := r.killProducer(ctx); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		for i, kind := range kinds {
			for j, n := range s.Nodes {
				if err := r.one(ctx, n.Name, kind, deaths[(round+i+j)%len(deaths)]); err != nil {
					return fmt.Errorf("round %d: %w", round+1, err)
				}
			}
		}
	}
	if !r.Stop {
		return nil
	}
	for _, kind := range kinds {
		if err := r.one(ctx, s.Nodes[0].Name, kind, syscall.SIGSTOP); err != nil {
			return err
		}
	}
	return nil
}

// one sends one signal and waits until the node is whole again.
func (r *runner) one(ctx context.Context, node, kind string, sig syscall.Signal) error {
	if wait := r.spare(node, kind, time.Now()); wait > 0 {
		fmt.Fprintf(r.Out, "  %v until %s of %s may die again: one that dies more often in a minute is left alone\n",
			wait.Round(time.Second), kind, node)
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
	before, err := r.Client.Status(ctx)
	if err != nil {
		return err
	}
	n, _ := before.Node(node)
	p, ok := n.Process(kind)
	if !ok || p.PID == 0 {
		return fmt.Errorf("%s of %s isn't running: %+v", kind, node, p)
	}
	began := time.Now()
	if err := proc.Identify(p.PID).Signal(sig); err != nil {
		return fmt.Errorf("%s of %s: %w", kind, node, err)
	}
	if err := r.back(ctx, n, kind, p.PID); err != nil {
		return err
	}
	k := kill{Node: node, Kind: kind, Signal: words[sig], At: began, Back: time.Since(began)}
	after, err := r.Client.Status(ctx)
	if err != nil {
		return err
	}
	k.Moved = moved(before, after, node, kind)
	r.kills = append(r.kills, k)
	fmt.Fprintf(r.Out, "  %-15s %-25s of %s: back after %4d ms, %s\n", k.Signal, kind, node, k.Back.Milliseconds(),
		r.done())
	return pause(ctx, r.Pause)
}

// done is what the network has done by now, for people.
func (r *runner) done() string {
	if r.para != nil {
		return fmt.Sprintf("%d candidates included", r.para.count())
	}
	return fmt.Sprintf("%d transactions final", r.load.finals())
}

// spare is how long a process has to be let live, so that its supervisor doesn't take the kills for a crash loop.
func (r *runner) spare(node, kind string, now time.Time) time.Duration {
	policy, left := supervise.DefaultPolicy, supervise.DefaultPolicy.Intensity
	for _, k := range slices.Backward(r.kills) {
		if k.Node != node || k.Kind != kind {
			continue
		}
		if left--; left == 0 {
			return max(0, k.At.Add(k.Back+policy.Window).Sub(now)) // it died before it was back
		}
	}
	return 0
}

// deaths are the ways in which processes are ended, in turn. The runtime ends a process that gets one of the last three
// as it ends one that has panicked: with all its stacks in the log, and the same exit code.
var deaths = []syscall.Signal{syscall.SIGKILL, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV}

// words are what a signal does, for people.
var words = map[syscall.Signal]string{
	syscall.SIGKILL: "killed", syscall.SIGSTOP: "stopped",
	syscall.SIGQUIT: "crashed by QUIT", syscall.SIGABRT: "crashed by ABRT", syscall.SIGSEGV: "crashed by SEGV",
}

// back waits until the process has another pid, the node is ready, and it has accepted a block that it hadn't before.
func (r *runner) back(ctx context.Context, before devnet.NodeStatus, kind string, old int) error {
	ctx, cancel := context.WithTimeout(ctx, r.Limit)
	defer cancel()
	var last devnet.NodeStatus
	for {
		if s, err := r.Client.Status(ctx); err == nil {
			last, _ = s.Node(before.Name)
			if p, ok := last.Process(kind); ok && last.Ready && p.PID != 0 && p.PID != old &&
				last.Height > before.Height {
				return nil
			}
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("%s of %s (process %d) isn't back: ready %v, %s", kind, before.Name, old, last.Ready,
				last.Cause)
		}
	}
}

// moved lists the processes that have another pid and shouldn't. The plugin goes with the host that keeps it running.
// Workers that run parachains' code come and go: they are ended on a breach of their bounds, and when they have no work.
// One that had no pid before was still being started after the death before this one.
func moved(before, after *devnet.Status, node, kind string) (list []string) {
	for _, b := range before.Nodes {
		a, _ := after.Node(b.Name)
		for _, p := range b.Processes {
			title := b.Title(p)
			q, _ := a.Process(title)
			expected := b.Name == node && (title == kind || p.Parent == kind)
			if p.PID != 0 && p.PID != q.PID && !expected && p.Name != sandbox.Command {
				list = append(list, fmt.Sprintf("%s/%s %d→%d", b.Name, title, p.PID, q.PID))
			}
		}
	}
	slices.Sort(list)
	return list
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
