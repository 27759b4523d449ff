package node

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/part"
)

// checks judges a report: each part must be attached and answer, and what it says must hold must hold. A part of the
// node that isn't attached is missed; whoever else is attached is judged by the same rule.
func checks(r overseer.Report, parts part.List, chains []genesis.Chain) []gateway.Check {
	list := []gateway.Check{{Name: "overseer", OK: true}}
	for _, i := range parts.Instances(chains) {
		if box := mailboxOf(r, i.Spec.Name, i.Chain); box == nil || !attached(box) {
			list = append(list, gateway.Check{Name: i.Name(), Instance: i.Label(), Cause: missing(box)})
		}
	}
	for _, box := range ordered(r, parts, chains) {
		for _, in := range box.Instances {
			if !in.Standby && box.Name != askerName {
				list = append(list, instanceChecks(r, parts.ProcessOf(box.Name), box, in)...)
			}
		}
	}
	return list
}

// ordered are the mailboxes in the order in which the node's processes are listed everywhere, those of strangers last.
func ordered(r overseer.Report, parts part.List, chains []genesis.Chain) []broker.SubsystemStatus {
	instances := parts.Instances(chains)
	place := func(box broker.SubsystemStatus) int {
		for at, i := range instances {
			if i.Spec.Name == box.Name && i.Chain == box.Chain {
				return at
			}
		}
		return len(instances)
	}
	boxes := slices.Clone(r.Subsystems)
	slices.SortStableFunc(boxes, func(a, b broker.SubsystemStatus) int { return place(a) - place(b) })
	return boxes
}

func instanceChecks(r overseer.Report, name string, box broker.SubsystemStatus,
	in broker.InstanceStatus) []gateway.Check {
	which := instanceName(name, box, in)
	said, answers := r.Said[in.Generation]
	here := gateway.Check{Name: name, Instance: which, OK: true}
	switch {
	case !answers: // it is there, and that is all that can be known
	case said == nil:
		here.OK, here.Cause = false, "it doesn't say how it is"
	case len(said.GetChecks()) == 0:
		here.OK, here.Cause, here.Since = said.GetReady(), said.GetCause(), said.GetSince().AsTime()
	}
	list := []gateway.Check{here}
	for _, c := range said.GetChecks() {
		list = append(list, gateway.Check{
			Name: name + "-" + c.GetName(), Instance: which, OK: c.GetCause() == "", Cause: c.GetCause(),
			Since: c.GetSince().AsTime(),
		})
	}
	return list
}

// instanceName tells an instance from others of the same process; a part that has one instance calls it like itself.
func instanceName(process string, box broker.SubsystemStatus, in broker.InstanceStatus) string {
	switch {
	case in.Name != box.Name && len(box.Instances) > 1, part.IsNumbered(in.Name, process):
		return in.Name
	case box.Chain != "":
		return box.Chain
	}
	return process
}

func mailboxOf(r overseer.Report, subsystem, chain string) *broker.SubsystemStatus {
	for i := range r.Subsystems {
		if box := &r.Subsystems[i]; box.Name == subsystem && box.Chain == chain {
			return box
		}
	}
	return nil
}

func attached(box *broker.SubsystemStatus) bool {
	for _, in := range box.Instances {
		if !in.Standby {
			return true
		}
	}
	return false
}

func missing(box *broker.SubsystemStatus) string {
	if box == nil || box.LastCause == "" {
		return "it isn't attached"
	}
	return fmt.Sprintf("it isn't attached: %s", box.LastCause)
}

// since remembers when each check became what it is, of those that don't know it themselves.
type since struct {
	mu    sync.Mutex
	known map[string]gateway.Check
}

// stamp fills in when each check became what it is now.
func (s *since) stamp(now time.Time, list []gateway.Check) []gateway.Check {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range list {
		if !c.Since.IsZero() {
			continue
		}
		key := c.Name + " " + c.Instance
		if before, ok := s.known[key]; ok && before.OK == c.OK {
			list[i].Since = before.Since
		} else {
			list[i].Since = now
		}
		s.known[key] = list[i]
	}
	return list
}
