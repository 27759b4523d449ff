package candidatebacking

import (
	"slices"

	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
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
	if int(core) >= len(f.Cores) {
		return 0
	}
	return paraOf(f.Cores[core])
}

// paraOf is the para that uses a core, or will; 0: none.
func paraOf(state *primitivesv1.CoreState) uint32 {
	if o := state.GetOccupied(); o != nil {
		return o.GetNextUpOnAvailable().GetPara()
	}
	return state.GetScheduled().GetPara()
}

func (j *job) prepareCode(para uint32, asked func()) {
	code := &runtimeapiv1.ValidationCode{Para: para, Number: j.leaf.Number}
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_ValidationCode{ValidationCode: code}}
	leaf.Question(j.sub, j.leaf.Hash, q, func(a *runtimeapiv1.RuntimeApiAnswer, err error) {
		if code := a.GetValidationCode().GetCode(); err == nil && code != nil {
			j.sub.Send(&candidatevalidationv1.Prepare{ValidationCode: code})
			asked()
		}
	})
}
