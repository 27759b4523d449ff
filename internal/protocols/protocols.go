// Package protocols names the kinds of traffic between nodes. A subsystem and the table in services.go, which tells the network
// bridge whose each is, must agree on these names; nothing else lives here.
package protocols

// The protocols.
const (
	// Consensus carries queries, chits and the blocks that they are about, between engines, on a stream of its own.
	Consensus = "consensus"
	// App carries the VMs' requests, answers and gossip.
	App = "app"
	// Sync carries ancestors and state summaries: large answers that must not hold a vote back.
	Sync = "sync"
)
