// Package story puts together what became of a candidate, from what the parts of the validators' nodes remember that
// they did about it: every step, by whom and why, how far the candidate came, and what it lacks for the next thing to
// happen. It asks nobody.
package story

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
)

// Story is what became of a candidate.
type Story struct {
	Candidate string    `json:"candidate"` // its hash, as far as it is known
	Begins    time.Time `json:"begins,omitzero"`
	// Reached is how far it has come, and Missing what it lacks for the next thing to happen; empty: nothing.
	Reached string `json:"reached"`
	Missing string `json:"missing,omitempty"`
	Steps   []Step `json:"steps"`
	// Unheard are nodes that didn't answer, and parts of nodes that didn't, as node/part.
	Unheard []string `json:"unheard,omitempty"`
}

// Step is what one part of one node did, so many times, the first time at At.
type Step struct {
	Node string `json:"node"`
	gateway.Step
	Times int `json:"times"`
}

// Of tells the story of the candidate whose hash begins with these digits, from what nodes remember. Unheard are those
// that didn't answer. It is an error when there are several such candidates.
func Of(begins string, nodes []*gateway.Steps, unheard ...string) (*Story, error) {
	s := &Story{Candidate: begins, Steps: []Step{}, Unheard: slices.Clone(unheard)}
	if hashes := hashesOf(nodes); len(hashes) > 1 {
		return nil, fmt.Errorf("several hashes begin with %s: %s", begins, strings.Join(hashes, ", "))
	} else if len(hashes) == 1 {
		s.Candidate = hashes[0]
	}
	for _, n := range nodes {
		for _, part := range n.Silent {
			s.Unheard = append(s.Unheard, n.Node+"/"+part)
		}
		for _, step := range n.Steps {
			s.add(n.Node, step)
		}
	}
	slices.SortStableFunc(s.Steps, func(a, b Step) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Node, b.Node))
	})
	if len(s.Steps) > 0 {
		s.Begins = s.Steps[0].At
	}
	s.judge(len(nodes) + len(unheard))
	return s, nil
}

// hashesOf lists what all these steps are about, each once.
func hashesOf(nodes []*gateway.Steps) (hashes []string) {
	for _, n := range nodes {
		for _, step := range n.Steps {
			if h := step.About.String(); !slices.Contains(hashes, h) {
				hashes = append(hashes, h)
			}
		}
	}
	return hashes
}

// add takes a step; what was done again is counted.
func (s *Story) add(node string, step gateway.Step) {
	at := slices.IndexFunc(s.Steps, func(o Step) bool {
		return o.Node == node && o.Part == step.Part && o.What == step.What && o.Message == step.Message &&
			o.From == step.From
	})
	if at >= 0 {
		s.Steps[at].Times++
		return
	}
	s.Steps = append(s.Steps, Step{Node: node, Step: step, Times: 1})
}

// did lists the nodes that did something, each once, in order.
func (s *Story) did(things ...string) (nodes []string) {
	for _, step := range s.Steps {
		if slices.Contains(things, step.Part+" "+step.What) && !slices.Contains(nodes, step.Node) {
			nodes = append(nodes, step.Node)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// Print gives the story as rows of cells: first what there is to say of it, then its steps, with the time since it
// began.
func (s *Story) Print(row func(cells ...any)) {
	row("candidate", s.Candidate)
	if !s.Begins.IsZero() {
		row("first seen", s.Begins.Format("2006-01-02 15:04:05.000 MST"))
	}
	row("reached", s.Reached)
	if s.Missing != "" {
		row("missing", s.Missing)
	}
	if len(s.Unheard) > 0 {
		row("no answer", strings.Join(s.Unheard, ", "))
	}
	if len(s.Steps) > 0 {
		row()
		row("AFTER", "NODE", "PART", "STEP", "BECAUSE OF")
	}
	for _, step := range s.Steps {
		after := float64(step.At.Sub(s.Begins)) / float64(time.Millisecond)
		row(fmt.Sprintf("%.1f ms", after), step.Node, step.Part, step.label(), step.reason())
	}
}

func (s *Step) label() string {
	if s.Times > 1 {
		return fmt.Sprintf("%s, %d times", s.What, s.Times)
	}
	return s.What
}

func (s *Step) reason() string {
	if s.Message == "" {
		return "-"
	}
	return s.Message + " of " + s.From
}
