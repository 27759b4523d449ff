package node

import (
	"context"
	"slices"

	"github.com/reevenet/reeve/internal/devnet"
	"github.com/reevenet/reeve/internal/directory"
	"github.com/reevenet/reeve/internal/exitcode"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	"github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/vmhost"
)

// wiring says how one subsystem gets its ports.
type wiring struct {
	declared subsystem.Spec                      // without ports: its name, class and edges
	build    func(*Node) (subsystem.Spec, error) // with ports
}

// wirings lists the subsystems of a node by hand.
var wirings = []wiring{
	{keystore.Spec(keystore.Config{}), (*Node).keystore},
	{networkbridge.Spec(networkbridge.Config{Protocols: protocols}), (*Node).networkBridge},
	{vmhost.Spec(vmhost.Config{}), (*Node).vmHost},
	{engine.Spec(engine.Config{}), (*Node).engine},
}

// Graph draws who talks to whom, from the Specs.
func Graph() (string, error) {
	g, err := overseer.NewGraph(directory.Node(), (*Node)(nil).Declared())
	if err != nil {
		return "", err
	}
	return g.Mermaid(), nil
}

// Declared lists the Specs of the node's own subsystems, for the overseer.
func (n *Node) Declared() []subsystem.Spec {
	specs := make([]subsystem.Spec, len(wirings))
	for i, w := range wirings {
		specs[i] = w.declared
	}
	return specs
}

// Names lists the subsystems that Run knows.
func Names() []string {
	names := make([]string, len(wirings))
	for i, w := range wirings {
		names[i] = w.declared.Name
	}
	return names
}

// Run is the process of one subsystem. It returns when ctx has ended and the subsystem has put itself away.
func (n *Node) Run(ctx context.Context, name string) error {
	i := slices.IndexFunc(wirings, func(w wiring) bool { return w.declared.Name == name })
	if i < 0 {
		return exitcode.New(exitcode.NoSuchProcess, "", nil, "there is no subsystem %q, only %v", name, Names())
	}
	t, err := devnet.Token(n.Home, name)
	if err != nil {
		return err
	}
	spec, err := wirings[i].build(n)
	if err != nil {
		return err
	}
	return subsystem.Run(ctx, spec, subsystem.Options{Address: n.Bus(), Token: t, Log: n.Log})
}
