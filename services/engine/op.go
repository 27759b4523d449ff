package engine

import (
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

type opKind int

const (
	opVerify opKind = iota
	opAccept
	opReject
	opPrefer
	opState
)

// String is what is done, for people.
func (k opKind) String() string {
	return [...]string{"verify", "accept", "reject", "prefer", "set the state"}[k]
}

// vmOp is one thing that the core wants of the VM.
type vmOp struct {
	kind    opKind
	block   *block.Block
	doubted bool            // of a block to verify: whatever else can be done comes first
	id      primitives.Hash // of the preferred block; of the VM block to reject
	state   pluginv1.ChainState

	certificate []byte // of the block to accept
	setback

	answer *vmv1.AcceptBlockResponse // to an acceptance
	err    error
	took   time.Duration // until the answer
}
