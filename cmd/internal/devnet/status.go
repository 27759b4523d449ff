package devnet

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
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
	Heads        []Head            `json:"heads"` // of each chain; height and lastAccepted are those of the first
	Processes    []ProcessStatus   `json:"processes"`
}

// NewNodeStatus is what is known of a node that hasn't been asked.
func NewNodeStatus(h datadir.Node) *NodeStatus {
	return &NodeStatus{
		Name: h.Name, NodeID: datadir.NodeID(h), Processes: []ProcessStatus{}, Chains: []string{}, Heads: []Head{},
	}
}

// Head is how far a node is on one chain.
type Head struct {
	Chain        string          `json:"chain"`
	VM           string          `json:"vm"`
	Height       uint64          `json:"height"`
	LastAccepted primitives.Hash `json:"lastAccepted"`
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
	// id of the process that keeps it running, if that isn't the supervisor
	Parent string `json:"parent,omitempty"`
	// Messages that it was given since it attached to the overseer: how the instances of a part divide its work.
	Messages uint64 `json:"messages,omitempty"`
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

// Process returns the process with that title, or the first with that name.
func (n *NodeStatus) Process(name string) (ProcessStatus, bool) {
	for _, p := range n.Processes {
		if n.Title(p) == name || p.Name == name {
			return p, true
		}
	}
	return ProcessStatus{}, false
}

// Title is what people call a process: its name, and which of several it is.
func (n *NodeStatus) Title(p ProcessStatus) string {
	for _, other := range n.Processes {
		if other.Name == p.Name && other.Instance != p.Instance {
			return p.Name + "@" + p.Instance
		}
	}
	return p.Name
}
