package node

import (
	"context"
	"log/slog"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
)

// lookEvery is how often a node looks at its own checks, whether or not somebody asks for its health.
const lookEvery = 2 * time.Second

// unwell logs which checks fail and hold again, so that what nobody has asked for in time can be read later. What fails
// at one look alone, as at every start and end of a part, isn't worth a line.
type unwell struct {
	log   *slog.Logger
	known map[string]*failing // by name and instance
}

type failing struct {
	gateway.Check
	told bool
}

// watchChecks looks at the checks until ctx ends.
func watchChecks(ctx context.Context, log *slog.Logger, checks func(context.Context) []gateway.Check) error {
	u := unwell{log: log, known: map[string]*failing{}}
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			look, done := context.WithTimeout(ctx, lookEvery)
			u.see(checks(look))
			done()
		}
	}
}

// see takes what the checks are now.
func (u *unwell) see(list []gateway.Check) {
	now := map[string]*failing{}
	for _, c := range list {
		key := c.Name + " " + c.Instance
		was := u.known[key]
		switch {
		case !c.OK && was == nil:
			now[key] = &failing{Check: c}
		case !c.OK:
			u.fails(was, c)
			now[key] = was
		case was != nil && was.told:
			u.log.Info("a check holds again", "check", c.Name, "instance", c.Instance, "failed_since", was.Since.UTC())
		}
	}
	u.known = now
}

// fails tells of a check that failed at the last look, too.
func (u *unwell) fails(was *failing, c gateway.Check) {
	if !was.told {
		u.log.Warn("a check fails", "check", c.Name, "instance", c.Instance, "since", c.Since.UTC(), "err", c.Cause)
	}
	was.Check, was.told = c, true
}
