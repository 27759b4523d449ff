// Command killtest starts a network of its own, kills each of its processes under load, and prints what that cost:
//
//	make build && go run ./deploy/killtest
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

	"github.com/reevenet/reeve/internal/devnet"
	"github.com/reevenet/reeve/internal/exitcode"
	"github.com/reevenet/reeve/internal/killtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, errFaults) {
			os.Exit(int(exitcode.CheckFailed))
		}
		os.Exit(int(exitcode.Failed))
	}
}

var errFaults = errors.New("the network didn't keep its promises")

func run(ctx context.Context) error {
	program := flag.String("reeve", "bin/reeve", "the program to test")
	validators := flag.Int("validators", 4, "number of validators")
	rounds := flag.Int("rounds", 3, "how often to kill everything")
	rate := flag.Float64("rate", 50, "transactions per second")
	pause := flag.Duration("pause", 500*time.Millisecond, "between two kills")
	stopped := flag.Bool("stop", true, "also stop (SIGSTOP) each kind of process once")
	out := flag.String("json", "", "file to write the report to")
	flag.Parse()

	dir, err := os.MkdirTemp("", "reeve-kill-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	up := exec.CommandContext(ctx, *program, "devnet", "up", "--detach", "--data-dir", dir, "--port-base", "0", "--validators", fmt.Sprint(*validators))
	up.Stdout, up.Stderr = os.Stdout, os.Stderr
	if err := up.Run(); err != nil {
		return fmt.Errorf("the network didn't start: %w", err)
	}
	client := devnet.Dial(dir + "/run")
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := client.Down(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	report, err := killtest.Run(ctx, killtest.Options{
		Client: client, Rounds: *rounds, Rate: *rate, Pause: *pause, Stop: *stopped, Limit: 20 * time.Second, Out: os.Stdout,
	})
	if err != nil {
		return err
	}
	return show(report, *out)
}

func show(r *killtest.Report, file string) error {
	fmt.Printf(`
kills                              %d
longest gap without a block        %.2f s (%s)
back and working, p50 / p99        %.2f s / %.2f s
stopped process found and replaced %.2f s at most
transactions posted / final        %d / %d (%d not told final in time)
heights compared on all nodes      %d
`, r.Kills, r.LongestGap, r.GapAfter, r.BackP50, r.BackP99, r.StoppedBack, r.Posted, r.Final, r.Unfinished, r.Heights)
	if file != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	for _, f := range r.Faults {
		fmt.Println("FAULT ", f)
	}
	if len(r.Faults) > 0 {
		return errFaults
	}
	fmt.Println("nothing lost, all chains equal, no other process moved")
	return nil
}
