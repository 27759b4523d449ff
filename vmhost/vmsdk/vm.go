package vmsdk

import (
	"context"
	"net/http"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/database"
)

// ID names a block: 32 bytes, usually the SHA-256 of its bytes. The zero ID means none.
type ID = primitives.Hash

// NodeID names a node: the public key of its network identity, proven before it gets here.
type NodeID = primitives.NodeID

// IDOf is the SHA-256 of b, the usual id of a block or a transaction.
func IDOf(b []byte) ID { return primitives.HashOf(b) }

// VM is a chain's state machine. Embed Base and write Initialize, ParseBlock and BuildBlock; the rest has defaults.
//
// Initialize, SetState, ParseBlock, BuildBlock and the methods of blocks never run at the same time. Everything else
// may run at any time, in parallel with them. Every method should return soon: each call has a deadline, and a VM that
// misses one is replaced.
type VM interface {
	// Initialize comes first. chain is all that the VM needs and stays valid until Shutdown. The result is the block at
	// which the VM is: the parsed chain.LastAccepted or, when that is nil, the genesis block, whose state goes into
	// batch and is committed with it. After an error the VM isn't used.
	Initialize(ctx context.Context, chain *Chain, batch *database.Batch) (Block, error)
	// SetState is called when the node enters another stage. Blocks are built in NormalOperation only.
	SetState(ctx context.Context, state State) error
	// Shutdown comes last.
	Shutdown(ctx context.Context) error
	// Version is the VM's name and own version, for people.
	Version() (name, version string)

	// ParseBlock decodes bytes that anyone may have sent. It must not panic whatever they are, must refuse bytes left
	// over, and must depend on nothing else. Any error means that they aren't a block, unless it is one of this
	// package's.
	ParseBlock(ctx context.Context, content []byte) (Block, error)
	// BuildBlock makes a block on parent, which the network prefers, or returns ErrNothingToBuild. It changes nothing;
	// the block comes back through Verify.
	BuildBlock(ctx context.Context, parent Block, build BuildContext) (Block, error)

	// Committed says that what an accepted block has written is durable. This is the moment to tell users of it: what
	// they are told when the block is accepted may be gone after a power cut. It comes once for each block, in order,
	// and beside block calls; one moment may bring many, for blocks that are accepted close together become durable
	// together. The block that Initialize returned is durable, and isn't told of.
	Committed(ctx context.Context, b Block)

	AppHandler
	// HealthCheck returns nil when the VM is healthy, otherwise the reason why not. The node asks every few seconds, and
	// shows the reason. Reads that fail are added by the SDK.
	HealthCheck(ctx context.Context) error
	// Connected comes before anything else from a peer.
	Connected(ctx context.Context, node NodeID, version string) error
	// Disconnected comes when a peer is gone.
	Disconnected(ctx context.Context, node NodeID) error
	// CreateHandlers returns what to serve at /ext/bc/<chain>/<extension>, by extension ("" or "/rpc"). A handler sees
	// the path after its extension: a request for /ext/bc/<chain>/rpc/x reaches "/rpc" as /x. Streaming, server-sent
	// events and websockets work.
	CreateHandlers(ctx context.Context) (map[string]http.Handler, error)
}

// Block is one block of the chain. The SDK keeps one value per block while it is undecided.
type Block interface {
	// ID is the same on every node for the same bytes.
	ID() ID
	// Parent is the id of the block it builds on.
	Parent() ID
	// Height is the parent's plus one; the genesis block has 0.
	Height() uint64
	// Timestamp is the time that the block claims.
	Timestamp() time.Time
	// Bytes is what ParseBlock makes the block of. Not to be changed.
	Bytes() []byte
	// Verify reports whether the block is valid after parent, which is verified or the last accepted. build is what its
	// proposer built it with. nil: valid. Any error means that it is invalid, on every node and for ever, unless it is
	// one of this package's, such as Busy, or the host couldn't be asked, or ctx has ended: then the block hasn't been
	// judged, gets no vote, and comes again later. Whatever depends on anything but the chain (a clock, another server)
	// must therefore be a BusyError. Verify changes nothing that another block can see; siblings are verified in any
	// order.
	Verify(ctx context.Context, parent Block, build BuildContext) error
	// Accept puts what the block changes into batch. The parent is accepted. Users hear of it from Committed. Any
	// error is fatal for the chain, unless it is Busy, or the host couldn't be asked, or ctx has ended: then the block
	// comes again.
	Accept(ctx context.Context, batch *database.Batch) error
	// Reject forgets the block: another one was accepted at its height or below.
	Reject(ctx context.Context) error
}

// BuildContext is what the engine fixes for a block before the VM fills it.
type BuildContext struct {
	// Inherent is what the node itself wants in the block; empty unless the VM has the parachain runtime.
	Inherent []byte
	// Proposer is the node that proposes the block.
	Proposer NodeID
	// Time is the time the block is to carry. Never before its parent's.
	Time time.Time
	// Parent is the consensus block below: the name by which the rest of the node, and other nodes, know it.
	Parent ID
}

// State is the engine's stage.
type State int32

// The stages, in their usual order.
const (
	StateSyncing    State = 1
	Bootstrapping   State = 2
	NormalOperation State = 3
)

// String is the stage in words.
func (s State) String() string {
	switch s {
	case StateSyncing:
		return "state syncing"
	case Bootstrapping:
		return "bootstrapping"
	case NormalOperation:
		return "normal operation"
	}
	return "no state"
}
