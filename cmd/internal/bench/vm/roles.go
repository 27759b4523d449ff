// Package vm measures what a plugin costs: a block's way from the engine's question on the bus through the host to the
// plugin process and back, and a read of the host's database from the plugin's process, with and without its cache,
// beside a read of the same store in one's own process.
//
// It plays the engine and nothing else: overseer, host, plugin and store are what a node runs, each as its own process.
package vm

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/pebbledb"
	"github.com/reevenet/reeve/vmhost/process"
)

const (
	roleHost     = "vm-host"
	roleDatabase = "vm-database"
	roleEngine   = "vm-engine"
	chainName    = "kv"
)

var errRole = errors.New("a role is vm-host, vm-database or vm-engine, then a directory and the plugin")

// Plays tells whether a role is one of this package's.
func Plays(role string) bool { return strings.HasPrefix(role, "vm-") }

// PlayRole is one process of the measurement; args are the role, the directory that all share, and the plugin's path.
func PlayRole(ctx context.Context, self, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 3 {
		return errRole
	}
	at := place(args[1])
	tuned := tuning.Profile{}
	if args[0] == roleHost {
		tuned.Threads = tuning.PerFourCores
	}
	tuned.Apply()
	switch args[0] {
	case roleHost:
		return playHost(ctx, at, args[2], in, out)
	case roleDatabase:
		return playDatabase(at, in, out)
	case roleEngine:
		return playEngine(ctx, self, at, args[2], in, out)
	}
	return errRole
}

// place is the directory in which the processes meet.
type place string

func (p place) bus() string   { return filepath.Join(string(p), "bus.sock") }
func (p place) http() string  { return filepath.Join(string(p), "http.sock") }
func (p place) store() string { return filepath.Join(string(p), "store.sock") }
func (p place) bare() string  { return filepath.Join(string(p), "bare.sock") }
func (p place) options() subsystem.Options {
	return subsystem.Options{Address: "unix:" + p.bus(), Log: quiet()}
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

var chainID = primitives.HashOf([]byte("bench"))

// playHost is vmhost as a node runs it, with the plugin under it.
func playHost(ctx context.Context, at place, plugin string, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	count, err := vmhost.CountCalls(prometheus.NewRegistry())
	if err != nil {
		return err
	}
	options := at.options()
	options.OnAttached = func() {
		go func() {
			defer cancel()
			rounds.Obey(in, out, func(string) string { return "" })
		}()
	}
	return subsystem.Run(ctx, vmhost.Spec(vmhost.Config{
		NetworkID: 1, Chain: chainName, ChainID: chainID, LogLevel: int32(slog.LevelError),
		OpenDB: func() (database.Database, error) {
			return pebbledb.Open(filepath.Join(string(at), "chain"), quiet())
		},
		Launcher:   process.Launcher{Path: plugin, RunDir: string(at)},
		Count:      count,
		HTTPSocket: at.http(),
	}), options)
}
