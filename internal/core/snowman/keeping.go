package snowman

import "github.com/reevenet/reeve/internal/core/primitives"

// keeping has the blocks of the height that is being decided made durable before this node commits itself to them. A
// vote outlives every crash; if the block didn't, a power cut could leave all validators bound to a block that nobody
// has any more. A block is kept as soon as it gets a prepare vote, so its commit vote seldom waits.
//
// Two are kept at most: the one that this node is locked on, and the last one that it has voted for. With the first
// goes the proof that a quorum prepared it, but for round 0, before which nobody can have been locked on another one.
// Without it those that are would never vote for the block, when who prepared it is gone.
type keeping struct {
	*turn
	pool *pool

	height uint64
	asked  uint64                     // how often something was to be kept; answers come in this order
	done   uint64                     // how much of that is durable
	stays  map[primitives.Hash]uint64 // what isn't given up, and the number under which it was asked for
}

// at forgets what is kept for another height.
func (k *keeping) at(height uint64) {
	if k.stays == nil || k.height != height {
		k.height, k.stays = height, make(map[primitives.Hash]uint64)
	}
}

// want has a block kept beside the one that this node is locked on.
func (k *keeping) want(id, locked primitives.Hash) {
	e := k.pool.get(id)
	if _, asked := k.stays[id]; asked || e == nil { // nobody knows a block without an id
		return
	}
	for other := range k.stays {
		if other != locked {
			delete(k.stays, other)
		}
	}
	k.asked++
	k.stays[id] = k.asked
	k.emit(Keep{Number: k.asked, Block: e.block, Also: locked})
}

// prove has a proof kept with a block that is kept, and what else is.
func (k *keeping) prove(id primitives.Hash, proof []byte) {
	e := k.pool.get(id)
	if e == nil {
		return
	}
	var also primitives.Hash
	for other := range k.stays { // two at most
		if other != id {
			also = other
		}
	}
	k.asked++
	k.stays[id] = k.asked
	k.emit(Keep{Number: k.asked, Block: e.block, Also: also, Proof: proof})
}

// durable tells whether a block is kept; wanted, whether it will be.
func (k *keeping) durable(id primitives.Hash) (durable, wanted bool) {
	number, wanted := k.stays[id]
	return wanted && number <= k.done, wanted
}
