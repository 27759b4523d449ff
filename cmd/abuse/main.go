// Command abuse starts a network of its own and attacks one of its nodes in one way after another, as a peer, as a
// client and at the socket of the bus, each time beside an honest client. It prints a line for each attack: how long
// finality took meanwhile and undisturbed, how soon all was as before, how much memory each kind of process had at most
// and how much more that is than before, and what the attacker has achieved at which cost.
//
//	make abuse
//	make build && go run ./cmd/abuse -only ancestors,nonce-gaps -for 30s
//	go run ./cmd/abuse -list
//
// Exit code 5 when a line has a fault: p99 more than 3× undisturbed, longer than 2 s until it is as before, a process
// that has grown more than it may or has ended.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/abuse"
	"github.com/reevenet/reeve/cmd/internal/check"
	"github.com/reevenet/reeve/cmd/internal/devnet"
)

func main() { check.Main(run, errFaults) }

var errFaults = errors.New("not all attacks were withstood")

// attackArgument begins the command line of the process that makes one attack.
const attackArgument = "attack"

// flags are what the command line says.
type flags struct {
	program    string
	validators int
	chain      string
	only       string
	lasts      time.Duration
	calm       time.Duration
	times      bool
	keep       bool
	list       bool
	out        string
}

func parse() *flags {
	f := &flags{}
	flag.StringVar(&f.program, "reeve", "bin/reeve", "the program to attack")
	flag.IntVar(&f.validators, "validators", 4, "number of validators")
	flag.StringVar(&f.chain, "chain", "kv", "the chain that is used meanwhile; its VM is kvvm")
	flag.StringVar(&f.only, "only", "", "make these attacks, separated by commas (default: all); a name may end in *")
	flag.DurationVar(&f.lasts, "for", 10*time.Second, "how long each attack lasts")
	flag.DurationVar(&f.calm, "calm", 5*time.Second, "how long finality is measured undisturbed before each")
	flag.BoolVar(&f.times, "times", true,
		"also judge times, which only means something on a machine that does nothing else")
	flag.BoolVar(&f.keep, "keep", false, "leave the network's directory, with its logs, when it has ended")
	flag.BoolVar(&f.list, "list", false, "say which attacks there are")
	flag.StringVar(&f.out, "json", "", "file to write the report to")
	flag.Parse()
	return f
}

func run(ctx context.Context) error {
	if len(os.Args) == 5 && os.Args[1] == attackArgument {
		return attack(ctx, os.Args[2], os.Args[3], os.Args[4])
	}
	f := parse()
	attacks, err := f.attacks()
	if err != nil {
		return err
	}
	if f.list {
		for _, a := range attacks {
			fmt.Printf("%-34s %-6s  at most %3d MiB  %s\n", a.Name, a.Door, a.Most, a.Does)
		}
		return nil
	}
	return f.run(ctx, attacks)
}

func (f *flags) run(ctx context.Context, attacks []abuse.Attack) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	n, err := devnet.NewThrowaway(f.program, f.validators, f.keep)
	if err != nil {
		return err
	}
	report, err := abuse.Run(ctx, abuse.Options{
		Network: n, Chain: f.chain, Attacks: attacks, For: f.lasts, Calm: f.calm, Times: f.times,
		Attacker: []string{self, attackArgument}, Out: os.Stdout,
	})
	if err != nil {
		return err
	}
	if err := check.Write(f.out, report); err != nil {
		return err
	}
	faults := report.Faults()
	fmt.Printf("%d attacks, %d withstood\n", len(report.Rows), len(report.Rows)-faults)
	if faults > 0 {
		return errFaults
	}
	return nil
}

// attacks are those that -only names, each once.
func (f *flags) attacks() ([]abuse.Attack, error) {
	all := abuse.Attacks()
	if f.only == "" {
		return all, nil
	}
	var list []abuse.Attack
	for name := range strings.SplitSeq(f.only, ",") {
		prefix, many := strings.CutSuffix(name, "*")
		found := false
		for _, a := range all {
			if a.Name == name || many && strings.HasPrefix(a.Name, prefix) {
				list, found = append(list, a), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no attack called %q; -list names them", name)
		}
	}
	return list, nil
}

// attack makes one attack, in the process that is measured as the attacker's.
func attack(ctx context.Context, name, lasts, target string) error {
	a, err := abuse.Find(name)
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(lasts)
	if err != nil {
		return err
	}
	var t abuse.Target
	if err := json.Unmarshal([]byte(target), &t); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	achieved, err := a.Run(ctx, t)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(achieved)
}
