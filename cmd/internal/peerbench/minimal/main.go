// Command minimal is the smallest plugin that hashicorp/go-plugin makes, and its host: what starting a plugin costs
// before anybody has added anything to it. It has the guards that Reeve's plugins have: the file's checksum is
// verified, and both sides prove themselves by certificates made for the one life.
//
// As a host it plays rounds, JSON lines on standard input and output like peerbench's: "start" starts itself as a
// plugin, makes one call and kills it, n times. It is a program apart so that nothing but the library is linked into
// it.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

var handshake = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "MINIMAL_PLUGIN",
	MagicCookieValue: "minimal"}

// nothing is a plugin without services: the library's own health service is what is called.
type nothing struct{ plugin.NetRPCUnsupportedPlugin }

func (nothing) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

func (nothing) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

var plugins = plugin.PluginSet{"nothing": nothing{}}

type order struct {
	Op string `json:"op"`
	N  int    `json:"n"`
}

type result struct {
	Op    string  `json:"op"`
	N     int     `json:"n"`
	P50   float64 `json:"p50Nanos,omitempty"`
	P99   float64 `json:"p99Nanos,omitempty"`
	Error string  `json:"error,omitempty"`
}

func main() {
	if os.Getenv(handshake.MagicCookieKey) != "" {
		plugin.Serve(&plugin.ServeConfig{
			HandshakeConfig: handshake, Plugins: plugins, GRPCServer: plugin.DefaultGRPCServer,
			Logger: hclog.NewNullLogger(),
		})
		return
	}
	lines, results := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil || o.Op != "start" {
			_ = results.Encode(result{Op: o.Op, Error: "the one operation is start"})
			continue
		}
		_ = results.Encode(play(o))
	}
}

func play(o order) result {
	times := make([]time.Duration, 0, o.N)
	for range o.N {
		took, err := start()
		if err != nil {
			return result{Op: o.Op, Error: err.Error()}
		}
		times = append(times, took)
	}
	slices.Sort(times)
	return result{Op: o.Op, N: o.N, P50: float64(times[len(times)/2].Nanoseconds()),
		P99: float64(times[len(times)-1].Nanoseconds())}
}

// start is how long it takes from nothing to the first answer.
func start() (time.Duration, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	file, err := os.ReadFile(self)
	if err != nil {
		return 0, err
	}
	sum := sha256.Sum256(file)
	began := time.Now()
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: handshake, Plugins: plugins, AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Cmd:      exec.Command(self),
		AutoMTLS: true, SecureConfig: &plugin.SecureConfig{Checksum: sum[:], Hash: sha256.New()},
		Logger: hclog.NewNullLogger(),
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return 0, fmt.Errorf("the minimal plugin: %w", err)
	}
	err = protocol.Ping()
	return time.Since(began), err
}
