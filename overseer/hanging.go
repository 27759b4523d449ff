package overseer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// tick drives the core's time.
func (s *Server) tick() {
	t := time.NewTicker(broker.TickEvery)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			s.with(s.core.Tick)
			s.turned.Store(int64(time.Since(s.began)))
		}
	}
}

func (s *Server) onEvent(e broker.Event) {
	switch e.Kind {
	case broker.Kill:
		s.kill(e.Instance, e.Cause)
	case broker.Cut:
		s.cut(e.Instance, e.Cause)
	case broker.Quarantined:
		s.log.Error("message quarantined", "variant", e.Variant, "from", e.Env.From, "err", e.Cause)
		if s.keep == nil {
			return
		}
		select {
		case s.keeping <- e:
		default:
			s.log.Error("a quarantined message could not be kept", "err", "the disk is too slow for so many")
		}
	}
}

// maxKeeping is how many quarantined messages may wait for the disk.
const maxKeeping = 64

// keepAll writes quarantined messages. It stands beside the loop, which never waits for a disk.
func (s *Server) keepAll() {
	for {
		select {
		case e := <-s.keeping:
			s.keepOne(e)
			continue
		case <-s.stop:
		}
		select {
		case e := <-s.keeping: // the last
			s.keepOne(e)
		default:
			return
		}
	}
}

func (s *Server) keepOne(e broker.Event) {
	if err := s.keep.Keep(wire.AppendEnvelope(nil, e.Env), e.Variant, e.Cause); err != nil {
		s.log.Error("a quarantined message could not be kept", "err", err)
	}
}

// cut ends the streams of an instance that counts no more. Its process lives, learns of it, and attaches anew.
func (s *Server) cut(i *broker.Instance, cause string) {
	s.mu.Lock()
	a := s.ends[i]
	s.mu.Unlock()
	if a != nil {
		s.log.Warn("subsystem cut off", "subsystem", i.Subsystem, "instance", i.Name, "pid", i.Pid, "err", cause)
		a.cancel()
	}
}

// staleAfter is how long the loop may stand still before it is said to: long enough for a busy machine, short enough
// for whoever ends a process that hangs.
const staleAfter = 2 * time.Second

// Alive tells whether the loop turns: the core was reached and its time went on a moment ago. It takes no lock, so that
// it answers whatever the loop is stuck in.
func (s *Server) Alive() error {
	if still := time.Since(s.began) - time.Duration(s.turned.Load()); still > staleAfter {
		return fmt.Errorf("the overseer's loop hasn't turned for %v", still.Round(100*time.Millisecond))
	}
	return nil
}

// kill ends an instance that hangs: its process when we may, its streams in any case, with the verdict. Whoever started
// it starts it again.
func (s *Server) kill(i *broker.Instance, cause string) {
	s.mu.Lock()
	a := s.ends[i]
	again := a == nil || a.hung != ""
	if !again {
		a.hung = cause
	}
	s.mu.Unlock()
	if again {
		return
	}
	s.log.Error("subsystem hangs", "subsystem", i.Subsystem, "instance", i.Name, "pid", i.Pid, "err", cause)
	if a.process != nil {
		if err := a.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			s.log.Error("a hanging process could not be ended", "pid", i.Pid, "err", err)
		}
	}
	a.cancel()
}

// processOf is the process of an instance, when the kernel confirms that it is the one that speaks.
func processOf(ctx context.Context, h *overseerv1.Hello) *os.Process {
	info, ok := grpcx.PeerOf(ctx)
	if !ok || info.Pid == 0 || int64(info.Pid) != h.Pid || info.Pid == int32(os.Getpid()) {
		return nil
	}
	p, err := os.FindProcess(int(info.Pid))
	if err != nil {
		return nil
	}
	return p
}

func statusOf(err error) error {
	var a *AttachError
	if !errors.As(err, &a) {
		return status.Error(codes.Internal, err.Error())
	}
	switch a.Reason {
	case Unauthenticated:
		return status.Error(codes.Unauthenticated, a.Text)
	case Forbidden:
		return status.Error(codes.PermissionDenied, a.Text)
	case Incompatible:
		return status.Error(codes.FailedPrecondition, a.Text)
	case Unready:
		return status.Error(codes.Unavailable, a.Text)
	}
	return status.Error(codes.InvalidArgument, a.Text)
}
