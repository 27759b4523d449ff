// Package part says in one value what a node knows of a subsystem: what it declares to the overseer, how its ports are
// built, what it can be told in the settings, what it speaks with other nodes, and how its process runs. The program,
// the supervisor, the simulator, the tests and the documents go over a List of them; nothing else in a node knows a
// subsystem by its name.
//
// A part stands beside its subsystem, which knows none of this: a handler is given its ports and never looks for its
// own files.
package part

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
)

// Part is one subsystem as a node runs it. All but Spec may be left out.
type Part struct {
	// Spec is what the subsystem declares, without ports. The overseer holds every instance to it.
	Spec subsystem.Spec
	// Build makes the Spec with its ports, for a process of that node; nil: it needs none. The chain is that of the
	// process, and empty unless there is one per chain. The error says what is missing.
	Build func(Node, genesis.Chain) (subsystem.Spec, error)
	// Settings are the part's section of the node's settings; the section is named after what they configure, not
	// necessarily after the subsystem.
	Settings config.Section
	// Protocols are spoken with the same subsystem of other nodes. The network bridge carries them.
	Protocols []Protocol
	// Process is how it runs when it has a process of its own.
	Process Process
	// Secrets copies what only this part may read of a node that hasn't run to a directory of its own; nil: there is
	// nothing.
	Secrets func(from, to datadir.Node) error
	// Host: it is one of the parachain host's, which runs on networks with a relay chain alone.
	Host bool
	// Outside: its processes aren't the node's. The node admits who shows the role's token, and starts none.
	Outside bool
	// Owns says in a few words what is its own and what it does, for tables.
	Owns string
}

// Process is how a part runs as a process.
type Process struct {
	Name   string // in tables, logs and commands; default: the subsystem's
	Tuning tuning.Profile
	Stop   Stage
}

// Stage is when a part is stopped, so that none loses what it uses while it puts itself away.
type Stage int

// The stages. The overseer is stopped last.
const (
	StopLate  Stage = iota // those that only answer
	StopEarly              // those that ask the others
)

// Protocol is one kind of traffic between equal subsystems of two nodes.
type Protocol struct {
	// Name travels in every frame: 1 to 32 bytes.
	Name string
	// Event makes the subsystem's NetworkBridgeUpdate out of what the network bridge has to tell.
	Event func(*nbv1.NetworkBridgeEvent) proto.Message
	// Lane carries it: consensus, backing, gossip or bulk.
	Lane optionsv1.Lane
	// Family is the set of peers that it is spoken with; default validation.
	Family nbv1.Family
	// NoViews: the subsystem has no use for views, its peers' or ours, and isn't told of them. On a network of n nodes
	// that is n messages less for every block.
	NoViews bool
	// MaxPayload is the largest payload in bytes; default and upper bound: what the lane carries.
	MaxPayload int
	// OpenRequests is how many unanswered requests one peer may have here; default 4.
	OpenRequests int
	// RequestTimeout is the longest deadline of a request; default 10 s.
	RequestTimeout time.Duration

	// Subsystem is the one that speaks it, PerChain says that there is one of it per chain, and Host that it is one of
	// the parachain host's. List.Protocols fills them in.
	Subsystem      string
	PerChain, Host bool
}

// Several tells whether a node may run several instances of the part that share its work.
func (p *Part) Several() bool {
	return p.Spec.Class == subsystem.Pool || p.Spec.Class == subsystem.Sharded
}

// Name is the name of the part's process.
func (p *Part) Name() string {
	if p.Process.Name != "" {
		return p.Process.Name
	}
	return p.Spec.Name
}
