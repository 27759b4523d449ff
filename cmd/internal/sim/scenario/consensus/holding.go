package consensus

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// holding is what liars hold back. A held message leaves when it hurts: when others are seen to go another way than the
// one that hears it, or when its time is over. A poll asked meanwhile is as old as its oldest answer, and a vote comes
// when the round is past.
type holding struct {
	net *network
	// most is how long a message is held: less than whoever waits for an answer waits at first, and he learns to wait
	// longer.
	most time.Duration
	// eager: what hurts now isn't held any longer.
	eager bool
	held  []*held
}

// mostHeld bounds how long a message is held.
const mostHeld = 1800 * time.Millisecond

// held is a message that a liar hasn't sent yet.
type held struct {
	from, to int
	lane     nb.Lane
	frame    []byte
	about    subject
	plot     bool        // it waits for the victim of a plot
	until    func() bool // the victim has decided
	gone     bool
}

// subject is what a message is about: a place and, of an answer to a question, the block.
type subject struct {
	height uint64
	round  uint32
	block  primitives.Hash
}

func newHolding(net *network, r *rand.Rand) holding {
	return holding{net: net, most: virtual.Between(r, 50*time.Millisecond, mostHeld), eager: r.IntN(2) == 0}
}

func (w *holding) hold(h held) {
	w.held = append(w.held, &h)
	w.net.World.Clock.Do(w.most, func() { w.release(&h) })
}

func (w *holding) release(h *held) {
	if h.gone {
		return
	}
	h.gone = true
	w.held = slices.DeleteFunc(w.held, func(o *held) bool { return o == h })
	w.net.World.Network.Say(h.from, h.to, h.lane, h.frame)
}

// prefers takes notice of what a node is for: who is for something else hears now what he wanted to hear before.
func (w *holding) prefers(node int, height uint64, block primitives.Hash) {
	w.when(func(h *held) bool {
		return w.eager && !h.plot && h.to != node && h.about.height == height && !h.about.block.IsZero() &&
			h.about.block != block
	})
}

// votes takes notice of a node's vote: what it waited for in an earlier round comes now.
func (w *holding) votes(node int, height uint64, round uint32) {
	w.when(func(h *held) bool {
		return w.eager && !h.plot && h.to == node && h.about.block.IsZero() && h.about.height == height &&
			h.about.round < round
	})
}

// decided takes notice of somebody having decided a height: what was held back for that comes now.
func (w *holding) decided(height uint64) {
	w.when(func(h *held) bool { return h.plot && h.about.height == height && h.until() })
}

// when releases what hurts now.
func (w *holding) when(hurts func(*held) bool) {
	for _, h := range slices.Clone(w.held) {
		if hurts(h) {
			w.release(h)
		}
	}
}
