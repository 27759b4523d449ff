package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/consensus"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/parachain"
)

// The command that is printed for a failure is one that reeve sim understands, and it means the same run.
func TestTheCommandThatRepeatsASimulationIsUnderstood(t *testing.T) {
	want := simOptions{
		scenario: consensusScenario, heights: 7, bad: string(consensus.QuorumOfHalf),
		lies: []string{string(consensus.Wait), string(consensus.Garbage)},
	}
	for _, only := range [][]string{nil, {}, {"loss", "power"}} {
		if len(only) > 0 {
			want.scenario, want.bad = "parachain", string(parachain.CodeUnchecked)
			want.lies = []string{string(parachain.Garbage)}
		}
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
		same := got.scenario == want.scenario && got.bad == want.bad && got.heights == want.heights
		if !same || !slices.Equal(got.lies, want.lies) {
			t.Errorf("%v is %+v", words, got)
		}
	}
}

func TestWhatTheSimulatorDoesNotKnowIsRefused(t *testing.T) {
	for known, o := range map[string]simOptions{
		"partition":      {cfg: sim.Config{Only: []string{"loss", "gremlins"}}},
		"equivocate":     {lies: []string{"wait", "boast"}},
		"engine/sends/7": {dieAt: []string{"0/engine/7"}},
	} {
		o.seeds, o.scenario = 1, consensusScenario
		if err := o.check(); err == nil || !strings.Contains(err.Error(), known) {
			t.Errorf("%v should name %s", err, known)
		}
	}
}
