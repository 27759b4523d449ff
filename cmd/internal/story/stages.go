package story

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// stage is how far a candidate has come when some part has done one of these things, each "part what".
type stage struct {
	reached string
	things  []string
	// missing says what it lacks for the next stage.
	missing func(s *Story, nodes int) string
}

// The things that are counted, too.
const (
	seconded = "candidate-backing seconded"
	valid    = "candidate-backing valid"
	invalid  = "candidate-backing invalid"
	claims   = "bitfield-signing bitfield"
	timedOut = "availability-store time out"
)

// What a candidate lacks at stages where nothing has to be counted.
const (
	notChosen = "no validator has chosen it: of each para one candidate is proposed for a relay parent, by the group " +
		"that serves the para's core, while the relay parent is a leaf"
	notTaken = "candidate-backing hasn't taken it up: its relay parent is no leaf any more, its para isn't on the core " +
		"of this group, or another candidate was seconded"
	noProof   = "nobody validates it: its proof of validity hasn't come"
	noVerdict = "its validation has no end yet, was given up, or found it invalid before anybody had signed for it"
	noVote    = "nobody has signed for it: the validator that holds its data abstains, or its keystore refuses"
	noCore    = "no block has put it on a core: a proposer needs it while its relay parent is a leaf, and the core free"
	notFinal  = "no block that includes it is final yet"
	forgotten = "no node remembers anything of it: it was submitted to none, or so long ago that they have forgotten"
)

// stages are in the order in which a candidate comes to them. What a part that has started again has forgotten doesn't
// matter: the candidate has come as far as the last of them that anybody knows of.
var stages = []stage{
	{"submitted by its collator", []string{
		"collator offer", "collator submit", "candidate-selection submit", "candidate-selection fetch",
	}, say(notChosen)},
	{"chosen", []string{"candidate-selection select", "candidate-selection propose"}, say(notTaken)},
	{"known to its group", []string{"candidate-backing second"}, say(noProof)},
	{"being fetched", []string{"candidate-backing fetch pov", "pov-distribution fetch pov"}, say(noProof)},
	{"being validated", []string{"candidate-validation validate", "candidate-validation judge"}, say(noVerdict)},
	{"stored by who validates it", []string{"availability-store store"}, say(noVote)},
	{"voted on", []string{
		seconded, valid, invalid, "candidate-backing statement", "candidate-backing vote",
		"statement-distribution share", "statement-distribution statement",
	}, (*Story).quorum},
	{"backed by its group", []string{"candidate-backing back"}, say(noCore)},
	{"on a core", []string{
		"availability-store core", "availability-store chunk", "availability-distribution chunk", claims, timedOut,
	}, (*Story).chunks},
	{"included", []string{"availability-store include"}, say(notFinal)},
	{"final", []string{"availability-store final"}, say("")},
}

func say(text string) func(*Story, int) string { return func(*Story, int) string { return text } }

// judge tells how far the candidate has come, and what it lacks.
func (s *Story) judge(nodes int) {
	for _, st := range slices.Backward(stages) {
		if len(s.did(st.things...)) > 0 {
			s.Reached, s.Missing = st.reached, st.missing(s, nodes)
			return
		}
	}
	s.Reached, s.Missing = "nothing", forgotten
}

// quorum says whose votes there are.
func (s *Story) quorum(int) string {
	var votes []string
	for _, v := range []struct{ vote, word string }{
		{seconded, "seconded"}, {valid, "called valid"}, {invalid, "called invalid"},
	} {
		if by := s.did(v.vote); len(by) > 0 {
			votes = append(votes, v.word+" by "+strings.Join(by, ", "))
		}
	}
	if votes == nil {
		votes = []string{"none of these nodes has voted"}
	}
	return "it has no quorum, which is more than half of its group: " + strings.Join(votes, "; ")
}

// chunks says who holds its chunk, as far as is known.
func (s *Story) chunks(nodes int) string {
	held, needed := s.did(claims), primitives.Supermajority(nodes)
	have := fmt.Sprintf("%d of %d validators say that they hold their chunk, and %d must", len(held), nodes, needed)
	if len(held) > 0 {
		have += ": " + strings.Join(held, ", ")
	}
	switch {
	case len(s.did(timedOut)) > 0:
		return "it was dropped from its core, because too few chunks came in time: " + have
	case len(held) >= needed:
		return "a block with their bitfields: " + have
	}
	return "bitfields: " + have
}
