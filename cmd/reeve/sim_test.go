package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/consensus"
)

// The command that is printed for a failure is one that reeve sim understands, and it means the same run.
func TestTheCommandThatRepeatsASimulationIsUnderstood(t *testing.T) {
	want := simOptions{scenario: consensus.Config{Heights: 7, Bad: consensus.QuorumOfHalf}}
	for _, only := range [][]string{nil, {}, {"loss", "power"}} {
		want.cfg = sim.Config{
			Nodes: 6, Duration: 1700 * time.Millisecond, Heal: time.Minute, Calm: only == nil, Only: only,
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
		if got.scenario.Bad != want.scenario.Bad || got.scenario.Heights != want.scenario.Heights {
			t.Errorf("%v is %+v", words, got.scenario)
		}
	}
}

func TestAnUnknownKindOfFaultIsRefused(t *testing.T) {
	o := simOptions{seeds: 1, cfg: sim.Config{Only: []string{"loss", "gremlins"}}}
	if err := o.check(); err == nil || !strings.Contains(err.Error(), "partition") {
		t.Errorf("%v", err)
	}
}
