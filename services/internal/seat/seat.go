// Package seat tells who may put a candidate on a core in the next block, and in which context that candidate is made:
// what candidate-selection holds a collation against is what the collator has built it on, to the letter.
package seat

import (
	"bytes"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Seat is a core that waits for a para's candidate, or will when the one on it has become available.
type Seat struct {
	Core, Para uint32
	// Collator is the only one that may make the candidate; empty: any may.
	Collator []byte
	// Group are the validators that may back it.
	Group []uint32

	assumption runtimeapiv1.OccupiedCoreAssumption
	// before is the height of the relay parent of the candidate that is on the core; 0: there is none.
	before uint64
}

// All lists a leaf's seats, by core. The facts have groups and cores.
func All(f *leaf.Facts) (list []Seat) {
	for i, state := range f.Cores {
		group, ok := f.Rotation.GroupForCore(uint32(i), uint32(len(f.Groups)))
		s := Seat{Core: uint32(i), assumption: runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_FREE}
		next := state.GetScheduled()
		if o := state.GetOccupied(); o.GetNextUpOnAvailable() != nil {
			next, s.before = o.GetNextUpOnAvailable(), max(1, o.GetOccupiedSince())-1
			s.assumption = runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_INCLUDED
		}
		if ok && next != nil {
			s.Para, s.Collator, s.Group = next.GetPara(), next.GetCollator(), f.Groups[group]
			list = append(list, s)
		}
	}
	return list
}

// Admits tells whether the collator with that key may make the candidate.
func (s Seat) Admits(collator []byte) bool {
	return len(s.Collator) == 0 || bytes.Equal(s.Collator, collator)
}

// Data asks for what a candidate for the seat is validated against; nil: the relay chain has no such para.
func (s Seat) Data(sub *subsystem.Sub, relayParent primitives.Hash,
	then func(*primitivesv1.PersistedValidationData, error)) {
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_PersistedValidationData{
		PersistedValidationData: &runtimeapiv1.PersistedValidationData{Para: s.Para, Assumption: s.assumption}}}
	leaf.Question(sub, relayParent, q, func(a *runtimeapiv1.RuntimeApiAnswer, err error) {
		then(a.GetPersistedValidationData().GetData(), err)
	})
}

// Code asks for the code that judges a candidate for the seat on a relay parent of that height; nil: there is none.
func (s Seat) Code(sub *subsystem.Sub, relayParent primitives.Hash, number uint64,
	then func(*primitivesv1.BlobRef, error)) {
	code := &runtimeapiv1.ValidationCode{Para: s.Para, Number: number}
	if s.before > 0 {
		code.IntermediateNumber = &s.before
	}
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_ValidationCode{ValidationCode: code}}
	leaf.Question(sub, relayParent, q, func(a *runtimeapiv1.RuntimeApiAnswer, err error) {
		then(a.GetValidationCode().GetCode(), err)
	})
}
