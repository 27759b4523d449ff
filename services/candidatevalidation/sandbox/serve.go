package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/services/candidatevalidation/job"
)

// Command is the subcommand of the program by which it is a worker, and Preparing and Running what it is one for. A
// directory follows.
const (
	Command   = "validation-worker"
	Preparing = "prepare"
	Running   = "run"
)

// Main is a worker: args are what follows Command. It returns the exit code when the node has closed its input.
func Main(args []string) int {
	runtime.GOMAXPROCS(1) // it computes, one thing at a time
	w := worker{in: bufio.NewReader(os.Stdin), out: os.Stdout}
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "a worker is started by candidate-validation")
		return 2
	}
	err := w.work(args[0], args[1])
	if err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

type worker struct {
	in  io.Reader
	out io.Writer
}

func (w *worker) work(what, dir string) error {
	ctx := context.Background()
	switch what {
	case Preparing:
		return w.prepare(ctx, dir)
	case Running:
		return w.run(ctx, dir)
	}
	return fmt.Errorf("no worker does %q", what)
}

func (w *worker) prepare(ctx context.Context, dir string) error {
	f, err := job.Read(w.in, job.MaxCode)
	if err != nil {
		return err
	}
	err = Prepare(ctx, f.Body, dir)
	switch {
	case err == nil:
		return job.Write(w.out, job.Prepared, nil)
	case errors.Is(err, ErrTooLarge):
		return w.say(job.TooLarge, err)
	case errors.Is(err, ErrMalformed):
		return w.say(job.Malformed, err)
	default:
		return w.say(job.Unable, err)
	}
}

func (w *worker) say(kind job.Kind, why error) error {
	text := why.Error()
	return job.Write(w.out, kind, []byte(text[:min(len(text), job.MostDetail)]))
}

// run answers one question after the other. Once the code is there, nothing else is needed of the machine.
func (w *worker) run(ctx context.Context, dir string) error {
	m, err := Open(ctx, dir)
	if err == nil {
		err = proc.Seal()
	}
	if err != nil {
		return w.say(job.Unable, err)
	}
	if err := job.Write(w.out, job.Loaded, nil); err != nil {
		return err
	}
	for {
		f, err := job.Read(w.in, job.MostParams)
		if err != nil {
			return err
		}
		a := m.Run(ctx, f.Body).Frame()
		if err := job.Write(w.out, a.Kind, a.Body); err != nil {
			return err
		}
	}
}
