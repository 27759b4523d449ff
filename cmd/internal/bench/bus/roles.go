// Package bus measures the message bus as it runs in production: an overseer, an asker and an answerer, each a process
// of its own, over a unix socket, with the SDK that every subsystem is written in. It receives rounds from
// cmd/internal/bench and compares what they cost with what the same rounds cost on the peers of cmd/internal/peerbench.
//
// The processes wear the names of subsystems and speak in variants of their enums, since the bus carries nothing else:
// the answerer is the network bridge, the asker is statement distribution. It never reaches round the bus, and starts
// nothing that it doesn't stop.
package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/internal/process/telemetry"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Names of the roles, as PlayRole and the hidden command take them.
const (
	roleOverseer = "overseer"
	roleAnswerer = "answerer"
	roleListener = "listener"
	roleAsker    = "asker"
)

var errRole = errors.New("a role is overseer, answerer, listener or asker, then the bus's socket")

// PlayRole is one process of the measurement; args are the role, the socket, and what the role needs more.
func PlayRole(ctx context.Context, self, args []string, in io.Reader, out io.Writer) error {
	if len(args) < 2 {
		return errRole
	}
	tuning.Profile{Threads: tuning.One}.Apply() // as an overseer does, and a subsystem that doesn't compute
	return profiled(args[0], func() error { return play(ctx, self, args, in, out) })
}

func play(ctx context.Context, self, args []string, in io.Reader, out io.Writer) error {
	role, socket, rest := args[0], args[1], args[2:]
	switch {
	case role == roleOverseer:
		return playOverseer(socket, in, out)
	case role == roleAnswerer:
		return attach(ctx, answererSpec(), socket, in, out)
	case role == roleListener && len(rest) == 1:
		return attach(ctx, listenerSpec(rest[0]), socket, in, out)
	case role == roleAsker:
		return playAsker(ctx, self, socket, in, out)
	}
	return errRole
}

// attach runs a subsystem until the input ends; it says that it is ready once the overseer has welcomed it.
func attach(ctx context.Context, spec subsystem.Spec, socket string, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opt, stop, err := options(ctx, spec.Name, socket)
	if err != nil {
		return err
	}
	defer stop()
	opt.OnAttached = func() {
		go func() {
			defer cancel()
			rounds.Obey(in, out, func(string) string { return "" })
		}()
	}
	return subsystem.Run(ctx, spec, opt)
}

// options are those of a node's subsystems, tracing included; stop sends the last traces.
func options(ctx context.Context, name, socket string) (opt subsystem.Options, stop func(), err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	tracing, err := telemetry.Start(ctx, name)
	if err != nil {
		return opt, nil, err
	}
	return subsystem.Options{Address: "unix:" + socket, Log: log, Tracer: tracing.Tracer, Sampling: tracing.Sampling},
		tracing.Close, nil
}

// failed makes the result of a round that came to nothing.
func failed(order rounds.Order, format string, args ...any) rounds.Result {
	return rounds.Result{Op: order.Op, Peer: peerName, Size: order.Size, N: order.N,
		Error: fmt.Sprintf(format, args...)}
}

// Names of our sessions: the bus as it is by default, and over grpc-go's streams.
const (
	peerName = "reeve"
	overGRPC = "reeve over grpc-go"
)
