package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"sync"
	"time"
)

// Report is what became of many seeds. Its JSON is a contract with scripts: fields are only ever added.
type Report struct {
	Seeds      int         `json:"seeds"`      // that were run, less than asked for if it was interrupted
	Nodes      int         `json:"validators"` // 0: the scenario drew them, by seed
	Violations []Violation `json:"violations"`
	Stuck      []uint64    `json:"stuck"`
	TraceHash  string      `json:"traceHash"` // over those of all seeds, in their order
	Steps      uint64      `json:"steps"`
	Seconds    float64     `json:"seconds"`
	Virtual    float64     `json:"virtualSeconds"` // over all seeds
	Faults     Counts      `json:"faults"`         // over all seeds

	Progress Counts `json:"-"` // over all seeds; who shows it knows the scenario
}

// Failed tells whether anything is wrong.
func (r *Report) Failed() bool { return len(r.Violations) > 0 || len(r.Stuck) > 0 }

// Suite runs the seeds, so many at once; each alone is one thread. each is called with every outcome, in the order
// of the seeds.
func Suite(ctx context.Context, cfg Config, scenario Builder, seeds []uint64, parallel int, each func(Outcome)) Report {
	begin := time.Now()
	r := Report{
		Nodes: cfg.Nodes, Violations: []Violation{}, Stuck: []uint64{},
		Faults: Counts{}, Progress: Counts{},
	}
	sum := sha256.New()
	for o := range outcomes(ctx, seeds, parallel, func(seed uint64) Outcome { return Run(cfg, scenario, seed) }) {
		r.Seeds++
		r.add(o)
		sum.Write([]byte(o.TraceHash))
		each(o)
	}
	r.TraceHash, r.Seconds = hex.EncodeToString(sum.Sum(nil)), time.Since(begin).Seconds()
	return r
}

// outcomes runs seeds side by side and yields what became of them in order.
func outcomes(ctx context.Context, seeds []uint64, parallel int, run func(uint64) Outcome) iter.Seq[Outcome] {
	return func(yield func(Outcome) bool) {
		results := make([]chan Outcome, len(seeds))
		for i := range results {
			results[i] = make(chan Outcome, 1)
		}
		next := make(chan int)
		ctx, cancel := context.WithCancel(ctx)
		var workers sync.WaitGroup
		defer workers.Wait()
		defer cancel()
		for range max(1, parallel) {
			workers.Go(func() {
				for i := range next {
					results[i] <- run(seeds[i])
				}
			})
		}
		workers.Go(func() {
			defer close(next)
			for i := range seeds {
				select {
				case next <- i:
				case <-ctx.Done():
					return
				}
			}
		})
		for _, result := range results {
			select {
			case o := <-result:
				if !yield(o) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func (r *Report) add(o Outcome) {
	r.Violations = append(r.Violations, o.Violations...)
	if o.Stuck != "" {
		r.Stuck = append(r.Stuck, o.Seed)
	}
	r.Steps += o.Steps
	r.Virtual += o.Virtual.Seconds()
	r.Faults.add(o.Faults)
	r.Progress.add(o.Progress)
}
