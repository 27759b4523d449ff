package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/byzantine"
	"github.com/reevenet/reeve/cmd/internal/byzantine/host"
	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/killtest"
	"github.com/reevenet/reeve/internal/process/datadir"
)

// start brings up a network, which is to be brought Down.
func (f *flags) start(ctx context.Context, validators int) (n *devnet.Throwaway, client *devnet.Client, err error) {
	if n, err = devnet.NewThrowaway(f.program, validators, f.keep); err != nil {
		return nil, nil, err
	}
	n.Parachain = f.parachain
	if client, err = n.Up(ctx); err != nil {
		n.Down()
	}
	return n, client, err
}

func (f *flags) runKills(ctx context.Context) error {
	n, client, err := f.start(ctx, f.validators)
	if err != nil {
		return err
	}
	defer n.Down()
	o := killtest.Options{
		Client: client, Chain: f.chain, Rounds: f.rounds, Rate: f.rate, Pause: f.pause, Stop: f.stop,
		Limit: 20 * time.Second, Out: os.Stdout,
	}
	if f.parachain {
		o.Chain, o.Para = devnet.RelayChain, &killtest.ParaOptions{Program: f.program, Home: n.Home}
	}
	r, err := killtest.Run(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf(`
kills                              %d
longest gap without a block        %.2f s (%s)
back and working, p50 / p99        %.2f s / %.2f s
stopped process found and replaced %.2f s at most
`, r.Kills, r.LongestGap, r.GapAfter, r.BackP50, r.BackP99, r.StoppedBack)
	if p := r.Para; p != nil {
		fmt.Printf(`candidates included                %d, %d timed out
longest gap without one            %.2f s (%s)
blocks held against the invariants %d
read again: chunks / data          %d / %d
put together / judged again        %d / %d
recovered from as few as it takes  %d of %d
`, p.Included, p.TimedOut, p.LongestGap, p.GapAfter, p.Followed, p.Read.Chunks, p.Read.Data, p.Read.Recovered,
			p.Read.Revalidated, p.Recovered, p.Tried)
	}
	return conclude(r, r.Findings, f.out)
}

func (f *flags) runAbsence(ctx context.Context) error {
	n, client, err := f.start(ctx, f.validators)
	if err != nil {
		return err
	}
	defer n.Down()
	r, err := killtest.Absence(ctx, killtest.AbsenceOptions{
		Client: client, Chain: f.chain, Rate: f.rate, Blocks: f.absence, Limit: 5 * time.Minute, Out: os.Stdout,
	})
	if err != nil {
		return err
	}
	fmt.Printf("\nthe chain's own rate               %.0f blocks/s\n", r.ChainPerSecond)
	for _, a := range r.Returns {
		how := "was away"
		if a.New {
			how = "joined"
		}
		fmt.Printf("%-4s %-8s missed %4d blocks     %.2f s to the head, %.2f s of it since its first block: "+
			"%.0f blocks/s, %.1f× the chain's rate\n", a.Node, how, a.Missed, a.Took.Seconds(), a.Fetching.Seconds(),
			a.PerSecond, a.PerSecond/r.ChainPerSecond)
	}
	return conclude(r, r.Findings, f.out)
}

func (f *flags) runSingle(ctx context.Context) error {
	n, client, err := f.start(ctx, 1)
	if err != nil {
		return err
	}
	defer n.Down()
	fmt.Printf("seed %d\n", f.seed)
	r, err := killtest.Single(ctx, killtest.SingleOptions{
		Client: client, Chain: f.chain, Kills: f.single, Rate: f.rate, Pause: f.pause, Limit: 20 * time.Second,
		Seed: f.seed, Out: os.Stdout,
	})
	if err != nil {
		return err
	}
	fmt.Printf(`
kills                              %d, %d of them while the engine was starting
from a kill to the next block      %.2f s in the middle, %.2f s at most (kill %d)
`, r.Kills, r.Early, r.StallP50, r.LongestStall, r.StallAfter)
	return conclude(r, r.Findings, f.out)
}

func (f *flags) runBlackouts(ctx context.Context) error {
	n, err := devnet.NewThrowaway(f.program, f.validators, f.keep)
	if err != nil {
		return err
	}
	defer n.Down()
	fmt.Printf("seed %d\n", f.seed)
	r, err := killtest.Blackouts(ctx, killtest.BlackoutOptions{
		Network: n, Chain: f.chain, Tries: f.blackout, Rate: f.rate, Lag: f.lag, Limit: time.Minute, Seed: f.seed,
		Out: os.Stdout,
	})
	if err != nil {
		return err
	}
	fmt.Printf(`
blackouts                          %d
the others go on                   %.2f s after the first of them was started, in the middle
the one that was ahead has all     %.2f s after it was started, in the middle
`, len(r.Tries), r.WentOn, r.LastBack)
	return conclude(r, r.Findings, f.out)
}

func (f *flags) runPowerCuts(ctx context.Context) error {
	d, err := newDisk()
	if err != nil {
		return err
	}
	defer d.remove()
	n := &devnet.Throwaway{Program: f.program, Validators: f.validators,
		Home: datadir.Network{Dir: filepath.Join(d.dir, "net")}}
	defer n.Down()
	fmt.Printf("seed %d\n", f.seed)
	r, err := killtest.PowerCuts(ctx, killtest.PowerCutOptions{
		Network: n, Machine: d, Chain: f.chain, Cuts: f.powerCut, Rate: f.rate, Limit: time.Minute, Seed: f.seed,
		Out: os.Stdout,
	})
	if err != nil {
		return err
	}
	fmt.Printf(`
power cuts                         %d, %d of them before anything was told final
from a start to a final transaction %.2f s in the middle, %.2f s at most
`, r.Cuts, r.Void, r.OnP50, r.OnMost)
	return conclude(r, r.Findings, f.out)
}

func (f *flags) runByzantine(ctx context.Context) error {
	kinds := byzantine.Kinds
	if f.kinds != "" {
		kinds = nil
		for text := range strings.SplitSeq(f.kinds, ",") {
			kind, err := byzantine.Parse(text)
			if err != nil {
				return err
			}
			kinds = append(kinds, kind)
		}
	}
	n, client, err := f.start(ctx, f.validators)
	if err != nil {
		return err
	}
	defer n.Down()
	r, err := killtest.Byzantine(ctx, killtest.ByzantineOptions{
		Client: client, Home: n.Home, Program: f.program, Chain: f.chain, Rate: f.rate, For: f.lasts, Kinds: kinds,
		Share: f.share, Out: os.Stdout,
	})
	if err != nil {
		return err
	}
	fmt.Printf("\n%s lied       final/s  of calm  p50 ms  p99 ms  blocks  longest gap  evidence  all equal after\n",
		r.Liar)
	for _, p := range r.Phases {
		fmt.Printf("%-12s  %7.1f  %6.2f×  %6.0f  %6.0f  %6d  %9.2f s  %8d  %13.2f s\n", p.Kind, p.PerSecond, p.Share,
			1000*p.P50, 1000*p.P99, p.Blocks, p.LongestGap, p.Evidence, p.Settled.Seconds())
	}
	fmt.Println()
	return conclude(r, r.Findings, f.out)
}

func (f *flags) runHostLies(ctx context.Context) error {
	kinds := host.Kinds
	if f.kinds != "" {
		kinds = nil
		for text := range strings.SplitSeq(f.kinds, ",") {
			kind, err := host.Parse(text)
			if err != nil {
				return err
			}
			kinds = append(kinds, kind)
		}
	}
	r, err := killtest.HostLies(ctx, killtest.HostLiesOptions{
		Network: f.relayNetwork, For: f.lasts, Kinds: kinds, Share: f.share, Out: os.Stdout,
	})
	if err != nil {
		return err
	}
	fmt.Printf("\nthe last of %d lied  calm/s  lying/s  of calm  per block  longest gap  relay gap  offences  evidence  "+
		"honest standing  liar's\n", f.validators)
	for _, d := range r.Drills {
		fmt.Printf("%-19s %7.2f  %7.2f  %6.2f×  %8.2f×  %9.2f s  %7.2f s  %8d  %8d  %15d  %6d\n", d.Kind, d.Calm.PerSecond,
			d.Lying.PerSecond, d.Share, d.PerBlock, d.Lying.Gap, d.Lying.RelayGap, d.Offences, d.Evidence, d.Standing,
			d.LiarsOwn)
	}
	fmt.Println()
	return verdict(r, r.Findings, f.out, "nobody honest blamed, each offence proven once, the parachain went on")
}

// relayNetwork makes a network with a relay chain and the example parachain.
func (f *flags) relayNetwork() (*devnet.Throwaway, error) {
	n, err := devnet.NewThrowaway(f.program, f.validators, f.keep)
	if err == nil {
		n.Parachain = true
	}
	return n, err
}
