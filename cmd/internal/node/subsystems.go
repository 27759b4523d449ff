package node

import (
	"context"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/telemetry"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services"
)

// Graph draws who talks to whom, from the Specs.
func Graph() (string, error) {
	g, err := overseer.NewGraph(registry.Node(), services.Parts().Specs())
	if err != nil {
		return "", err
	}
	return g.Mermaid(), nil
}

// Bundle is a whole node in one process: the same parts, and the same bus between them. It saves memory; what it gives
// up is that a part can end alone.
func (n *Node) Bundle(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.Overseer(ctx) })
	for _, i := range services.Parts().Instances(n.Genesis.Chains) {
		group.Go(func() error { return n.Run(ctx, i) })
	}
	return group.Wait()
}

// Instance finds the process of the part whose subsystem or process has that name. The chain must be named where the
// node has several and the part is one per chain.
func (n *Node) Instance(name, chain string) (part.Instance, error) {
	p, err := services.Parts().Find(name)
	if err != nil {
		return part.Instance{}, err
	}
	all := part.List{p}.Instances(n.Genesis.Chains)
	if len(all) == 1 && (chain == "" || chain == all[0].Chain) {
		return all[0], nil
	}
	for _, i := range all {
		if i.Chain == chain {
			return i, nil
		}
	}
	chains := make([]string, len(all))
	for j, i := range all {
		chains[j] = i.Chain
	}
	return part.Instance{}, errcode.New(errcode.ChainNotFound, "Say which with --chain.", nil,
		"there is no %s of chain %q, only of: %s", p.Name(), chain, strings.Join(chains, " "))
}

// Run is the process of a part. It returns when ctx has ended and the subsystem has put itself away.
func (n *Node) Run(ctx context.Context, i part.Instance) error {
	name := i.Spec.Name
	t, err := datadir.Token(n.Home, name)
	if err != nil {
		return err
	}
	tracing, err := telemetry.Start(ctx, i.ID)
	if err != nil {
		return misconfigured(err)
	}
	defer tracing.Close()
	instance := os.Getenv(subsystem.EnvInstance)
	if instance != "" && i.Several() { // others of it run beside this one, or may
		i.ID = instance
	} else {
		instance = ""
	}
	all, metrics := labelled(i.Name(), i.Chain, instance)
	own := n.Node
	own.Metrics, own.Tracing = metrics, tracing.Provider
	told, err := listenAt(metricsSocket(n, i.ID))
	if err != nil {
		return err
	}
	spec, err := own.Build(i) // the last that can fail: what it opens is the handler's to give back
	if err != nil {
		told.Close()
		return err
	}
	go n.serveMetrics(ctx, told, all)
	return subsystem.Run(ctx, spec, subsystem.Options{
		Address: n.Bus(), Token: t, Chain: i.Chain, Log: n.Log, Tracer: tracing.Tracer, Sampling: tracing.Sampling,
		Metrics: metrics, Instance: os.Getenv(subsystem.EnvInstance),
		Blobs: n.Home.Data("blobs"),
	})
}
