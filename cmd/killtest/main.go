// Command killtest starts a network of its own, kills each of its processes under load, and prints what that cost. With
// -absence it leaves the processes alone: it stops a validator until the others have so many blocks more, lets a new node join,
// and prints how long they took to catch up while the chain went on.
//
//	make build && go run ./cmd/killtest
//	make build && go run ./cmd/killtest -absence 500
//
// Exit code 5 when something was lost or a bound was broken.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/killtest"
	"github.com/reevenet/reeve/internal/process/errcode"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, errFaults) {
			os.Exit(int(errcode.CheckFailed))
		}
		os.Exit(int(errcode.Failed))
	}
}

var errFaults = errors.New("the network didn't keep its promises")

func run(ctx context.Context) error {
	program := flag.String("reeve", "bin/reeve", "the program to test")
	validators := flag.Int("validators", 4, "number of validators")
	chain := flag.String("chain", "kv", "the chain that is used meanwhile; its VM is kvvm")
	rounds := flag.Int("rounds", 3, "how often to kill everything")
	rate := flag.Float64("rate", 50, "transactions per second")
	pause := flag.Duration("pause", 500*time.Millisecond, "between two kills")
	stopped := flag.Bool("stop", true, "also stop (SIGSTOP) each kind of process once")
	absence := flag.Uint64("absence", 0, "instead: how many blocks a validator misses")
	out := flag.String("json", "", "file to write the report to")
	flag.Parse()

	client, down, err := start(ctx, *program, *validators)
	if err != nil {
		return err
	}
	defer down()
	if *absence > 0 {
		report, err := killtest.Absence(ctx, killtest.AbsenceOptions{
			Client: client, Chain: *chain, Rate: *rate, Blocks: *absence, Limit: 5 * time.Minute, Out: os.Stdout,
		})
		if err != nil {
			return err
		}
		showAbsence(report)
		return conclude(report, report.Findings, *out)
	}
	report, err := killtest.Run(ctx, killtest.Options{
		Client: client, Chain: *chain, Rounds: *rounds, Rate: *rate, Pause: *pause, Stop: *stopped, Limit: 20 * time.Second, Out: os.Stdout,
	})
	if err != nil {
		return err
	}
	showKills(report)
	return conclude(report, report.Findings, *out)
}

// start brings up a network in a directory of its own; down ends it and removes the directory.
func start(ctx context.Context, program string, validators int) (client *devnet.Client, down func(), err error) {
	dir, err := os.MkdirTemp("", "reeve-kill-")
	if err != nil {
		return nil, nil, err
	}
	up := exec.CommandContext(ctx, program, "devnet", "up", "--detach", "--data-dir", dir, "--port-base", "0", "--validators", fmt.Sprint(validators))
	up.Stdout, up.Stderr = os.Stdout, os.Stderr
	if err := up.Run(); err != nil {
		os.RemoveAll(dir)
		return nil, nil, fmt.Errorf("the network didn't start: %w", err)
	}
	client = devnet.Dial(dir + "/run")
	return client, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := client.Down(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.RemoveAll(dir)
	}, nil
}

func showKills(r *killtest.Report) {
	fmt.Printf(`
kills                              %d
longest gap without a block        %.2f s (%s)
back and working, p50 / p99        %.2f s / %.2f s
stopped process found and replaced %.2f s at most
`, r.Kills, r.LongestGap, r.GapAfter, r.BackP50, r.BackP99, r.StoppedBack)
}

func showAbsence(r *killtest.AbsenceReport) {
	fmt.Printf("\nthe chain's own rate               %.0f blocks/s\n", r.ChainPerSecond)
	for _, a := range r.Returns {
		how := "was away"
		if a.New {
			how = "joined"
		}
		fmt.Printf("%-4s %-8s missed %4d blocks     %.2f s to the head, %.2f s of it since its first block: %.0f blocks/s, %.1f× the chain's rate\n",
			a.Node, how, a.Missed, a.Took.Seconds(), a.Fetching.Seconds(), a.PerSecond, a.PerSecond/r.ChainPerSecond)
	}
}

// conclude prints what must hold after any run, and what didn't.
func conclude(report any, f killtest.Findings, file string) error {
	fmt.Printf("transactions posted / final        %d / %d (%d not told final in time)\nheights compared on all nodes      %d\n",
		f.Posted, f.Final, f.Unfinished, f.Heights)
	if file != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	for _, fault := range f.Faults {
		fmt.Println("FAULT ", fault)
	}
	if len(f.Faults) > 0 {
		return errFaults
	}
	fmt.Println("nothing lost, all chains equal")
	return nil
}
