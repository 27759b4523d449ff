package main

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/supervise"
)

// background starts a supervisor in a session of its own, waits until the network is ready and leaves it running.
func (u *upFlags) background(ctx context.Context, net datadir.Network) error {
	if err := net.Make(); err != nil {
		return err
	}
	log, err := os.OpenFile(net.Log(), os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return errcode.New(errcode.DataDirBroken, "Make it writable, or choose another one with --data-dir.", err,
			"can't write to %s", net.Dir)
	}
	defer log.Close()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"devnet", "supervise", "--data-dir", net.Dir, "--for", u.lasts.String()}
	if u.ephemeral {
		args = append(args, "--ephemeral")
	}
	if u.bundled {
		args = append(args, "--bundled")
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = net.Dir // it keeps nothing of its caller's, also not the directory
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, u.timeout)
	defer cancel()
	s, err := u.awaitBackground(ctx, net, ended)
	if err != nil {
		stopBackground(cmd.Process, ended)
		return err
	}
	return u.ready(ctx, devnet.Dial(net.Run()), s)
}

// awaitBackground looks at the network through its supervisor until it is ready.
func (u *upFlags) awaitBackground(ctx context.Context, net datadir.Network, ended chan error) (*devnet.Status, error) {
	c := devnet.Dial(net.Run())
	p := newProgress(u.app.err)
	defer p.finish()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last *devnet.Status
	for {
		select {
		case err := <-ended:
			ended <- err
			return nil, lastWords(net, err)
		case <-ctx.Done():
			return nil, devnet.Late(last)
		case <-tick.C:
		}
		s, err := c.Status(ctx)
		if err != nil {
			continue // it isn't listening yet
		}
		last = s
		p.update(s)
		if s.Ready() {
			return s, nil
		}
		if err := devnet.Hopeless(net, s); err != nil {
			return nil, err
		}
	}
}

// lastWords is the error with which a supervisor ended, as it left it in its log.
func lastWords(net datadir.Network, ended error) error {
	lines := supervise.Tail(net.Log(), 0, maxLines)
	if err := errcode.Read(lines); err != nil {
		return err
	}
	return errcode.New(errcode.ProcessDied, "Its log is "+net.Log()+".", ended, "the network's supervisor ended")
}

// maxLines is how much of a log is looked through.
const maxLines = 1000

func stopBackground(p *os.Process, ended chan error) {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return
	}
	select {
	case <-ended:
	case <-time.After(drainTime + time.Second):
		p.Kill() //nolint:errcheck // it ended meanwhile
	}
}
