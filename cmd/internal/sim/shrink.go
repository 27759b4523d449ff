package sim

import (
	"context"
	"slices"
	"time"
)

// shrinkBudget bounds the work of Shrink, in steps of the run that failed. A budget of time would make it find
// something else on another machine.
const shrinkBudget = 20

// shortest is the step of virtual time with which Shrink ends.
const shortest = 50 * time.Millisecond

// Shrink looks for the smallest run that fails as a run of cfg did: with fewer kinds of faults, for a shorter time,
// with fewer nodes. It returns what to run and what became of that: cfg and out themselves if nothing smaller fails
// in the same way.
func Shrink(ctx context.Context, cfg Config, scenario Builder, out Outcome) (Config, Outcome) {
	cfg = cfg.withDefaults()
	cfg.Nodes, cfg.Trace = out.Nodes, nil
	s := &shrinker{
		ctx: ctx, scenario: scenario, failure: out.failure(), cfg: cfg, out: out, budget: shrinkBudget * out.Steps,
	}
	for before := (Outcome{}); s.out.Steps != before.Steps; {
		before = s.out
		s.fewerFaults()
		s.shorter()
		s.fewerNodes()
	}
	return s.cfg, s.out
}

// shrinker holds the smallest run so far that fails in the same way.
type shrinker struct {
	ctx      context.Context
	scenario Builder
	failure  string
	cfg      Config
	out      Outcome
	budget   uint64 // steps that may still be run
}

// try runs a smaller configuration and keeps it if it fails in the same way. A scenario may insist on its number of
// nodes.
func (s *shrinker) try(smaller Config) bool {
	if s.budget == 0 || s.ctx.Err() != nil {
		return false
	}
	out := Run(smaller, s.scenario, s.out.Seed)
	s.budget -= min(s.budget, out.Steps)
	if out.failure() != s.failure || out.Nodes != smaller.Nodes {
		return false
	}
	s.cfg, s.out = smaller, out
	return true
}

// fewerFaults tries to do without all faults, and else without each.
func (s *shrinker) fewerFaults() {
	smaller := s.cfg
	if smaller.Only = []string{}; len(s.out.On) == 0 || s.try(smaller) {
		return
	}
	for _, kind := range s.out.On {
		smaller.Only = slices.DeleteFunc(slices.Clone(s.out.On), func(k string) bool { return k == kind })
		s.try(smaller)
	}
}

// shorter tries to end the faults earlier: before what happened, and then as early as possible.
func (s *shrinker) shorter() {
	smaller := s.cfg
	if len(s.out.Violations) > 0 && s.out.Virtual < s.cfg.Duration {
		smaller.Duration = s.out.Virtual.Truncate(time.Millisecond) + time.Millisecond
		s.try(smaller)
	}
	for step := s.cfg.Duration / 2; step >= shortest; step /= 2 {
		smaller = s.cfg
		smaller.Duration = (smaller.Duration - step).Truncate(time.Millisecond)
		s.try(smaller)
	}
}

// fewerNodes tries smaller networks.
func (s *shrinker) fewerNodes() {
	for step := s.cfg.Nodes / 2; step >= 1; step /= 2 {
		smaller := s.cfg
		if smaller.Nodes -= step; smaller.Nodes > 0 {
			s.try(smaller)
		}
	}
}
