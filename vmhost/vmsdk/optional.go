package vmsdk

import "context"

// Names of the capabilities that the SDK announces when a VM implements the interface.
const (
	CapabilityStateSync        = "state_sync"
	CapabilityParachainRuntime = "parachain_runtime"
)

// StateSyncer is a VM that can serve its state and take over another's: capability "state_sync".
type StateSyncer interface {
	// StateSyncEnabled reports whether this VM wants to sync now.
	StateSyncEnabled(ctx context.Context) (bool, error)
	// GetOngoingSyncStateSummary is the summary of an interrupted sync, or ErrNotFound.
	GetOngoingSyncStateSummary(ctx context.Context) (Summary, error)
	// GetLastStateSummary is the newest summary that can be served, or ErrNotFound.
	GetLastStateSummary(ctx context.Context) (Summary, error)
	// ParseStateSummary makes a summary of a stranger's bytes.
	ParseStateSummary(ctx context.Context, content []byte) (Summary, error)
	// GetStateSummary is the summary at a height, or ErrNotFound.
	GetStateSummary(ctx context.Context, height uint64) (Summary, error)
	// AcceptStateSummary begins the sync. When it ends, EventStateSyncDone is due, and SetState's Synced gives the new
	// block.
	AcceptStateSummary(ctx context.Context, content []byte) (SyncMode, error)
	// Synced is the block that the VM stands at after a sync, asked when SetState leaves StateSyncing; nil: unchanged.
	Synced(ctx context.Context) (Block, error)
}

// Summary describes the state at a height.
type Summary struct {
	ID      ID
	Height  uint64
	Content []byte
}

// SyncMode says how the engine goes on after AcceptStateSummary.
type SyncMode int32

const (
	// SyncSkipped: no sync; bootstrapping begins at once.
	SyncSkipped SyncMode = 1
	// SyncStatic: the engine waits for EventStateSyncDone.
	SyncStatic SyncMode = 2
	// SyncDynamic: the engine goes on, voting only for accepted blocks until EventStateSyncDone.
	SyncDynamic SyncMode = 3
)

// ParachainRuntime is a VM that parachain subsystems can ask: capability "parachain_runtime". May run beside block
// calls.
type ParachainRuntime interface {
	// QueryRuntime answers a runtime-API request against the state after a processing or accepted block.
	QueryRuntime(ctx context.Context, block RuntimeBlock, request []byte) (RuntimeAnswer, error)
	// CheckInherent is a dry run on a parent: what of the inherent can be used.
	CheckInherent(ctx context.Context, parent RuntimeBlock, inherent []byte) ([]byte, error)
}

// RuntimeBlock names a block as the VM knows it, and as the consensus around it does: the name that validators sign.
type RuntimeBlock struct{ ID, Consensus ID }

// RuntimeAnswer is a serialized runtime-API answer, and what it names by reference: the host puts its bytes into the
// node's blob store, unless they are there.
type RuntimeAnswer struct {
	Response []byte
	Blobs    []RuntimeBlob
}

// RuntimeBlob is something that an answer names by its SHA-256 hash, of Size bytes, which are loaded if the host hasn't
// got them.
type RuntimeBlob struct {
	Hash ID
	Size uint64
	Load func(context.Context) ([]byte, error)
}

// Bound is a Block that commits to the context that it was built with. Anybody who proposes can put one block of the VM
// into several consensus blocks, with different contexts, and such a block must be judged alike by a node that has seen
// it in the right one before and by a node that hasn't.
type Bound interface {
	// Fits says why the block, which has been verified with one context, can't have this one; nil: it can.
	Fits(build BuildContext) error
}

// ExtensionUser is a VM that can't run without certain feature extensions of the host.
type ExtensionUser interface {
	RequiredExtensions() []string
}

// MetricsGatherer is a VM with metrics of its own.
type MetricsGatherer interface {
	// GatherMetrics returns them in the Prometheus text format.
	GatherMetrics(ctx context.Context) ([]byte, error)
}
