package vmhost

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/process/supervise"
)

// openFirst and openLast bound the time for which the breaker is open; it doubles each time.
const (
	openFirst = time.Minute
	openLast  = 16 * time.Minute
)

// open is the breaker: nothing is asked of the chain's VM until it is tried again.
func (l *life) open(cause string) {
	wait := min(openFirst<<min(l.opened, 10), openLast)
	l.opened++
	l.cause = fmt.Sprintf("%s. It is tried again after %v, and at once by %s", cause, wait, restartCommand(l.chain))
	l.enter(supervise.Quarantined)
	l.sub.Log.Error("the chain is degraded: its VM isn't started again for a while", "err", l.cause)
	l.events.down(true)
	opened := l.opened
	l.sub.After(wait, func() {
		if l.state == supervise.Quarantined && l.opened == opened {
			l.start()
		}
	})
}

// restartCommand ends at once what is held against a plugin and the blocks that it died on.
func restartCommand(chain string) string { return "`reeve svc restart plugin --chain " + chain + "`" }

// lasted closes the breaker for good when the plugin that has ended had lived for long enough.
func (l *life) lasted() {
	if l.opened > 0 && l.sub.Now().Sub(l.since) >= l.limits.CrashWindow {
		l.forgive()
	}
}

// forgive forgets the deaths.
func (l *life) forgive() {
	l.history.Reset()
	l.blamed.Reset()
	l.unborn, l.opened = 0, 0
}

// sameFile compares what runs now with what ran before. An upgrade by accident shows nowhere else, and what was learnt
// about another program says nothing of this one.
func (l *life) sameFile(g *generation) {
	before, now := l.ran, g.plugin.File()
	l.ran = now
	if before.SHA256 == "" || before.SHA256 == now.SHA256 {
		return
	}
	l.sub.Log.Warn("the plugin's file is another one than before", "sha256", now.SHA256, "modified", now.Modified,
		"before", before.SHA256)
	l.forgive()
	l.replaced = fmt.Sprintf("at start %d: %.16s of %s, before %.16s", g.number, now.SHA256,
		now.Modified.UTC().Format(time.DateTime), before.SHA256)
	l.events.mended()
}
