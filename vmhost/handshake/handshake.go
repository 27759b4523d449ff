// Package handshake is what a host and a plugin must agree on before they can talk: the handshake of
// hashicorp/go-plugin with our cookie and our range of protocol versions, and the names of the environment variables
// that a plugin is given. Nothing else reaches a plugin's environment.
package handshake

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// The versions of the plugin protocol that this code speaks. A host of version N also takes plugins of N-1;
// capabilities, not versions, say what is optional.
const (
	MinVersion = 1
	MaxVersion = 1
)

// PluginName is the one plugin that a binary serves.
const PluginName = "vm"

// EnvParentPipe is the variable, beside those of go-plugin, that is "1" when standard input is a pipe that closes when
// the host ends: the plugin then ends too.
const EnvParentPipe = "REEVE_PARENT_PIPE"

// Tracing picks from an environment what says where spans go and which: the variables of OpenTelemetry. A plugin has
// them when its host traces, and none otherwise. They may hold what the collector wants to see of its clients, so that
// a plugin may send there too.
func Tracing(environment []string) []string {
	return slices.DeleteFunc(slices.Clone(environment), func(v string) bool { return !strings.HasPrefix(v, "OTEL_") })
}

// Handshake tells a plugin that it was started by a host and not by a person. It is no secret and protects nothing.
var Handshake = plugin.HandshakeConfig{
	MagicCookieKey:   "REEVE_VM_PLUGIN",
	MagicCookieValue: "9f1f2c0e6f7d4f0b8a53c5a0b5a7f5de",
}

// Versions is the plugin set for each version spoken. register is nil on the host's side.
func Versions(register func(grpc.ServiceRegistrar)) map[int]plugin.PluginSet {
	sets := make(map[int]plugin.PluginSet)
	for v := MinVersion; v <= MaxVersion; v++ {
		sets[v] = plugin.PluginSet{PluginName: &grpcPlugin{register: register}}
	}
	return sets
}

// grpcPlugin hands out the connection itself: which services are on it is nobody's business here.
type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	register func(grpc.ServiceRegistrar)
}

// GRPCServer registers the VM's services.
func (p *grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	if p.register == nil {
		return errors.New("a host serves no VM")
	}
	p.register(s)
	return nil
}

// GRPCClient returns the connection.
func (p *grpcPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}
