package sim

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/snowball"
)

// The controls: what is known to be bad must be found out, or the other stories prove nothing. The same networks with the parameters
// that we use pass, so it is the parameters that are found out and not the slow links or the liar.

func TestThreeOfFiveIsSplitByAFlatterer(t *testing.T) {
	if testing.Short() {
		t.Skip("a network is one thread: the pass that looks for races would learn nothing from many")
	}
	const seeds = 40
	cfg := Config{Bad: ThreeOfFive, Calm: true}
	for seed := range uint64(seeds) {
		out := Run(cfg, seed)
		if len(out.Violations) == 0 {
			continue
		}
		if out.Violations[0].Invariant != "E1" || out.Count.Lies == 0 {
			t.Errorf("seed %d: %+v after %d lies", seed, out.Violations, out.Count.Lies)
		}
		good := cfg
		good.tune = func(p *plan) { p.params, p.lieOn = snowball.For(5), false }
		fails(t, Run(good, seed))
		return
	}
	t.Errorf("three of five decided for %d seeds and nobody was split: the simulation doesn't find what it has to", seeds)
}

func TestFifteenOfTwentyStandsStill(t *testing.T) {
	if testing.Short() {
		t.Skip("a network is one thread: the pass that looks for races would learn nothing from many")
	}
	cfg := Config{Bad: FifteenOfTwenty, Calm: true, Duration: 10 * time.Second, Heal: 20 * time.Second}
	if out := Run(cfg, 0); out.Stuck == "" || out.Height > 0 {
		t.Errorf("twenty validators before many blocks decided %d: the simulation doesn't find what it has to", out.Height)
	}
	cfg.tune = func(p *plan) { p.params = snowball.For(20) }
	if out := Run(cfg, 0); out.Height == 0 {
		t.Errorf("they stand still with the parameters that we use, too: %s", out.Stuck)
	}
}
