package sim

import (
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Scenario is what a network is simulated for. It serves one run. Parts, Done and Unsettled are required.
type Scenario struct {
	// Parts are the processes of each node, in the order in which they start: one of each, or one per chain.
	Parts part.List
	// Chains are those of each node.
	Chains []genesis.Chain
	// Ports makes the Spec of a part for one start of its process, with simulated ports. A part that has ports of its
	// own needs an entry here.
	Ports map[string]func(*Incarnation) subsystem.Spec
	// Streams are the lanes that keep to the word of the bridge's Transport, see memnet: what is spoken there is spoken
	// over links that neither lose nor repeat, and who repeats himself is taken to mean it.
	Streams []nb.Lane
	// Tap sees every frame between two nodes, given by their indices, before it leaves; what leaves in its place is
	// returned, nil: nothing. Here adversaries lie, and here is checked what the others say.
	Tap func(from, to int, lane nb.Lane, frame []byte) []byte
	// Describe says what is in a frame, for a readable trace.
	Describe func(frame []byte) string
	// Actors use the network.
	Actors []Actor
	// Faults come on top of those that every network has.
	Faults []Fault
	// Invariants are looked at once in a virtual second. What can be checked at once, when something happens, is
	// checked then.
	Invariants []Invariant
	// Done tells whether the run has seen enough: faults end early.
	Done func() bool
	// Unsettled says what isn't decided yet; empty: nothing. Once all has healed it has to become empty, or the run
	// is stuck.
	Unsettled func() string
}

// Simulated lists the parts that need no ports, and those that a scenario has simulated ones for. The others aren't on
// its nodes.
func Simulated(all part.List, ports map[string]func(*Incarnation) subsystem.Spec) (list part.List) {
	for _, p := range all {
		if p.Build == nil || ports[p.Spec.Name] != nil {
			list = append(list, p)
		}
	}
	return list
}

// Builder makes the scenario of one run: it adds the nodes to the world and sets up what they find there.
type Builder func(*World) (Scenario, error)

// Actor is somebody from outside who uses the network: users, operators.
type Actor interface {
	// Start begins to act. It plans what it does on the world's Clock.
	Start()
	// Close tells that all has healed: nothing new is begun, what is under way is finished.
	Close()
}

// Invariant is something that must always hold. Check reports what doesn't with World.Violate.
type Invariant struct {
	Name  string
	Check func()
}
