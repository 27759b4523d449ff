// Package byzantine makes a liar of a validator, for drills on real networks (`reeve chaos byzantine`). The liar is the
// engine of production in a process of its own, on the node's own bus; what it would say to its peers passes through
// here, and something else is said in its place. What contradicts its own words is signed with the validator's key
// file, since the keystore refuses to.
//
// It knows what it has heard, and nothing else. It is never a part of a node that is run for anything else.
package byzantine

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is a way in which a validator is dishonest.
type Kind string

// The kinds. Equivocate, Wait and Flatter try to have two blocks decided at a height, Oppose, Silent and Garbage that
// none is.
const (
	Equivocate Kind = "equivocate"
	Wait       Kind = "wait"
	Flatter    Kind = "flatter"
	Oppose     Kind = "oppose"
	Silent     Kind = "silent"
	Garbage    Kind = "garbage"
)

// Kinds are all there are.
var Kinds = []Kind{Equivocate, Wait, Flatter, Oppose, Silent, Garbage}

var descriptions = map[Kind]string{
	Equivocate: "two blocks for each of its slots and two votes for each phase of a round, one for each half of the others",
	Wait:       "the truth, to each when it is nearly too late for him, and to all at different times",
	Flatter:    "that they are right, whoever asks, and votes for what they vote for; its own blocks come in twos",
	Oppose:     "that it prefers another block than they do, and votes for another one than it should, or for none",
	Silent:     "nothing at all",
	Garbage:    "what can't be read, or makes no sense",
}

// Describe says in a sentence what the others hear.
func (k Kind) Describe() string { return descriptions[k] }

// Parse reads a kind.
func Parse(text string) (Kind, error) {
	if slices.Contains(Kinds, Kind(text)) {
		return Kind(text), nil
	}
	names := make([]string, len(Kinds))
	for i, k := range Kinds {
		names[i] = string(k)
	}
	return "", fmt.Errorf("there is no kind of liar called %q, only %s", text, strings.Join(names, ", "))
}

// twins tells whether it shows half of the others another block of its own than the rest.
func (k Kind) twins() bool { return k == Equivocate || k == Flatter }

// Provable tells whether it signs two things for one place.
func (k Kind) Provable() bool { return k.twins() }
