// Command reeve is the whole node in one program: every process of a validator is one of its subcommands, and so are
// the tools that start networks of them, look into them and use them. It parses, calls and prints; what it prints is
// data on standard output and messages on standard error, and its exit codes are a contract (internal/process/errcode).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/services/candidatevalidation/sandbox"
)

func main() {
	proc.Confined()
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		os.Exit(sandbox.Main(os.Args[2:])) // confined, it can't do what follows
	}
	proc.KeepToSelf()
	ctx, stop := interruptible()
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(int(code))
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) errcode.Code {
	a := &app{out: stdout, err: stderr, lookup: os.LookupEnv}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil {
		report(stderr, err)
	}
	if cmd.Annotations[isProcess] != "" {
		return errcode.OfProcess(err)
	}
	return errcode.Of(err)
}

// report prints an error so that a person knows what to do and a script finds the number.
func report(w io.Writer, err error) {
	if e, ok := errors.AsType[*errcode.Error](err); ok {
		fmt.Fprintf(w, "%s: %v\n", e.ID, err)
		return
	}
	fmt.Fprintf(w, "error: %v\n", err)
}

// interruptible returns a context that the first SIGINT or SIGTERM ends. The second one ends the program at once.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(int(errcode.Interrupted))
	}()
	return ctx, cancel
}
