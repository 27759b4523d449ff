package knowledge

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
)

const (
	// maxSeconded is how many candidates of one validator a relay parent has: two are enough to prove that the
	// validator has seconded more than one.
	maxSeconded = 2
	// perCandidate times the number of validators is how many statements about one candidate go to a peer, and come
	// from it. An honest validator makes one.
	perCandidate = 2
	// maxWords is how many statements of one validator a relay parent has. An honest validator makes one about each
	// candidate of its own group, so this is enough for groups of 32 in which everybody seconds two.
	maxWords = 64
	// maxSignatures is how many signatures are kept of one statement: two are enough to prove that there are two.
	maxSignatures = 2
)

// fingerprint is what a statement says, whatever its signature.
type fingerprint struct {
	verdict   signbytes.Verdict
	candidate primitives.Hash
	validator uint32
}

func fingerprintOf(s statements.Signed) fingerprint {
	return fingerprint{s.Verdict, s.Candidate, s.Validator}
}

// flow is what has gone one way between two nodes about a relay parent.
type flow struct {
	said     map[fingerprint]struct{}
	seconded map[uint32][]primitives.Hash // by validator, at most maxSeconded
	words    map[uint32]int               // by validator
	about    map[primitives.Hash]int
}

func newFlow() flow {
	return flow{
		said: map[fingerprint]struct{}{}, seconded: map[uint32][]primitives.Hash{}, words: map[uint32]int{},
		about: map[primitives.Hash]int{},
	}
}

func (f *flow) has(s statements.Signed) bool {
	_, said := f.said[fingerprintOf(s)]
	return said
}

// third tells whether the statement is the validator's third candidate.
func (f *flow) third(s statements.Signed) bool {
	return s.Verdict == signbytes.Seconded && isThird(f.seconded[s.Validator], s.Candidate)
}

// floods tells whether there have been enough statements about the candidate, or of the validator.
func (f *flow) floods(s statements.Signed, validators int) bool {
	return f.about[s.Candidate] >= perCandidate*validators || f.words[s.Validator] >= maxWords
}

func (f *flow) add(s statements.Signed) {
	f.said[fingerprintOf(s)] = struct{}{}
	f.words[s.Validator]++
	f.about[s.Candidate]++
	if of := f.seconded[s.Validator]; s.Verdict == signbytes.Seconded {
		f.seconded[s.Validator] = append(of, s.Candidate)
	}
}

func isThird(of []primitives.Hash, candidate primitives.Hash) bool {
	return len(of) >= maxSeconded && !slices.Contains(of, candidate)
}
