package consensus

import (
	"slices"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/engine"
)

// chainOf is the chain that a process serves.
func (net *network) chainOf(i *sim.Incarnation) *chain {
	at := slices.IndexFunc(net.chains, func(c *chain) bool { return c.genesis.Name == i.Chain() })
	return net.chains[at]
}

func (net *network) vmHost(i *sim.Incarnation) subsystem.Spec {
	c := net.chainOf(i)
	return c.replicas[i.Node.Index].host.Spec(i, c.genesis)
}

func (net *network) engine(i *sim.Incarnation) subsystem.Spec {
	c := net.chainOf(i)
	cfg := net.Engine(i, c.genesis, &net.params, c.signatures)
	cfg.Flaws = net.flaws
	return engine.Spec(cfg)
}
