package candidatebacking

import (
	"slices"

	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	seats "github.com/reevenet/reeve/services/internal/seat"
)

// prepare has the code made ready of the para that this validator's group backs, and of the one that it will back after
// the next rotation: compiling code takes longer than a candidate may wait.
func (j *job) prepare() {
	for i, para := range [...]uint32{j.own, j.afterRotation()} {
		if para != 0 && !slices.Contains(j.ready[:], para) {
			j.prepareCode(para, func() { j.ready[i] = para })
		}
	}
}

// afterRotation is the para that this validator's group will back then; 0: none that is known.
func (j *job) afterRotation() uint32 {
	r, f := j.facts.Rotation, j.facts
	own := slices.IndexFunc(f.Groups, func(g []uint32) bool { return f.Own >= 0 && slices.Contains(g, uint32(f.Own)) })
	if own < 0 || r.Frequency == 0 || r.Now < r.Start {
		return 0
	}
	r.Now += r.Frequency
	core, _ := r.CoreForGroup(uint32(own), uint32(len(f.Groups)))
	for _, s := range seats.All(f) {
		if s.Core == core {
			return s.Para
		}
	}
	return 0
}

func (j *job) prepareCode(para uint32, asked func()) {
	seats.Seat{Para: para}.Code(j.sub, j.leaf.Hash, j.leaf.Number, func(code *primitivesv1.BlobRef, err error) {
		if err == nil && code != nil {
			j.sub.Send(&candidatevalidationv1.Prepare{ValidationCode: code})
			asked()
		}
	})
}
