package para

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services"
	"github.com/reevenet/reeve/services/availabilitydistribution"
	"github.com/reevenet/reeve/services/availabilitystore"
	"github.com/reevenet/reeve/services/availabilitystore/pebbledisk"
	"github.com/reevenet/reeve/services/bitfielddistribution"
	"github.com/reevenet/reeve/services/candidatevalidation"
	"github.com/reevenet/reeve/services/candidatevalidation/workers"
	"github.com/reevenet/reeve/services/statementdistribution"
)

const roleSubject = "para-subject"

// profileEnv names a directory; when it is set the subject leaves a CPU profile there.
const profileEnv = "REEVE_BENCH_PROFILE"

// Plays tells whether a role is one of this package's.
func Plays(role string) bool { return strings.HasPrefix(role, "para-") }

// PlayRole is the process that is measured; args are the role, the subsystem, and the directory that all share.
func PlayRole(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 3 || args[0] != roleSubject {
		return errors.New("a role is para-subject, then a subsystem and a directory")
	}
	name, at := args[1], place(args[2])
	p, err := services.Parts().Find(name)
	if err != nil {
		return err
	}
	p.Process.Tuning.Apply()
	if dir := os.Getenv(profileEnv); dir != "" {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s-%d.pprof", name, os.Getpid())))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := at.options()
	options.OnAttached = func() {
		go func() {
			defer cancel()
			rounds.Obey(in, out, func(string) string { return "" })
		}()
	}
	spec, err := specOf(name, at)
	if err != nil {
		return err
	}
	return subsystem.Run(ctx, spec, options)
}

// specOf is the subsystem as a node runs it, on the only chain.
func specOf(name string, at place) (subsystem.Spec, error) {
	switch name {
	case bitfielddistribution.Name:
		return bitfielddistribution.Spec(bitfielddistribution.Config{}), nil
	case statementdistribution.Name:
		return statementdistribution.Spec(statementdistribution.Config{}), nil
	case availabilitydistribution.Name:
		return availabilitydistribution.Spec(availabilitydistribution.Config{}), nil
	case candidatevalidation.Name:
		runs, err := workers.New(workers.Config{Dir: filepath.Join(string(at), "validation"), Most: 1, Log: quiet()})
		return candidatevalidation.Spec(candidatevalidation.Config{Runs: runs, Workers: 1}), err
	}
	return availabilitystore.Spec(availabilitystore.Config{Open: func() (availabilitystore.Disk, error) {
		return pebbledisk.Open(vfs.Default, filepath.Join(string(at), "availability"), quiet())
	}}), nil
}

// place is the directory in which the processes meet.
type place string

func (p place) bus() string { return filepath.Join(string(p), "bus.sock") }

func (p place) options() subsystem.Options {
	return subsystem.Options{
		Address: "unix:" + p.bus(), Log: quiet(), Blobs: filepath.Join(string(p), "blobs"),
	}
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// subject is that process, as this one sees it.
type subject struct{ clocks []rounds.CPUClock }

func (s *subject) cpu() time.Duration { return rounds.TotalCPU(s.clocks) }
