package consensus

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/core/snowball"
)

// The controls: what is known to be bad must be found out, or the other stories prove nothing. The same networks with
// the parameters that we use pass, so it is the parameters that are found out and not the slow links or the liar.

func TestThreeOfFiveIsSplitByAFlatterer(t *testing.T) {
	if testing.Short() {
		t.Skip("a network is one thread: the pass that looks for races would learn nothing from many")
	}
	const seeds = 40
	cfg := sim.Config{Calm: true}
	for seed := range uint64(seeds) {
		out := sim.Run(cfg, New(Config{Bad: ThreeOfFive}), seed)
		if len(out.Violations) == 0 {
			continue
		}
		if out.Violations[0].Invariant != "E1" || out.Faults["lies"] == 0 {
			t.Errorf("seed %d: %+v after %d lies", seed, out.Violations, out.Faults["lies"])
		}
		good := func(net *network) {
			net.params = snowball.For(5)
			net.faults = []sim.Fault{net.oneLiar(Flatter)}
		}
		fails(t, sim.Run(cfg, New(Config{Bad: ThreeOfFive, tune: good}), seed))
		return
	}
	t.Errorf("three of five decided and nobody was split in %d seeds: the simulation doesn't find what it has to", seeds)
}

// What is left of a split under faults of all kinds is a split, and the others can see it from what is printed.
func TestASplitIsShrunkToWhatItNeeds(t *testing.T) {
	if testing.Short() {
		t.Skip("a network is one thread: the pass that looks for races would learn nothing from many")
	}
	bad := New(Config{Bad: ThreeOfFive})
	for seed := range uint64(40) {
		out := sim.Run(sim.Config{}, bad, seed)
		if len(out.Violations) == 0 || len(out.On) < 3 {
			continue
		}
		small, last := sim.Shrink(t.Context(), sim.Config{}, bad, out)
		if len(last.On) >= len(out.On) || small.Duration >= 20*time.Second || last.Violations[0].Invariant != "E1" {
			t.Errorf("seed %d with %v is shrunk to %+v: %+v", seed, out.On, small, last.Violations)
		}
		if again := sim.Run(small, bad, seed); again.TraceHash != last.TraceHash {
			t.Errorf("seed %d: the smallest run isn't repeated", seed)
		}
		return
	}
	t.Error("no seed was split")
}

func TestFifteenOfTwentyStandsStill(t *testing.T) {
	if testing.Short() {
		t.Skip("a network is one thread: the pass that looks for races would learn nothing from many")
	}
	cfg := sim.Config{Calm: true, Duration: 10 * time.Second, Heal: 20 * time.Second}
	if out := sim.Run(cfg, New(Config{Bad: FifteenOfTwenty}), 0); out.Stuck == "" || out.Progress["heights"] > 0 {
		t.Errorf("twenty validators before many blocks decided: the simulation doesn't find what it has to; %v", out.Progress)
	}
	good := func(net *network) { net.params = snowball.For(20) }
	if out := sim.Run(cfg, New(Config{Bad: FifteenOfTwenty, tune: good}), 0); out.Progress["heights"] == 0 {
		t.Errorf("they stand still with the parameters that we use, too: %s", out.Stuck)
	}
}
