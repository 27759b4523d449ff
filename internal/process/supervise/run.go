package supervise

import (
	"fmt"
	"os/exec"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/proc"
)

// run is one run of a process.
type run struct {
	*proc.Child
	output *output
	hung   error // why the probe gave it up
}

// start runs the program with its output added to its log. What fails gives back what was opened before.
func start(spec Spec) (*run, error) {
	log, err := openLog(spec.Log)
	if err != nil {
		return nil, err
	}
	out, write, err := newOutput(log)
	if err != nil {
		log.Close()
		return nil, err
	}
	child, err := proc.Start(&exec.Cmd{
		Path: spec.Path, Args: append([]string{spec.Path}, spec.Args...), Env: spec.Env,
		Stdout: write, Stderr: write,
	})
	write.Close() // the process has its own
	go func() {
		defer log.Close()
		out.drain()
	}()
	if err != nil {
		<-out.done
		return nil, fmt.Errorf("can't start %s: %w", spec.Name, err)
	}
	return &run{Child: child, output: out}, nil
}

// cause says in one line why the run ended, and whether a restart can't mend it. Only what a process of ours has
// decided itself can be that: none of these codes is one with which the runtime ends a process that crashed.
func (r *run) cause() (text string, permanent bool) {
	if r.hung != nil {
		return fmt.Sprintf("didn't answer any more (%v) and was killed", r.hung), false
	}
	exit := r.Exit()
	switch errcode.Code(exit.Code) {
	case errcode.Misconfigured, errcode.Incompatible, errcode.SafetyHalt:
		permanent = true
	}
	return exit.Explain(r.output.lines()), permanent
}
