// Command peerbench runs the systems that Reeve is measured against, as processes of their own, and reports what
// one round with them cost. It is a module apart so that none of these peers enters the graph of the node.
//
// It receives rounds on its command line or, in a session, as JSON lines on standard input, and prints one JSON
// line per round on standard output; everything meant for people goes to standard error. It never compares,
// judges or formats: pairing and ratios are the business of cmd/internal/bench, which drives Reeve's own processes
// with the same lines.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

const usage = `peerbench runs the systems that Reeve is measured against.

  peerbench ask     --peer NAME --size BYTES --n COUNT   one round of asks, one after the other
  peerbench flood   --peer NAME --size BYTES --n COUNT   one round of one-way messages
  peerbench session --peer NAME                          rounds as JSON lines on standard input
  peerbench chain   --profile NAME --size BYTES --for D  one CometBFT network, from start to stop

Peers: raw (unix-socket relay), grpc (direct unary, unix socket), nats (server, loopback TCP).
Profiles of CometBFT: tuned, default. Its binary is built with
  go build -o bin/cometbft github.com/cometbft/cometbft/cmd/cometbft   (in cmd/internal/peerbench)
`

var errUsage = errors.New("usage")

func main() {
	err := run(os.Args[1:])
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "peerbench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch command, rest := args[0], args[1:]; command {
	case "ask", "flood":
		return oneRound(command, rest)
	case "session":
		return session(rest)
	case "chain":
		return chain(rest)
	case "role":
		return playRole(rest)
	default:
		return errUsage
	}
}

func oneRound(op string, args []string) error {
	flags := flag.NewFlagSet(op, flag.ContinueOnError)
	name := flags.String("peer", "", "raw, grpc or nats")
	size := flags.Int("size", 64, "payload bytes")
	n := flags.Int("n", 20000, "asks or messages")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	return withAsker(*name, func(a *asker) error {
		return report(os.Stdout, a.play(round{Op: op, Size: *size, N: *n}))
	})
}

func session(args []string) error {
	flags := flag.NewFlagSet("session", flag.ContinueOnError)
	name := flags.String("peer", "", "raw, grpc or nats")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	return withAsker(*name, func(a *asker) error {
		return playLines(os.Stdin, os.Stdout, a.play)
	})
}
