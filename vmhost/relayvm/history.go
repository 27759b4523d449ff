package relayvm

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/state"
)

// maxKept is of how many accepted blocks the state after them is kept, beside those of undecided ones.
const maxKept = 256

// header is a block without its body.
type header struct {
	ID              vmsdk.ID `json:"id"`
	Parent          vmsdk.ID `json:"parent"`
	ConsensusParent vmsdk.ID `json:"consensusParent"`
	Height          uint64   `json:"height"`
	Root            vmsdk.ID `json:"root"`
	Millis          int64    `json:"millis"`
}

// kept is a block whose state can be asked about.
type kept struct {
	header
	world *world
	state *state.State // for what isn't part of the world; read under VM.mu
}

// history is the blocks whose state is kept: the undecided ones, and those accepted last. On disk each has a record
// with what it takes to go back to the state below, so that a restart forgets nothing.
type history struct {
	mu       sync.RWMutex
	blocks   map[vmsdk.ID]*kept
	accepted []vmsdk.ID // ascending by height
}

// record is what is written of an accepted block.
type record struct {
	header
	Undo []piece `json:"undo"`
}

const keyHistory = "history/"

func historyKey(height uint64) []byte { return fmt.Appendf(nil, "%s%020d", keyHistory, height) }

func (h *history) open() { h.blocks = make(map[vmsdk.ID]*kept) }

// get is the block; nil: it isn't kept.
func (h *history) get(id vmsdk.ID) *kept {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.blocks[id]
}

// add keeps an undecided block.
func (h *history) add(k *kept) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.blocks[k.ID] = k
}

func (h *history) drop(id vmsdk.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.blocks, id)
}

// accept keeps an accepted block, and forgets the oldest one.
func (h *history) accept(batch *database.Batch, b *block) error {
	content, err := json.Marshal(record{header: b.after.header, Undo: b.undo})
	if err != nil {
		return err
	}
	batch.Put(historyKey(b.Height()), content)
	if b.Height() >= maxKept {
		batch.Delete(historyKey(b.Height() - maxKept))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.blocks[b.id] = b.after
	if h.accepted = append(h.accepted, b.id); len(h.accepted) > maxKept {
		delete(h.blocks, h.accepted[0])
		h.accepted = h.accepted[1:]
	}
	return nil
}

// ancestor walks down from a block to the one whose id in consensus this is, so many steps at most; nil: it isn't
// there.
func (h *history) ancestor(from *kept, consensus vmsdk.ID, most int) *kept {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for at := from; at != nil && most > 0; most-- {
		below := h.blocks[at.Parent]
		if at.ConsensusParent == consensus {
			return below
		}
		at = below
	}
	return nil
}

// ancestors are the consensus ids of the blocks below one, as far as they are known.
func (h *history) ancestors(of *kept, most int) (ids []vmsdk.ID) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for at := of; at != nil && at.Height > 0 && len(ids) < most; at = h.blocks[at.Parent] {
		ids = append(ids, at.ConsensusParent)
	}
	return ids
}
