// Command killtest starts a network of its own, ends each of its processes under load, with SIGKILL and in the ways that
// look like a crash of the program, and prints what that cost. With -validators 1 the network is a single node. With
// -absence it leaves the processes alone: it stops a validator until the others have so many blocks more, lets a new
// node join, and prints how long they took to catch up while the chain went on. With -single it kills the engine of a
// network's only validator so many times. With -blackout it kills everything at once, so many times, and lets the nodes
// come back one after the other. With -powercut it keeps the network on a file system of its own and cuts the power of
// that, so many times. With -byzantine it lets a validator lie to the others. (What strangers can do is cmd/abuse's.)
// With -parachain the network has a relay chain with a parachain at work in place of transactions, whose block producer
// is killed, too, and what validators must keep is read again at the end; with -byzantine it is then the parachain host
// of a validator that lies, in each way on a network of its own.
//
//	make build && go run ./cmd/killtest
//	make build && go run ./cmd/killtest -validators 1
//	make build && go run ./cmd/killtest -absence 500
//	make build && go run ./cmd/killtest -single 200
//	make build && go run ./cmd/killtest -blackout 30
//	make build && go run ./cmd/killtest -powercut 200
//	make build && go run ./cmd/killtest -powercut 200 -validators 1
//	make build && go run ./cmd/killtest -byzantine
//	make build && go run ./cmd/killtest -parachain -rounds 1
//	make build && go run ./cmd/killtest -byzantine -parachain -validators 5
//
// Exit code 5 when something was lost or a bound was broken.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/reevenet/reeve/cmd/internal/check"
	"github.com/reevenet/reeve/cmd/internal/killtest"
)

func main() { check.Main(run, errFaults) }

var errFaults = errors.New("the network didn't keep its promises")

// flags are what the command line says.
type flags struct {
	program    string
	validators int
	chain      string
	rounds     int
	rate       float64
	pause      time.Duration
	stop       bool
	absence    uint64
	single     int
	blackout   int
	lag        time.Duration
	powerCut   int
	byzantine  bool
	parachain  bool
	kinds      string
	lasts      time.Duration
	share      float64
	seed       uint64
	keep       bool
	out        string
}

func parse() *flags {
	f := &flags{}
	flag.StringVar(&f.program, "reeve", "bin/reeve", "the program to test")
	flag.IntVar(&f.validators, "validators", 4, "number of validators")
	flag.StringVar(&f.chain, "chain", "kv", "the chain that is used meanwhile; its VM is kvvm")
	flag.IntVar(&f.rounds, "rounds", 3, "how often to kill everything")
	flag.Float64Var(&f.rate, "rate", 50, "transactions per second")
	flag.DurationVar(&f.pause, "pause", 500*time.Millisecond, "between two kills; the longest, with -single")
	flag.BoolVar(&f.stop, "stop", true, "also stop (SIGSTOP) each kind of process once")
	flag.Uint64Var(&f.absence, "absence", 0, "instead: how many blocks a validator misses")
	flag.IntVar(&f.single, "single", 0, "instead: how often to kill the engine of a network of one validator")
	flag.IntVar(&f.blackout, "blackout", 0, "instead: how often to kill all processes of all validators at once")
	flag.DurationVar(&f.lag, "lag", 800*time.Millisecond,
		"with -blackout: for how long at most only one writes to its disk before")
	flag.IntVar(&f.powerCut, "powercut", 0,
		"instead: how often to cut the power of all validators, on a disk of their own; needs root")
	flag.BoolVar(&f.byzantine, "byzantine", false, "instead: let a validator lie in one way after the other")
	flag.BoolVar(&f.parachain, "parachain", false,
		"on a relay chain with a parachain at work; with -byzantine it is the parachain host that lies")
	flag.StringVar(&f.kinds, "kinds", "", "with -byzantine: in which ways, separated by commas (default: all)")
	flag.DurationVar(&f.lasts, "for", time.Minute, "with -byzantine: how long each kind, and the calm before and after")
	flag.Float64Var(&f.share, "share", -1,
		"with -byzantine: of the calm rate that must be reached (default: 0.7, with -parachain 0.8)")
	flag.Uint64Var(&f.seed, "seed", uint64(time.Now().UnixNano()), "of the moments that are drawn")
	flag.BoolVar(&f.keep, "keep", false, "leave the network's directory, with its logs, when it has ended")
	flag.StringVar(&f.out, "json", "", "file to write the report to")
	flag.Parse()
	if f.share < 0 {
		f.share = 0.7
		if f.parachain {
			f.share = 0.8
		}
	}
	return f
}

func run(ctx context.Context) error {
	switch f := parse(); {
	case f.absence > 0:
		return f.runAbsence(ctx)
	case f.single > 0:
		return f.runSingle(ctx)
	case f.blackout > 0:
		return f.runBlackouts(ctx)
	case f.powerCut > 0:
		return f.runPowerCuts(ctx)
	case f.byzantine && f.parachain:
		return f.runHostLies(ctx)
	case f.byzantine:
		return f.runByzantine(ctx)
	default:
		return f.runKills(ctx)
	}
}

// conclude prints what must hold after any run, and what didn't.
func conclude(report any, f killtest.Findings, file string) error {
	fmt.Printf("transactions posted / final        %d / %d (%d not told final in time)\nheights compared on all nodes      %d\n",
		f.Posted, f.Final, f.Unfinished, f.Heights)
	return verdict(report, f, file, "nothing lost, all chains equal")
}

// verdict prints what didn't hold, or that all did.
func verdict(report any, f killtest.Findings, file, well string) error {
	if err := check.Write(file, report); err != nil {
		return err
	}
	for _, fault := range f.Faults {
		fmt.Println("FAULT ", fault)
	}
	if len(f.Faults) > 0 {
		return errFaults
	}
	fmt.Println(well)
	return nil
}
