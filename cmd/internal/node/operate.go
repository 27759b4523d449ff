package node

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// operator asks and tells the VMs of the node's chains what those who run it want.
func (n *Node) operator(a *asker) gateway.Operator {
	return gateway.Operator{
		VM: func(ctx context.Context, chain string) (*gateway.VM, error) {
			if err := n.hasChain(chain); err != nil {
				return nil, err
			}
			return describeVM(ctx, a, chain)
		},
		Restart: func(ctx context.Context, chain, why string) error {
			if err := n.hasChain(chain); err != nil {
				return err
			}
			_, err := ask[*vmv1.RestartPluginResponse](ctx, a, chain, &vmv1.RestartPlugin{Reason: why})
			return err
		},
		SetLogLevel: func(ctx context.Context, chain string, level slog.Level) error {
			if err := n.hasChain(chain); err != nil {
				return err
			}
			_, err := ask[*pluginv1.SetLogLevelResponse](ctx, a, chain, &pluginv1.SetLogLevelRequest{Level: int32(level)})
			return err
		},
	}
}

func (n *Node) hasChain(name string) error {
	if _, ok := n.Genesis.Chain(name); !ok {
		return fmt.Errorf("%w: %s", gateway.ErrNoChain, name)
	}
	return nil
}

// describeVM also answers when no VM runs, with the cause.
func describeVM(ctx context.Context, a *asker, chain string) (*gateway.VM, error) {
	health, err := ask[*pluginv1.HealthCheckResponse](ctx, a, chain, &pluginv1.HealthCheckRequest{})
	if err != nil {
		return nil, err
	}
	about, err := ask[*vmv1.VersionResponse](ctx, a, chain, &vmv1.Version{})
	if err != nil {
		return nil, err
	}
	return &gateway.VM{
		Chain: chain, Name: about.GetName(), Version: about.GetVersion(), Protocol: about.GetProtocol(),
		Capabilities: append([]string{}, about.GetCapabilities()...), Healthy: health.GetHealthy(), Cause: health.GetCause(),
	}, nil
}
