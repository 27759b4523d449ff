package vmsdk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/reevenet/reeve/vmhost/database"
)

// Chain is what a VM gets at Initialize.
type Chain struct {
	// NetworkID is the network's number.
	NetworkID uint32
	// Name is the chain's name, as in /ext/bc/<name>/.
	Name string
	// ID is the hash of the chain's genesis as the node has it.
	ID ID
	// NodeID is this node.
	NodeID NodeID
	// Genesis is the VM's part of the genesis, in its own encoding.
	Genesis []byte
	// Upgrade holds the rules of later upgrades. May be empty.
	Upgrade []byte
	// Config is the operator's configuration of the VM. May be empty.
	Config []byte
	// LastAccepted is the block that the record of accepted blocks ends with; nil at the first start ever.
	LastAccepted *AcceptedBlock
	// Extensions are the feature extensions that the host offers: version by id.
	Extensions map[string]uint32

	// DB is the chain's database, which survives restarts. It shows what accepted blocks have written, durable or not:
	// blocks are built and verified on it.
	DB database.Database
	// Durable reads the same, and answers when what it says would be there after a power cut. Users are answered from
	// it. It waits only for what blocks that were accepted just now have changed.
	Durable database.Reader
	// Blocks reads accepted blocks, so that a VM needn't store them.
	Blocks BlockReader
	// Sender sends to the VMs of other nodes.
	Sender AppSender
	// Notify notifies the engine of an event. It never blocks, and doing it twice is doing it once. The event holds
	// until the engine has acted: EventPendingTxs until the next BuildBlock.
	Notify func(Event)
	// Log goes to the node's log, at a level that the operator can change.
	Log *slog.Logger
	// Now is the time to use, so that a simulation can have its own.
	Now func() time.Time
	// After calls f once after d, on its own goroutine or, in a simulation, in virtual time. cancel is safe to repeat.
	After func(d time.Duration, f func()) (cancel func())

	tracing *tracing
	// notifyIn is Notify as part of a trace; nil: there is only Notify.
	notifyIn func(traceparent string, e Event)
}

// pending notifies the engine of transactions, as part of the trace of one of them if that is sampled.
func (c *Chain) pending(traceparent string) {
	if c.notifyIn == nil {
		c.Notify(EventPendingTxs)
		return
	}
	c.notifyIn(traceparent, EventPendingTxs)
}

// DecodeGenesis reads a genesis that is JSON into v; without one v stays as it is. A field that v doesn't have is an
// error: it would otherwise be ignored in silence.
func (c *Chain) DecodeGenesis(v any) error {
	if len(c.Genesis) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(c.Genesis))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("the chain's genesis isn't what the VM expects: %w", err)
	}
	return nil
}

// AcceptedBlock is an entry of the record of accepted blocks.
type AcceptedBlock struct {
	ID     ID
	Height uint64
	// Content is the VM's own encoding of the block.
	Content []byte
}

// BlockReader reads accepted blocks. ErrNotFound when there is none.
type BlockReader interface {
	ByID(ctx context.Context, id ID) (*AcceptedBlock, error)
	AtHeight(ctx context.Context, height uint64) (*AcceptedBlock, error)
}

// Event is what a VM notifies the engine of.
type Event int32

const (
	// EventPendingTxs: there is something to put into a block.
	EventPendingTxs Event = 1
	// EventStateSyncDone: the accepted summary's state is complete.
	EventStateSyncDone Event = 2
)
