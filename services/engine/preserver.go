package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// preserver has the VM's host make blocks durable that this node may be bound to by its votes, one after the other.
// What it can't keep now is asked for again for as long as it is of use.
type preserver struct {
	sub    *subsystem.Sub
	chain  block.Chain
	useful func(height uint64) bool
	result func(snowman.Input)

	queue   []snowman.Keep
	busy    bool
	trouble string // why nothing can be kept now; empty: it can
	stopped bool
}

func (p *preserver) keep(a snowman.Keep) {
	p.queue = append(p.queue, a)
	p.next(0)
}

// next asks for the oldest one that is still of use. So at most those of one height wait here, three of them.
func (p *preserver) next(pause time.Duration) {
	if p.busy || p.stopped {
		return
	}
	p.queue = slices.DeleteFunc(p.queue, func(a snowman.Keep) bool { return !p.useful(a.Block.Height) })
	if len(p.queue) > 0 {
		p.busy = true
		p.ask(p.queue[0], pause)
	}
}

func (p *preserver) ask(a snowman.Keep, pause time.Duration) {
	id := a.Block.ID()
	q := &vmv1.KeepBlock{
		BlockId: id[:], Height: a.Block.Height, ConsensusBlock: a.Block.Bytes(), Also: a.Also[:],
		Proof: a.Proof,
	}
	subsystem.Ask(p.sub, q, askTimeout, func(r *vmv1.KeepBlockResponse, err error) {
		if why := troubleOf(err, r.GetError()); why != "" {
			p.again(why, pause)
			return
		}
		p.busy, p.trouble = false, ""
		p.queue = p.queue[1:]
		p.result(snowman.BlockKept{Number: a.Number})
		p.next(0)
	})
}

func (p *preserver) again(why string, pause time.Duration) {
	if p.trouble == "" {
		p.sub.Log.Warn("a block can't be kept now, and isn't voted for; the VM's host will be asked again", "err", why)
	}
	p.trouble = why
	pause = longer(pause)
	p.sub.After(pause, func() {
		p.busy = false
		p.next(pause)
	})
}

func troubleOf(err error, failure *pluginv1.Error) string {
	switch {
	case err != nil:
		return err.Error()
	case failure != nil:
		return describe(failure)
	}
	return ""
}

// restore finds the blocks again that this node is bound to by its votes, with what was kept with them.
func (p *preserver) restore(own ownVotes, then func([]snowman.Restored)) {
	ids := boundTo(own.votes)
	var kept []snowman.Restored
	var next func(i int)
	next = func(i int) {
		if i == len(ids) {
			then(kept)
			return
		}
		p.find(ids[i], 0, func(r *vmv1.GetKeptBlockResponse) {
			if len(r.GetConsensusBlock()) > 0 {
				kept = p.append(kept, r)
			}
			next(i + 1)
		})
	}
	next(0)
}

func (p *preserver) append(kept []snowman.Restored, r *vmv1.GetKeptBlockResponse) []snowman.Restored {
	b, err := block.Decode(p.chain, r.GetConsensusBlock())
	if err != nil { // others have it, too, or nobody has decided it
		p.sub.Log.Error("a block that was kept is damaged", "err", err)
		return kept
	}
	return append(kept, snowman.Restored{Block: b, Proof: r.GetProof()})
}

// boundTo lists the block of the latest commit vote, and that of the latest vote at all.
func boundTo(votes []finality.Signed) (ids []primitives.Hash) {
	latest := slices.Clone(votes)
	slices.SortFunc(latest, func(a, b finality.Signed) int {
		return cmp.Or(cmp.Compare(b.Round, a.Round), cmp.Compare(b.Phase, a.Phase))
	})
	for _, binds := range []func(finality.Signed) bool{
		func(v finality.Signed) bool { return v.Phase == finality.Commit && v.Block != finality.None },
		func(v finality.Signed) bool { return v.Block != finality.None },
	} {
		if i := slices.IndexFunc(latest, binds); i >= 0 && !slices.Contains(ids, latest[i].Block) {
			ids = append(ids, latest[i].Block)
		}
	}
	return ids
}

// find asks for a block until there is an answer; one without a block: it isn't kept.
func (p *preserver) find(id primitives.Hash, pause time.Duration, found func(*vmv1.GetKeptBlockResponse)) {
	p.sub.After(pause, func() {
		q := &vmv1.GetKeptBlock{BlockId: id[:]}
		subsystem.Ask(p.sub, q, askTimeout, func(r *vmv1.GetKeptBlockResponse, err error) {
			switch why := troubleOf(err, r.GetError()); {
			case p.stopped:
			case why != "" && r.GetError().GetNotFound() == nil:
				p.trouble = why
				p.find(id, longer(pause), found)
			default:
				p.trouble = ""
				found(r)
			}
		})
	})
}
