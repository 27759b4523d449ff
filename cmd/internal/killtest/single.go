package killtest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/internal/process/supervise"
)

// SingleOptions say how often the engine of a network's only validator is killed, and under which load.
type SingleOptions struct {
	Client *devnet.Client
	Chain  string // whose VM is kvvm
	Kills  int
	Rate   float64       // transactions per second
	Pause  time.Duration // the longest between two kills
	Limit  time.Duration // how long the chain may stand still before it counts as stopped for ever
	Seed   uint64        // of the moments
	Out    io.Writer
}

// SingleReport is what became of the chain. Nothing is wrong when Faults is empty.
type SingleReport struct {
	Findings
	Kills        int     `json:"kills"`
	Early        int     `json:"early"` // of these, engines that hadn't accepted a block yet
	LongestStall float64 `json:"longestStallSeconds"`
	StallAfter   int     `json:"longestStallAfter"` // the number of the kill before it
	StallP50     float64 `json:"stallP50Seconds"`
}

// earlyEvery is how many kills there are until two come in a row: the second hits an engine that is only starting.
const earlyEvery = 4

// Single kills the engine of the only validator of a network at random moments, also while it is starting, and looks
// whether the chain goes on each time.
func Single(ctx context.Context, o SingleOptions) (*SingleReport, error) {
	s, err := o.Client.Status(ctx)
	if err != nil {
		return nil, err
	}
	r := &single{
		SingleOptions: o, node: s.Nodes[0].Name, report: &SingleReport{}, chain: watch(ctx, s, o.Chain),
		rng: rand.New(rand.NewPCG(o.Seed, 1)),
	}
	defer r.chain.stop()
	r.load = start(ctx, s, o.Chain, o.Rate)
	defer r.load.stop()
	if err := r.chain.first(ctx); err != nil {
		return nil, err
	}
	if err := r.kills(ctx); err != nil {
		return nil, err
	}
	r.load.stop()
	r.chain.stop()
	r.report.fill(r.load, r.chain)
	r.report.LongestStall, r.report.StallP50 = at(r.stalls, 100), at(r.stalls, 50)
	if r.stuck != "" {
		r.report.fault("%s", r.stuck)
	}
	return r.report, r.report.verify(ctx, s, r.load, r.chain)
}

type single struct {
	SingleOptions
	node   string
	report *SingleReport
	load   *load
	chain  *watcher
	rng    *rand.Rand
	stalls []time.Duration
	spent  int // deaths that the supervisor counts
	stuck  string
}

func (r *single) kills(ctx context.Context) error {
	for last := 0; r.report.Kills < r.Kills && r.stuck == ""; {
		if err := r.spare(ctx); err != nil {
			return err
		}
		if err := pause(ctx, time.Duration(r.rng.Int64N(int64(r.Pause)))); err != nil {
			return err
		}
		pid, err := r.kill(ctx, last)
		if early := r.report.Kills%earlyEvery == 0 && r.report.Kills < r.Kills; err == nil && early {
			r.report.Early++
			pid, err = r.kill(ctx, pid)
		}
		if err != nil {
			return err
		}
		last = pid
		if err := r.goesOn(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// spare resets the supervisor's count of deaths by a restart on request, so that it doesn't take the kills for a crash
// loop.
func (r *single) spare(ctx context.Context) error {
	if r.spent < supervise.DefaultPolicy.Intensity-2 { // two may follow
		return nil
	}
	r.spent = 0
	return r.Client.RestartProcess(ctx, r.node, "engine")
}

// startingFor bounds how old an engine is that is killed while it starts: by then it is at work.
const startingFor = 250 * time.Millisecond

// kill kills the engine, once it is another process than the last one that was killed.
func (r *single) kill(ctx context.Context, last int) (pid int, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.Limit)
	defer cancel()
	waited := false
	for {
		s, err := r.Client.Status(ctx)
		if err != nil {
			return 0, err
		}
		if p, ok := s.Nodes[0].Process("engine"); ok && p.PID != 0 && p.PID != last {
			if waited {
				if err := pause(ctx, time.Duration(r.rng.Int64N(int64(startingFor)))); err != nil {
					return 0, err
				}
			}
			r.report.Kills++
			r.spent++
			return p.PID, proc.Identify(p.PID).Signal(syscall.SIGKILL)
		}
		waited = true
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return 0, fmt.Errorf("there is no engine to kill: %+v", s.Nodes[0].Processes)
		}
	}
}

// goesOn waits for the next block. What the engine had handed on when it died doesn't count.
func (r *single) goesOn(ctx context.Context) error {
	began, from := time.Now(), r.chain.height()
	for r.chain.height() < from+2 {
		if time.Since(began) > r.Limit {
			r.stuck = fmt.Sprintf("the chain has stood at height %d for %v since kill %d", from, r.Limit,
				r.report.Kills)
			return nil
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return err
		}
	}
	took := time.Since(began)
	if took > r.longest() {
		r.report.StallAfter = r.report.Kills
	}
	r.stalls = append(r.stalls, took)
	if n := r.report.Kills; n%20 == 0 || n == r.Kills {
		fmt.Fprintf(r.Out, "  %d kills, height %d, the longest stall %d ms after kill %d, %d transactions final\n",
			n, r.chain.height(), r.longest().Milliseconds(), r.report.StallAfter, r.load.finals())
	}
	return nil
}

func (r *single) longest() (most time.Duration) {
	for _, d := range r.stalls {
		most = max(most, d)
	}
	return most
}
