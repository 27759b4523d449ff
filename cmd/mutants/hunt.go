package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

var errMissed = errors.New("not every planted bug is noticed")

// hunt plants all bugs, one after the other in each copy.
type hunt struct {
	root     string
	bugs     []bug
	parallel int
	whole    bool
	out      io.Writer

	mu     sync.Mutex
	trials []trial
}

func (h *hunt) run(ctx context.Context) error {
	if len(h.bugs) == 0 {
		return errors.New("there is no such bug; their names are those of the files in cmd/mutants/bugs")
	}
	begun := time.Now()
	var trees []*tree
	defer func() {
		for _, t := range trees {
			_ = t.close()
		}
	}()
	for range h.parallel {
		t, err := copyTree(ctx, h.root)
		if err != nil {
			return err
		}
		trees = append(trees, t)
	}
	if err := h.controls(ctx, trees); err != nil {
		return err
	}
	h.tryAll(ctx, trees)
	return h.conclude(ctx, time.Since(begun))
}

// controls runs each command without a bug.
func (h *hunt) controls(ctx context.Context, trees []*tree) error {
	var commands []string
	for _, b := range h.bugs {
		for _, c := range b.commands {
			if !slices.Contains(commands, c) {
				commands = append(commands, c)
			}
		}
	}
	begun := time.Now()
	errs := make([]error, len(commands))
	share(trees, len(commands), func(t *tree, n int) { errs[n] = t.control(ctx, commands[n]) })
	fmt.Fprintf(h.out, "%d commands without a bug: %.0f s\n", len(commands), time.Since(begun).Seconds())
	return errors.Join(append(errs, ctx.Err())...)
}

func (h *hunt) tryAll(ctx context.Context, trees []*tree) {
	share(trees, len(h.bugs), func(t *tree, n int) {
		if ctx.Err() == nil {
			h.note(t.try(ctx, h.bugs[n], h.whole))
		}
	})
}

func (h *hunt) note(tr trial) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trials = append(h.trials, tr)
	by := tr.by
	if tr.err != nil {
		by = "NOBODY"
	}
	fmt.Fprintf(h.out, "%-40s %5.1f s  %s\n", tr.bug.name, tr.took.Seconds(), by)
}

// share has the copies do a number of things, each of them by one.
func share(trees []*tree, things int, do func(t *tree, n int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for _, t := range trees {
		all.Go(func() {
			for n := range next {
				do(t, n)
			}
		})
	}
	for n := range things {
		next <- n
	}
	close(next)
	all.Wait()
}

func (h *hunt) conclude(ctx context.Context, took time.Duration) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("ended after %d of %d bugs: %w", len(h.trials), len(h.bugs), err)
	}
	var missed []error
	for _, tr := range h.trials {
		if tr.err != nil {
			missed = append(missed, tr.err)
		}
	}
	noticed := len(h.trials) - len(missed)
	fmt.Fprintf(h.out, "%d bugs planted, %d noticed, in %.0f s\n", len(h.trials), noticed, took.Seconds())
	if len(missed) > 0 {
		return fmt.Errorf("%w:\n%w", errMissed, errors.Join(missed...))
	}
	return nil
}
