package node

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/process/datadir"
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

// Bundle is a whole node in one process: the same parts, and the same bus between them. It saves memory; what it gives up is
// that a part can end alone.
func (n *Node) Bundle(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.Overseer(ctx) })
	for _, p := range services.Parts() {
		group.Go(func() error { return n.Run(ctx, p) })
	}
	return group.Wait()
}

// Run is the process of a part. It returns when ctx has ended and the subsystem has put itself away.
func (n *Node) Run(ctx context.Context, p part.Part) error {
	spec, err := n.Build(p)
	if err != nil {
		return err
	}
	name := spec.Name
	t, err := datadir.Token(n.Home, name)
	if err != nil {
		return err
	}
	tracing, err := telemetry.Start(ctx, name)
	if err != nil {
		return err
	}
	defer tracing.Close()
	all, metrics := labelled(name)
	if err := n.tellMetrics(ctx, name, all); err != nil {
		return err
	}
	opt := subsystem.Options{
		Address: n.Bus(), Token: t, Log: n.Log, Tracer: tracing.Tracer, Sampling: tracing.Sampling, Metrics: metrics,
		Blobs: n.Home.Data("blobs"),
	}
	if spec.Class == subsystem.PerChain {
		opt.Chain = n.Chain().Name
	}
	return subsystem.Run(ctx, spec, opt)
}
