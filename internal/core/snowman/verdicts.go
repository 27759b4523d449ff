package snowman

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// verdict is what is known for ever of a block that isn't kept.
type verdict uint8

const (
	invalid verdict = iota + 1 // it breaks the rules, or builds on a block that does
	lost                       // another one was accepted in its place, or in that of one that it builds on
)

const (
	maxVerdicts = 4096 // ids, shared out among the accounts
	ofVerdicts  = 64   // of one account at least
)

// verdicts are the ids of blocks that were judged, so that nobody can have them fetched and judged again. Every account
// has its own, of which the oldest are forgotten.
type verdicts struct {
	known map[primitives.Hash]judged
	of    map[account][]primitives.Hash // oldest first
	most  int                           // of one account
}

type judged struct {
	verdict verdict
	parent  primitives.Hash
}

func newVerdicts(validators int) *verdicts {
	return &verdicts{
		known: make(map[primitives.Hash]judged), of: make(map[account][]primitives.Hash),
		most: part(maxVerdicts, ofVerdicts, validators),
	}
}

// mark remembers what was found of a block that was kept for an account. Once is enough.
func (v *verdicts) mark(b *block.Block, a account, found verdict) {
	id := b.ID()
	if _, known := v.known[id]; known {
		return
	}
	list := v.of[a]
	if len(list) == v.most {
		delete(v.known, list[0])
		list = list[1:]
	}
	v.known[id] = judged{verdict: found, parent: b.Parent}
	v.of[a] = append(list, id)
}

func (v *verdicts) isInvalid(id primitives.Hash) bool { return v.known[id].verdict == invalid }

func (v *verdicts) isLost(id primitives.Hash) bool { return v.known[id].verdict == lost }

// isJudged tells whether there is nothing to be learnt of a block.
func (v *verdicts) isJudged(id primitives.Hash) bool { return v.known[id].verdict != 0 }
