package node

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/telemetry"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	"github.com/reevenet/reeve/services/networkbridge"
)

// builders says how a subsystem gets its ports. One that needs none isn't listed: its Spec is all there is to it.
var builders = map[string]func(*Node) (subsystem.Spec, error){
	engine.Name:        (*Node).engine,
	"vm":               (*Node).vmHost,
	networkbridge.Name: (*Node).networkBridge,
	keystore.Name:      (*Node).keystore,
}

// Graph draws who talks to whom, from the Specs.
func Graph() (string, error) {
	g, err := overseer.NewGraph(registry.Node(), services.All())
	if err != nil {
		return "", err
	}
	return g.Mermaid(), nil
}

// Names lists the subsystems that Run knows.
func Names() []string {
	specs := services.All()
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	return names
}

// build makes the Spec of the subsystem, with its ports.
func (n *Node) build(name string) (subsystem.Spec, error) {
	if build, ok := builders[name]; ok {
		return build(n)
	}
	for _, s := range services.All() {
		if s.Name == name {
			return s, nil
		}
	}
	return subsystem.Spec{}, errcode.New(errcode.NoSuchProcess, "", nil, "there is no subsystem %q, only %v", name, Names())
}

// Bundle is a whole node in one process: the same parts, and the same bus between them. It saves memory; what it gives up is
// that a part can end alone.
func (n *Node) Bundle(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.Overseer(ctx) })
	for _, name := range Names() {
		group.Go(func() error { return n.Run(ctx, name) })
	}
	return group.Wait()
}

// Run is the process of one subsystem. It returns when ctx has ended and the subsystem has put itself away.
func (n *Node) Run(ctx context.Context, name string) error {
	spec, err := n.build(name)
	if err != nil {
		return err
	}
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
	return subsystem.Run(ctx, spec, subsystem.Options{
		Address: n.Bus(), Token: t, Log: n.Log, Tracer: tracing.Tracer, Sampling: tracing.Sampling, Metrics: metrics,
	})
}
