package node

import (
	"os"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/services"
)

// begun is when this process began.
var begun = time.Now()

// info says what the node is, from what its parts said and what is attached to the bus.
func (n *Node) info(p *picture, bus broker.Status) *gateway.Info {
	i := &gateway.Info{
		Name: n.Home.Name, NodeID: n.ID, Network: n.Genesis.Network, Genesis: n.Genesis.Hash(), Version: n.Version, Parts: parts(bus),
	}
	i.Parts = append([]gateway.Part{{Name: "overseer", Instance: "overseer", PID: os.Getpid(), State: "running", Since: begun}}, i.Parts...)
	for _, peer := range p.peers.GetPeers() {
		if peer.GetConnected() {
			i.Peers++
		}
	}
	chain := n.Chain()
	c := gateway.Chain{ID: chain.ID, Name: chain.Name, VM: chain.VM, Height: p.engine.GetHeight()}
	if last, err := primitives.HashFrom(p.engine.GetLastAccepted()); err == nil {
		c.LastAccepted = last
	}
	i.Chains = []gateway.Chain{c}
	if p.vm != nil {
		i.Parts = append(i.Parts, gateway.Part{
			Name: "plugin", Instance: chain.Name, PID: int(p.vm.GetPid()), Restarts: int(p.vm.GetRestarts()),
			State: pluginState(p.vm.GetState()), Since: p.vm.GetSince().AsTime(), Cause: p.vm.GetCause(),
		})
	}
	return i
}

// parts lists who is attached, and which of a node's own subsystems isn't.
func parts(bus broker.Status) []gateway.Part {
	list, all := []gateway.Part{}, services.Parts()
	for _, s := range bus.Subsystems {
		name := all.ProcessOf(s.Name)
		if name == observerName {
			continue
		}
		for _, in := range s.Instances {
			state := "running"
			if in.Standby {
				state = "standby"
			}
			instance := in.Name
			if instance == s.Name {
				instance = name
			}
			list = append(list, gateway.Part{Name: name, Instance: instance, PID: int(in.Pid), Restarts: max(0, s.Starts-1), State: state, Since: in.Since})
		}
		if len(s.Instances) == 0 && s.Starts > 0 {
			list = append(list, gateway.Part{Name: name, Instance: name, Restarts: max(0, s.Starts-1), State: "detached", Cause: s.LastCause})
		}
	}
	return list
}
