package vmsdk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/process/telemetry"
	"github.com/reevenet/reeve/vmhost/handshake"
)

// Serve is the whole main function of a plugin: it serves vm to the host that started this process, and returns when
// the host is done. Started by a person, it says what it is and ends with exit code 2.
func Serve(vm VM) {
	if len(os.Args) == 2 && os.Args[1] == "--version-json" {
		printVersion(os.Stdout, vm)
		return
	}
	if os.Getenv(handshake.Handshake.MagicCookieKey) != handshake.Handshake.MagicCookieValue {
		name, version := vm.Version()
		fmt.Fprintf(os.Stderr, "This is %s %s, a VM plugin. A node starts it:\n  reeve devnet up --vm %s\n",
			name, version, os.Args[0])
		os.Exit(2)
	}
	// The plugin library takes os.Stderr over; the log, like a crash, goes to the real one.
	stderr := os.Stderr
	level := new(slog.LevelVar)
	log := slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level}))
	logVersions(log)
	endWithParent(os.Stdin)

	name, _ := vm.Version()
	tracing, err := telemetry.Start(context.Background(), "plugin-"+name)
	if err != nil {
		log.Warn("traces end at the host", "err", err)
		tracing = &telemetry.Telemetry{}
	}
	defer tracing.Close()
	around := intercept.Chain{Log: log, Tracing: tracing.Provider}
	server := NewServer(vm, Environment{
		Log: log, Level: level, Around: around, Tracer: tracing.Tracer, Sampled: tracing.Small,
	})
	defer server.Close()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  handshake.Handshake,
		VersionedPlugins: handshake.Versions(server.Register),
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			options = append(options, around.ServerOptions()...)
			return grpc.NewServer(append(options,
				grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage), grpc.MaxConcurrentStreams(256))...)
		},
		Logger: hclog.NewNullLogger(),
	})
}

// printVersion is for tools that look at a plugin without starting it as one.
func printVersion(w io.Writer, vm VM) {
	name, version := vm.Version()
	_ = json.NewEncoder(w).Encode(map[string]any{
		"name": name, "version": version, "sdk": SDKVersion,
		"protocolMin": handshake.MinVersion, "protocolMax": handshake.MaxVersion,
	})
}

// Incompatible is the log message from which a host learns the plugin's range when the versions don't meet; the
// handshake itself can name only one.
const Incompatible = "no common plugin protocol version"

func logVersions(log *slog.Logger) {
	for v := range strings.SplitSeq(os.Getenv("PLUGIN_PROTOCOL_VERSIONS"), ",") {
		if n, err := strconv.Atoi(v); err == nil && n >= handshake.MinVersion && n <= handshake.MaxVersion {
			return
		}
	}
	log.Error(Incompatible, "protocolMin", handshake.MinVersion, "protocolMax", handshake.MaxVersion)
}

// endWithParent ends this process when the host is gone, also where the kernel doesn't see to it.
func endWithParent(stdin io.Reader) {
	if os.Getenv(handshake.EnvParentPipe) != "1" {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		os.Exit(0)
	}()
}
