package comet

import "fmt"

// Profile is a set of settings that differ from CometBFT's defaults, as environment variables of its own naming.
type Profile struct {
	Name     string
	Batch    int // transactions per request, at most rpc.max_request_batch_size
	settings []setting
}

type setting struct{ key, value string }

// Default is CometBFT as it comes. It waits a second after each commit.
var Default = Profile{Name: "default", Batch: 10}

// Tuned is what gave the most transactions per second here: no wait after a commit, no empty blocks to disturb others,
// a mempool that holds several blocks and isn't checked again after each, no index of transactions, gossip without
// pauses and without a rate limit. Every change favours CometBFT.
var Tuned = Profile{Name: "tuned", Batch: 200, settings: []setting{
	{"CONSENSUS_TIMEOUT_COMMIT", "0s"},
	{"CONSENSUS_SKIP_TIMEOUT_COMMIT", "true"},
	{"CONSENSUS_CREATE_EMPTY_BLOCKS", "false"},
	{"CONSENSUS_PEER_GOSSIP_SLEEP_DURATION", "5ms"},
	{"P2P_FLUSH_THROTTLE_TIMEOUT", "1ms"},
	{"P2P_SEND_RATE", "512000000"},
	{"P2P_RECV_RATE", "512000000"},
	{"MEMPOOL_SIZE", "20000"},
	{"MEMPOOL_CACHE_SIZE", "100000"},
	{"MEMPOOL_RECHECK", "false"},
	{"RPC_MAX_REQUEST_BATCH_SIZE", "0"},
	{"TX_INDEX_INDEXER", "null"},
	{"STORAGE_DISCARD_ABCI_RESPONSES", "true"},
}}

var Profiles = map[string]Profile{Default.Name: Default, Tuned.Name: Tuned}

func (p Profile) environment() []string {
	var variables []string
	for _, s := range p.settings {
		variables = append(variables, fmt.Sprintf("CMT_%s=%s", s.key, s.value))
	}
	return variables
}
