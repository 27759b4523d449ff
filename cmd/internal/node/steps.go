package node

import (
	"cmp"
	"slices"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/overseer"
)

// stepsOf puts together what a node's parts have said that they did.
func stepsOf(name string, r overseer.Report) *gateway.Steps {
	s := &gateway.Steps{Node: name, Steps: []gateway.Step{}}
	for _, box := range r.Subsystems {
		for _, in := range box.Instances {
			said, asked := r.Said[in.Generation]
			if asked && said == nil {
				s.Silent = append(s.Silent, box.Name)
			}
			for _, step := range said.GetSteps() {
				s.Steps = append(s.Steps, gateway.Step{
					At: timeIn(step.GetAt()), About: hashIn(step.GetAbout()), Part: box.Name, What: step.GetWhat(),
					Message: step.GetMessage(), From: step.GetFrom(),
				})
			}
		}
	}
	slices.SortStableFunc(s.Steps, func(a, b gateway.Step) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Part, b.Part))
	})
	return s
}
