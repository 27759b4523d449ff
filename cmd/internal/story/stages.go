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

// The things that several stages look at.
var (
	seconded = "candidate-backing seconded"
	valid    = "candidate-backing valid"
	invalid  = "candidate-backing invalid"
	claims   = "bitfield-signing bitfield"
	timedOut = "availability-store time out"
)

// stages are in the order in which a candidate comes to them. What a part that has started again has forgotten doesn't
// matter: the candidate has come as far as the last of them that anybody knows of.
var stages = []stage{
	{"submitted by its collator", []string{
		"collator collate", "collator offer", "collator submit", "candidate-selection submit", "candidate-selection fetch",
	}, say("no validator has chosen it: one candidate of a para is proposed for each relay parent, by the validators of " +
		"the group that serves the para's core, and only while the relay parent is a leaf")},
	{"chosen", []string{"candidate-selection select", "candidate-selection propose"},
		say("candidate-backing hasn't taken it up: its relay parent has ceased to be a leaf, its para isn't on the core " +
			"of this group, or another candidate was seconded")},
	{"known to its group", []string{"candidate-backing second", "candidate-backing statement"},
		say("nobody validates it: its proof of validity hasn't come")},
	{"being fetched", []string{"candidate-backing fetch pov", "pov-distribution fetch pov"},
		say("nobody validates it: its proof of validity hasn't come")},
	{"being validated", []string{"candidate-validation validate", "candidate-validation judge"},
		say("its validation has no end yet, was given up, or found it invalid before anybody had signed for it")},
	{"stored by who validates it", []string{"availability-store store"},
		say("nobody has signed for it: the validator that holds its data abstains, or its keystore refuses")},
	{"voted on", []string{seconded, valid, invalid}, (*Story).quorum},
	{"backed by its group", []string{"candidate-backing back"},
		say("no block has put it on a core: until its relay parent ceases to be a leaf a proposer needs it, and its core free")},
	{"on a core", []string{
		"availability-store core", "availability-store chunk", "availability-distribution chunk", claims, timedOut,
	}, (*Story).chunks},
	{"included", []string{"availability-store include"}, say("no block above it is final yet")},
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
	s.Reached = "nothing"
	s.Missing = "no node remembers anything of it: it was submitted to none of them, or so long ago that they have forgotten"
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
	return "it has no quorum: " + strings.Join(votes, "; ") + "; more than half of its group must second it or call it valid"
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
