package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/logfile"
	"github.com/reevenet/reeve/internal/process/proc"
)

// session says how long a supervised network lasts.
type session struct {
	lasts     time.Duration // 0: until somebody ends it
	ephemeral bool          // nothing of it is kept
	bundled   bool          // one process per node
	// Of a single node: its name, where its lock and socket are, how its settings are read, and what its processes are
	// told.
	only      string
	run       string
	settings  func(datadir.Node) (*config.Config, error)
	arguments []string
}

// drainTime is how long the processes of an ending network may take before they are killed.
const drainTime = 7 * time.Second

// supervise runs the network in dir until ctx ends, somebody asks for its end, or its time is over. then is called once
// its processes have been started; an error of it ends the network.
func (a *app) supervise(ctx context.Context, dir datadir.Network, s session, then func(*devnet.Network) error) error {
	if err := dir.Make(); err != nil {
		return err
	}
	if s.only != "" { // the node's own lock is taken when it starts, and its directory cleared when it stops
		return a.attend(ctx, dir, s, s.run, []string{s.only}, then)
	}
	release, err := devnet.LockDir(dir.Run())
	if err != nil {
		return err
	}
	defer release()
	defer s.clear(dir)
	return a.attend(ctx, dir, s, dir.Run(), nil, then)
}

// attend starts the named nodes, all if there is no name, and stops them in the end.
func (a *app) attend(ctx context.Context, dir datadir.Network, s session, run string, names []string,
	then func(*devnet.Network) error) error {
	n, err := devnet.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if err := proc.Adopt(); err != nil {
		return err
	}
	var starting atomic.Bool
	starting.Store(true)
	n.Notice, n.Bundled = a.notices(&starting), s.bundled
	n.Deaf = func(err error) { a.say("  no command is heard any more, end this process to end the network: %v", err) }
	if s.settings != nil {
		n.Settings, n.Arguments = s.settings, s.arguments
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer func() {
		draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		n.Close(draining)
	}()
	if err := n.Start(names...); err != nil {
		return err
	}
	control, err := n.Serve(run, stop)
	if err != nil {
		return err
	}
	defer control.Close()
	if err := then(n); err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil // somebody ended it while it was starting
		}
		return err
	}
	starting.Store(false)
	s.wait(ctx)
	return nil
}

// wait returns when ctx ends or the session's time is over.
func (s session) wait(ctx context.Context) {
	if s.lasts > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.lasts)
		defer cancel()
	}
	<-ctx.Done()
}

// clear leaves nothing but data, and of an ephemeral network not even that.
func (s session) clear(dir datadir.Network) {
	if s.ephemeral {
		os.RemoveAll(dir.Dir) //nolint:errcheck // a temporary directory; the system clears it in time
		return
	}
	datadir.Clear(dir.Run()) //nolint:errcheck // a socket without a process behind it harms nobody
}

// devnetSupervise is what `devnet up --detach` leaves running.
func (a *app) devnetSupervise() *cobra.Command {
	cmd := &cobra.Command{Use: "supervise", Hidden: true, Args: takes(cobra.NoArgs)} // with the log as standard error
	var s session
	cmd.Flags().DurationVar(&s.lasts, "for", 0, "")
	cmd.Flags().BoolVar(&s.ephemeral, "ephemeral", false, "")
	cmd.Flags().BoolVar(&s.bundled, "bundled", false, "")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		dir, err := a.network()
		if err != nil {
			return err
		}
		log, err := logfile.Open(dir.Log(), logfile.Default, func(begun *os.File) {
			proc.Standard(begun) //nolint:errcheck // a crash is then found in the file before
		})
		if err != nil {
			return err
		}
		a.err = log
		return a.supervise(cmd.Context(), dir, s, func(*devnet.Network) error { return nil })
	}
	return cmd
}

func mustAbs(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}
