package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"
)

// Report is what became of many seeds. Its JSON is a contract with scripts: fields are only ever added.
type Report struct {
	Seeds      int         `json:"seeds"`
	Validators int         `json:"validators"` // 0: between 5 and 13, by seed
	Violations []Violation `json:"violations"`
	Stuck      []uint64    `json:"stuck"`
	TraceHash  string      `json:"traceHash"` // over those of all seeds, in their order
	Steps      uint64      `json:"steps"`
	Seconds    float64     `json:"seconds"`

	Heights      uint64  `json:"heights"`        // accepted, over all seeds
	Transactions int     `json:"transactions"`   // final, over all seeds
	Virtual      float64 `json:"virtualSeconds"` // over all seeds
	Faults       Count   `json:"faults"`
}

// Failed tells whether anything is wrong.
func (r *Report) Failed() bool { return len(r.Violations) > 0 || len(r.Stuck) > 0 }

// Suite runs the seeds, so many at once; each alone is one thread. each is told of every outcome, in the order of the seeds.
func Suite(ctx context.Context, cfg Config, seeds []uint64, parallel int, each func(Outcome)) Report {
	begin := time.Now()
	r := Report{Seeds: len(seeds), Validators: cfg.Validators, Violations: []Violation{}, Stuck: []uint64{}}
	sum := sha256.New()
	for o := range outcomes(ctx, cfg, seeds, parallel) {
		r.add(o)
		sum.Write([]byte(o.TraceHash))
		each(o)
	}
	r.TraceHash, r.Seconds = hex.EncodeToString(sum.Sum(nil)), time.Since(begin).Seconds()
	return r
}

// outcomes runs seeds side by side and yields what became of them in order.
func outcomes(ctx context.Context, cfg Config, seeds []uint64, parallel int) func(yield func(Outcome) bool) {
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
					results[i] <- Run(cfg, seeds[i])
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
	r.Heights += o.Height
	r.Transactions += o.Final
	r.Virtual += o.Virtual.Seconds()
	r.Faults.add(o.Count)
}
