package sim

import (
	"context"
	"sync"

	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	"github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
)

// ports are the ends of the simulated world that one process holds. They end with it.
type ports struct {
	transport *memnet.Node
	disk      *simdisk.Process
	db        database.Database
}

func (p *ports) end(machine bool) {
	if p.transport != nil {
		p.transport.Crash(machine)
	}
	if p.disk != nil {
		p.disk.Kill()
	}
	if p.db != nil {
		_ = p.db.Close() // a handle in memory
	}
}

// part is one process of a node: its declaration, and how it is made with the ports of a start.
type part struct {
	name     string
	declared subsystem.Spec
	build    func(*incarnation) subsystem.Spec
}

// simulated says how a part that needs the world gets a simulated one. A part that needs none isn't listed.
var simulated = map[string]func(*incarnation) subsystem.Spec{
	keystore.Name: buildKeystore, networkbridge.Name: buildBridge, vmhost.Name: buildVM, engine.Name: buildEngine,
}

// parts lists the subsystems of a node: the same as those of a real one.
var parts = sync.OnceValue(func() []part {
	var list []part
	for _, p := range services.Parts() {
		build := simulated[p.Spec.Name]
		switch {
		case build != nil:
		case p.Build == nil:
			build = func(*incarnation) subsystem.Spec { return p.Spec }
		default:
			panic(p.Spec.Name + " needs ports: give it simulated ones here")
		}
		list = append(list, part{p.Spec.Name, p.Spec, build})
	}
	return list
})

// protocols says what is spoken between nodes, and on which lane.
func protocols() []networkbridge.Protocol { return networkbridge.Carried(services.Parts().Protocols()) }

func buildKeystore(i *incarnation) subsystem.Spec {
	i.ports.disk = i.node.disk.Process()
	return keystore.Spec(keystore.Config{Disk: i.ports.disk, KeyFile: keyFile, Dir: keyDir})
}

func buildBridge(i *incarnation) subsystem.Spec {
	net := i.node.net
	i.ports.transport = net.wire.Node(i.node.id)
	return networkbridge.Spec(networkbridge.Config{
		Transport: i.ports.transport, NetworkID: net.genesis.Hash(), Agent: "reeve/sim", Protocols: protocols(), Peers: net.others(i.node.index),
		Validators: net.stakes, NoPeerExchange: true,
	})
}

func buildVM(i *incarnation) subsystem.Spec {
	n := i.node
	chain := n.net.genesis.Chains[0]
	return vmhost.Spec(vmhost.Config{
		NetworkID: networkNumber, Chain: chain.Name, ChainID: chain.ID, NodeID: n.id, Genesis: chain.Genesis,
		OpenDB: func() (database.Database, error) {
			i.ports.db = &watched{Database: n.db.Open(), node: n}
			return i.ports.db, nil
		},
		Launcher: launcher{node: n, incarnation: i},
		Limits:   vmLimits,
	})
}

func buildEngine(i *incarnation) subsystem.Spec {
	net := i.node.net
	return engine.Spec(engine.Config{
		Chain: net.chain, NodeID: i.node.id, Validators: net.set, Parameters: &net.plan.params, Unchecked: net.plan.unchecked,
	})
}

// watched is the chain's database: what becomes durable in it is what the node has accepted.
type watched struct {
	database.Database
	node *node
}

// Write is database.Database.Write.
func (w *watched) Write(ctx context.Context, b *database.Batch, d database.Durability) error {
	err := w.Database.Write(ctx, b, d)
	if err == nil && d == database.Sync {
		w.node.committed(w.Database)
	}
	return err
}
