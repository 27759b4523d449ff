package consensus

import (
	"math/rand/v2"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Lie is a way in which a validator is dishonest, for as long as the run lasts. A liar knows everything that anybody
// has said so far. It signs with its own key whatever it likes, without asking its keystore.
type Lie string

// The lies. What they are good for: Wait, Plot, Split and Flatter try to have two blocks decided, Oppose, Silent,
// Garbage and Leave that none is, Equivocate both.
const (
	// Wait agrees with whoever asks, and lets him wait: what he hears is as old as it may be, or comes when others are
	// seen to prefer something else.
	Wait Lie = "wait"
	// Plot chooses what to say to whom, and when, so that one node decides another block than the rest. See plots.
	Plot Lie = "plot"
	// Split tells one half of the others another story than the other half.
	Split Lie = "split"
	// Flatter agrees with whoever asks, at once, and votes whatever he votes.
	Flatter Lie = "flatter"
	// Oppose never agrees.
	Oppose Lie = "oppose"
	// Silent takes part and says nothing.
	Silent Lie = "silent"
	// Equivocate shows two blocks for one slot and gives two votes where it has one.
	Equivocate Lie = "equivocate"
	// Garbage says what can't be read, or makes no sense.
	Garbage Lie = "garbage"
	// Random says anything that others might say.
	Random Lie = "random"
	// Leave is honest, and goes for good with the first power cut of the whole site, or when all heals. What the others
	// have heard from it alone is lost to them when they have lost power, too.
	Leave Lie = "leave"
)

var Lies = []Lie{Wait, Plot, Split, Flatter, Oppose, Silent, Equivocate, Garbage, Random, Leave}

// twins tells whether a liar that proposes shows half of the others another block than the rest. It gives those who lie
// about what they prefer something to lie about.
func (l Lie) twins() bool {
	return l == Wait || l == Plot || l == Split || l == Flatter || l == Equivocate
}

// votesBack tells whether a liar answers somebody's votes with votes of its own.
func (l Lie) votesBack() bool { return l != Silent && l != Garbage && l != Leave && l != "" }

// asked is the situation in which a liar says which block it is for.
type asked struct {
	to      int             // who will hear it
	of      int             // how many nodes there are
	wants   primitives.Hash // what that one is for itself
	truth   primitives.Hash // what the liar would say if it were honest
	nothing primitives.Hash // what stands for none of the blocks
	options []primitives.Hash
}

// says is what a liar claims to be for.
func (l Lie) says(r *rand.Rand, a asked) primitives.Hash {
	switch l {
	case Wait, Flatter, Plot:
		return a.wants
	case Split:
		return a.story(2 * a.to / a.of)
	case Oppose:
		return a.another(a.wants)
	case Random:
		if i := r.IntN(len(a.options) + 1); i < len(a.options) {
			return a.options[i]
		}
		return a.nothing
	}
	return a.truth
}

// story is one of two things that can be told.
func (a asked) story(which int) primitives.Hash {
	if which < len(a.options) {
		return a.options[which]
	}
	return a.nothing
}

// another is something else than a block.
func (a asked) another(than primitives.Hash) primitives.Hash {
	i := slices.IndexFunc(a.options, func(o primitives.Hash) bool { return o != than })
	switch {
	case i >= 0:
		return a.options[i]
	case a.nothing != than:
		return a.nothing
	}
	return a.truth
}
