// Package fate follows what the blocks of the relay chain do to candidates: which they put on a core, include, or drop.
// It tells of every block that becomes a leaf, and of those before it that were never one here, in their order, and
// asks runtime-api about each once. It decides nothing.
package fate

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

const (
	// maxMissed is how many blocks before a leaf are looked at if they were no leaves here: a node that comes back from
	// further away has missed what became of the candidates of that time.
	maxMissed = 16
	// maxWaiting is how many blocks may wait for their turn; of more the oldest are passed over.
	maxWaiting = 64
	// maxSeen is how many blocks are remembered, so that none is told of twice.
	maxSeen = 256
	// again is the pause before a question that couldn't be answered for now is asked again, and attempts how often.
	again    = 100 * time.Millisecond
	attempts = 20
)

// Block is one of the relay chain's.
type Block struct {
	Hash, Parent primitives.Hash
	Number       uint64
}

// Follower follows the relay chain.
type Follower struct {
	Sub *subsystem.Sub
	// Chain is the relay chain's name.
	Chain string
	// Told takes a block and all that it did to candidates, in the order in which it did it.
	Told func(Block, []*runtimeapiv1.CandidateEvent)

	seen    map[primitives.Hash]bool
	order   []primitives.Hash // of seen, oldest first
	waiting []Block
	busy    bool
}

// Asks lists what a follower asks, for a Spec.
func Asks() []proto.Message { return []proto.Message{&runtimeapiv1.Request{}} }

// Signal takes the relay chain's leaves.
func (f *Follower) Signal(sig *overseerv1.Signal) {
	s := sig.GetStartWork()
	hash, err := primitives.HashFrom(s.GetHash())
	if s == nil || sig.GetChain() != f.Chain || err != nil || f.seen[hash] {
		return
	}
	parent, _ := primitives.HashFrom(s.GetParent())
	first := len(f.seen) == 0
	f.note(hash)
	f.waiting = append(f.waiting, Block{Hash: hash, Parent: parent, Number: s.GetNumber()})
	if first {
		f.note(parent) // what was before the beginning isn't looked at
	}
	f.waiting = f.waiting[max(0, len(f.waiting)-maxWaiting):]
	f.next()
}

func (f *Follower) note(h primitives.Hash) {
	if f.seen == nil {
		f.seen = map[primitives.Hash]bool{}
	}
	if f.seen[h] {
		return
	}
	f.seen[h] = true
	if f.order = append(f.order, h); len(f.order) > maxSeen {
		delete(f.seen, f.order[0])
		f.order = f.order[1:]
	}
}

// next looks at the block whose turn it is, after those before it that nobody has told of.
func (f *Follower) next() {
	if f.busy || len(f.waiting) == 0 {
		return
	}
	f.busy = true
	b := f.waiting[0]
	f.waiting = f.waiting[1:]
	if f.seen[b.Parent] || b.Parent.IsZero() {
		f.look([]Block{b})
		return
	}
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_Ancestors{
		Ancestors: &runtimeapiv1.Ancestors{Count: maxMissed}}}
	f.ask(b.Hash, q, attempts, func(a *runtimeapiv1.RuntimeApiAnswer) { f.look(f.missed(b, a.GetAncestors().GetHashes())) })
}

// missed are a block and those before it that weren't told of, oldest first.
func (f *Follower) missed(b Block, ancestors [][]byte) []Block {
	list := []Block{b}
	for _, raw := range ancestors {
		h, err := primitives.HashFrom(raw)
		last := &list[0]
		if err != nil || f.seen[h] || last.Number == 0 {
			break
		}
		f.note(h)
		last.Parent = h
		list = append([]Block{{Hash: h, Number: last.Number - 1}}, list...)
	}
	return list
}

// look asks what the blocks have done, one after the other, and tells.
func (f *Follower) look(blocks []Block) {
	if len(blocks) == 0 {
		f.busy = false
		f.next()
		return
	}
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_CandidateEvents{
		CandidateEvents: &runtimeapiv1.CandidateEvents{}}}
	f.ask(blocks[0].Hash, q, attempts, func(a *runtimeapiv1.RuntimeApiAnswer) {
		f.Told(blocks[0], a.GetCandidateEvents().GetEvents())
		f.look(blocks[1:])
	})
}

// ask asks as long as that can help. What can't be known is as if nothing had happened: whoever follows has a last word
// of its own.
func (f *Follower) ask(at primitives.Hash, q *runtimeapiv1.RuntimeApiRequest, left int,
	then func(*runtimeapiv1.RuntimeApiAnswer)) {
	leaf.Question(f.Sub, at, q, func(a *runtimeapiv1.RuntimeApiAnswer, err error) {
		switch {
		case err == nil:
			then(a)
		case left > 0 && leaf.Temporary(err):
			f.Sub.After(again, func() { f.ask(at, q, left-1, then) })
		default:
			f.Sub.Log.Debug("what a block did to candidates can't be known", "block", at.Short(), "err", err)
			then(nil)
		}
	})
}
