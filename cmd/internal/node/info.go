package node

import (
	"os"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
	"github.com/reevenet/reeve/services"
)

// begun is when this process began.
var begun = time.Now()

// info says what the node is, from who is attached and what they said.
func (n *Node) info(r overseer.Report, all part.List) *gateway.Info {
	i := info{&gateway.Info{Name: n.Home.Name, NodeID: n.ID, Network: n.Genesis.Network, Genesis: n.Genesis.Hash(),
		Version: n.Version}}
	i.Parts = []gateway.Part{{Name: "overseer", Instance: "overseer", PID: os.Getpid(), State: "running", Since: begun}}
	for _, c := range n.Genesis.Chains {
		i.Chains = append(i.Chains, gateway.Chain{ID: c.ID, Name: c.Name, VM: c.VM})
	}
	var children []gateway.Part
	for _, box := range ordered(r, all, n.Genesis.Chains) {
		if box.Name == askerName {
			continue
		}
		name := all.ProcessOf(box.Name)
		if len(box.Instances) == 0 && box.Starts > 0 {
			i.Parts = append(i.Parts,
				gateway.Part{Name: name, Instance: name, Restarts: box.Starts - 1, State: "detached",
					Cause: box.LastCause})
		}
		for _, in := range box.Instances {
			said := r.Said[in.Generation]
			p := partOf(name, box, in, said)
			i.Parts = append(i.Parts, p)
			children = append(children, childrenOf(n.idOf(box), said)...)
			if peers, ok := p.Fields[subsystem.FieldPeers].(int64); ok && !in.Standby {
				i.Peers += int(peers)
			}
			if height, ok := p.Fields[subsystem.FieldHeight].(int64); ok && !in.Standby {
				last, _ := p.Fields[subsystem.FieldLastAccepted].(string)
				i.at(box.Chain, uint64(height), last)
			}
		}
	}
	i.Parts = append(i.Parts, children...)
	return i.Info
}

// idOf is what logs and commands call the process of a mailbox.
func (n *Node) idOf(box broker.SubsystemStatus) string {
	for _, i := range services.Parts().Instances(n.Genesis.Chains) {
		if i.Spec.Name == box.Name && i.Chain == box.Chain {
			return i.ID
		}
	}
	return box.Name
}

// info is what is gathered.
type info struct{ *gateway.Info }

// at notes how far a chain is.
func (i info) at(chain string, height uint64, last string) {
	for n := range i.Chains {
		if c := &i.Chains[n]; c.Name == chain {
			c.Height = height
			_ = c.LastAccepted.UnmarshalText([]byte(last)) // none is shown as none
		}
	}
}

func partOf(name string, box broker.SubsystemStatus, in broker.InstanceStatus,
	said *statusv1.StatusResponse) gateway.Part {
	p := gateway.Part{
		Name: name, Instance: instanceName(name, box, in), PID: int(in.Pid),
		Restarts: max(0, box.Starts-len(box.Instances)),
		State:    "running", Since: in.Since,
		Messages: in.Delivered, Fields: fieldsOf(said),
	}
	if in.Standby {
		p.State = "standby"
	}
	return p
}

// childrenOf lists the processes that a part keeps running.
func childrenOf(parent string, said *statusv1.StatusResponse) (list []gateway.Part) {
	for _, c := range said.GetProcesses() {
		list = append(list, gateway.Part{
			Name: c.GetName(), Instance: c.GetInstance(), Parent: parent, PID: int(c.GetPid()),
			Restarts: int(c.GetRestarts()),
			State:    c.GetState(), Since: c.GetSince().AsTime(), Cause: c.GetCause(),
		})
	}
	return list
}

// fieldsOf are the named values of a status, as JSON shows them; nil when there are none.
func fieldsOf(said *statusv1.StatusResponse) map[string]any {
	if len(said.GetFields()) == 0 {
		return nil
	}
	fields := map[string]any{}
	for _, f := range said.GetFields() {
		switch v := f.GetValue().(type) {
		case *statusv1.Field_Text:
			fields[f.GetName()] = v.Text
		case *statusv1.Field_Number:
			fields[f.GetName()] = v.Number
		}
	}
	return fields
}
