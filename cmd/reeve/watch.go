package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services"
)

// watchFlag has a process of a node run as the child of this one. It is for containers: an overseer can't end what
// hangs in another container, and a container engine starts again only what ends.
const watchFlag = "watch"

// watchGrace is how long the child may take to put itself away: a container engine waits for ten seconds.
const watchGrace = 8 * time.Second

// ward is the process that is watched: its name as an instance of its part, which no other container of the node gives,
// and its pid, which others may well have.
type ward struct {
	name string
	pid  int
}

// working asks whether a process of a node still works.
type working func(ctx context.Context, h datadir.Node, c *config.Config, w ward) error

// overseerWorks: its loop turns.
func overseerWorks(ctx context.Context, _ datadir.Node, c *config.Config, _ ward) error {
	return devnet.Alive(ctx, c.Metrics.Listen)
}

// partWorks: the overseer, which ends the streams of one that hangs, has it attached.
func partWorks(name string) working {
	return func(ctx context.Context, h datadir.Node, _ *config.Config, w ward) error {
		p, err := services.Parts().Find(name)
		if err != nil {
			return supervise.ErrUnknown // its process says that there is no such part
		}
		return devnet.Attached(ctx, h, p.Spec.Name, w.name, w.pid)
	}
}

// watch keeps the process of this command running, until ctx ends. One that can't be mended by a restart is left alone,
// and this process stays: who starts a container again whose settings are wrong only hides why.
func (a *app) watch(ctx context.Context, cmd *cobra.Command, args []string, log *slog.Logger,
	works func(context.Context, ward) error) error {
	if err := proc.Adopt(); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	group := supervise.NewGroup(log)
	name := wardName(args)
	var pid atomic.Int64
	group.Notify = func(s supervise.Status) { pid.Store(int64(s.Process.PID)) }
	err = group.Add(supervise.Spec{
		Name: strings.Join(append([]string{cmd.Name()}, args...), " "), Path: program, Args: unwatched(cmd, args),
		Env:   append(os.Environ(), subsystem.EnvInstance+"="+name),
		Probe: func(ctx context.Context) error { return works(ctx, ward{name, int(pid.Load())}) },
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), watchGrace)
	defer cancel()
	group.Close(closing)
	return nil
}

// wardName is what the child is called, of whatever the operator calls it and something that no other container has.
func wardName(args []string) string {
	return cmp.Or(os.Getenv(subsystem.EnvInstance), strings.Join(args, "-")) + "-" + strings.ToLower(rand.Text()[:8])
}

// unwatched is the command line of the child.
func unwatched(cmd *cobra.Command, args []string) []string {
	line := append(strings.Fields(cmd.CommandPath())[1:], args...)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != watchFlag {
			line = append(line, "--"+f.Name+"="+f.Value.String())
		}
	})
	return line
}
