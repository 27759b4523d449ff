package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/consensus"
)

// The command that is printed for a failure is one that reeve sim understands, and it means the same run.
func TestTheCommandThatRepeatsASimulationIsUnderstood(t *testing.T) {
	want := simOptions{scenario: consensus.Config{
		Heights: 7, Bad: consensus.QuorumOfHalf, Lies: []consensus.Lie{consensus.Wait, consensus.Garbage},
	}}
	for _, only := range [][]string{nil, {}, {"loss", "power"}} {
		want.cfg = sim.Config{
			Nodes: 6, Duration: 1700 * time.Millisecond, Heal: time.Minute, Calm: only == nil, Only: only,
			Points: []sim.Point{{Node: 3, Process: "engine", Sent: true, After: 7}, {Process: sim.Overseer, After: 1}},
		}
		words := strings.Fields(want.command(42, want.cfg))
		var got simOptions
		f := got.flags()
		if err := f.Parse(words[2:]); err != nil {
			t.Fatal(err)
		}
		if err := got.check(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.cfg, got.cfg); diff != "" || got.seed != 42 {
			t.Errorf("%v is seed %d\n%s", words, got.seed, diff)
		}
		same := got.scenario.Bad == want.scenario.Bad && got.scenario.Heights == want.scenario.Heights
		if !same || !slices.Equal(got.scenario.Lies, want.scenario.Lies) {
			t.Errorf("%v is %+v", words, got.scenario)
		}
	}
}

func TestWhatTheSimulatorDoesNotKnowIsRefused(t *testing.T) {
	for known, o := range map[string]simOptions{
		"partition":      {cfg: sim.Config{Only: []string{"loss", "gremlins"}}},
		"equivocate":     {lies: []string{"wait", "boast"}},
		"engine/sends/7": {dieAt: []string{"0/engine/7"}},
	} {
		o.seeds = 1
		if err := o.check(); err == nil || !strings.Contains(err.Error(), known) {
			t.Errorf("%v should name %s", err, known)
		}
	}
}
