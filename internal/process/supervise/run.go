package supervise

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/proc"
)

// run is one run of a process.
type run struct {
	*proc.Child
	log    string
	offset int64 // where this run's output begins in the log
	hung   error // why the probe gave it up
}

// start runs the program with its output appended to its log.
func start(spec Spec) (*run, error) {
	log, offset, err := openLog(spec.Log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	child, err := proc.Start(&exec.Cmd{
		Path: spec.Path, Args: append([]string{spec.Path}, spec.Args...), Env: spec.Env, Dir: spec.Dir,
		Stdout: log, Stderr: log,
	})
	if err != nil {
		return nil, fmt.Errorf("can't start %s: %w", spec.Name, err)
	}
	return &run{Child: child, log: spec.Log, offset: offset}, nil
}

// maxLog is the size in bytes at which a log is set aside when its process starts. One older log is kept.
const maxLog = 32 << 20

func openLog(path string) (*os.File, int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, 0, err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, 0, err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// cause says in one line why the run ended, and whether a restart can't mend it.
func (r *run) cause() (text string, permanent bool) {
	if r.hung != nil {
		return fmt.Sprintf("didn't answer any more (%v) and was killed", r.hung), false
	}
	exit := r.Exit()
	switch errcode.Code(exit.Code) {
	case errcode.Usage, errcode.Incompatible, errcode.SafetyHalt:
		permanent = true
	}
	return exit.Explain(Tail(r.log, r.offset, 1000)), permanent
}
