// Package proposer says who may propose a block, and when. Every height has an order of its own, drawn by stake from
// the chain's id and the height: nothing that anybody writes into a block takes part, so nobody can try out blocks
// until the next proposer suits him. The first in the order proposes at once; the n-th may step in when the ones before
// it have been silent for a slot each. It is pure arithmetic: the time comes from the caller.
package proposer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

const (
	// MinSlot is the least time by which blocks of consecutive slots are apart. It is a rule of the chain: a block of
	// slot n has a time at least n·MinSlot after its parent's. Waiting longer is each node's own business (see Slots).
	MinSlot = 50 * time.Millisecond
	// MaxSkew is how far a block's time may lie in the future of the node that checks it.
	MaxSkew = 10 * time.Second
)

// Order returns the indices of all validators with stake in the order in which they may propose a chain's block at
// height. Each is drawn in proportion to its stake among those that are left.
func Order(set *validators.Set, chain block.Chain, height uint64) []int {
	left := make([]int, 0, set.Len())
	weight := make([]uint64, 0, set.Len())
	total := set.TotalStake()
	for i := range set.Len() {
		left, weight = append(left, i), append(weight, set.At(i).Stake)
	}
	order := make([]int, 0, set.Len())
	for draw := uint64(0); len(left) > 0; draw++ {
		u := uniform(chain, height, draw, total)
		at := 0
		for u >= weight[at] {
			u -= weight[at]
			at++
		}
		order = append(order, left[at])
		total -= weight[at]
		left = append(left[:at], left[at+1:]...)
		weight = append(weight[:at], weight[at+1:]...)
	}
	return order
}

// uniform is a number below n, drawn from a hash. The bias is below n/2^64 and the same for everybody.
func uniform(chain block.Chain, height, draw, n uint64) uint64 {
	var b [20]byte
	binary.BigEndian.PutUint32(b[:4], chain.NetworkID)
	binary.BigEndian.PutUint64(b[4:12], height)
	binary.BigEndian.PutUint64(b[12:], draw)
	h := primitives.HashOf([]byte("reeve proposer\x00"), chain.ID[:], b[:])
	return binary.BigEndian.Uint64(h[:8]) % n
}

// At returns who may propose in a slot: the order begins again when it is exhausted.
func At(order []int, slot uint64) int { return order[slot%uint64(len(order))] }

// Rank returns the first slot of a validator.
func Rank(order []int, validator int) (slot int, ok bool) {
	for i, v := range order {
		if v == validator {
			return i, true
		}
	}
	return 0, false
}

// ErrNotAllowed is what every refusal by Check is.
var ErrNotAllowed = errors.New("the proposer wasn't allowed to")

// Earliest is the least time, in milliseconds since 1970, of a block of the slot.
func Earliest(parentTime, slot uint64) uint64 {
	return parentTime + slot*uint64(MinSlot.Milliseconds())
}

// Check tells whether a block of that proposer, slot and time may follow a parent of parentTime. Times in milliseconds
// since 1970. The future is judged by Future, because it is no property of the block.
func Check(order []int, proposer uint32, slot, blockTime, parentTime uint64) error {
	if slot > 1<<32 {
		return fmt.Errorf("%w: slot %d", ErrNotAllowed, slot)
	}
	if who := At(order, slot); who != int(proposer) {
		return fmt.Errorf("%w: slot %d is validator %d's and not %d's", ErrNotAllowed, slot, who, proposer)
	}
	if first := Earliest(parentTime, slot); blockTime < first {
		return fmt.Errorf("%w: slot %d begins %d ms after the block's time", ErrNotAllowed, slot, first-blockTime)
	}
	return nil
}

// Opens is when a block of a time is no longer in the future, as Future judges it.
func Opens(blockTime uint64) time.Time {
	return TimeOf(blockTime).Add(-MaxSkew)
}

// TimeOf is a block's time. Anybody may write a time that nobody will see into a block: it is ten thousand years ahead.
func TimeOf(blockTime uint64) time.Time { return time.UnixMilli(int64(min(blockTime, 1<<48))) }

// Future tells whether a block's time is too far ahead of now to be looked at yet.
func Future(blockTime uint64, now time.Time) bool {
	return blockTime > uint64(max(0, now.Add(MaxSkew).UnixMilli()))
}
