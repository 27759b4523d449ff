package devnet

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Status is what `reeve devnet status -o json` prints. Fields are only ever added.
type Status struct {
	DataDir string       `json:"dataDir"`
	Network string       `json:"network"`
	Nodes   []NodeStatus `json:"nodes"`
}

// NodeStatus is one node as its processes and its own door show it.
type NodeStatus struct {
	Name         string            `json:"name"`
	NodeID       primitives.NodeID `json:"nodeId"`
	Ready        bool              `json:"ready"`
	Cause        string            `json:"cause,omitempty"` // why it isn't ready
	Height       uint64            `json:"height"`
	LastAccepted primitives.Hash   `json:"lastAccepted"`
	Peers        int               `json:"peers"`
	HTTP         string            `json:"http"`
	Chains       []string          `json:"chains"`
	Processes    []ProcessStatus   `json:"processes"`
}

// ProcessStatus is one process of a node.
type ProcessStatus struct {
	ID       string    `json:"id,omitempty"` // what logs and commands call it, if the supervisor keeps it running
	Name     string    `json:"name"`         // overseer, engine, vmhost, plugin, …
	Instance string    `json:"instance"`     // name of this one of several
	PID      int       `json:"pid"`          // 0 unless it is running
	Restarts int       `json:"restarts"`
	State    string    `json:"state"`
	Since    time.Time `json:"since"`
	Cause    string    `json:"cause,omitempty"`
	RSSBytes uint64    `json:"rssBytes"`
	Parent   string    `json:"parent,omitempty"` // name of the process that keeps it running, if that isn't the supervisor
	// Fields are what it says of itself.
	Fields map[string]any `json:"fields,omitempty"`
}

// Ready tells whether all nodes are.
func (s *Status) Ready() bool {
	for _, n := range s.Nodes {
		if !n.Ready {
			return false
		}
	}
	return len(s.Nodes) > 0
}

// Node returns the node with that name.
func (s *Status) Node(name string) (NodeStatus, bool) {
	for _, n := range s.Nodes {
		if n.Name == name {
			return n, true
		}
	}
	return NodeStatus{}, false
}

// Process returns the process with that name.
func (n *NodeStatus) Process(name string) (ProcessStatus, bool) {
	for _, p := range n.Processes {
		if p.Name == name {
			return p, true
		}
	}
	return ProcessStatus{}, false
}
