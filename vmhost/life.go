package vmhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/launch"
)

// life keeps a plugin running. At most one answers at a time, their numbers rise, and the next one is started only when
// the one before is gone. After too many deaths in a short time, or starts in a row that failed, none is for a minute,
// and for longer each time, unless an operator asks for it.
type life struct {
	sub    *subsystem.Sub
	chain  string
	limits Limits
	// launch starts a plugin and brings it to where its predecessor was. It runs off the loop and takes as long as it
	// takes.
	launch func(number uint64, know knowledge) (*generation, error)
	// know copies what a plugin must be told.
	know func() knowledge
	// events is told how the plugin fares.
	events lifeEvents

	// gen is the plugin that answers; nil while there is none.
	gen      *generation
	state    supervise.State
	since    time.Time
	cause    string
	starts   uint64
	restarts uint32
	history  supervise.History
	// blamed are the deaths that blocks are blamed for: they never open the breaker.
	blamed supervise.History
	// unborn are the starts in a row that came to nothing, however long each took.
	unborn int
	// opened is how often in a row the breaker has opened.
	opened int
	// ran is the file of the plugin that ran last.
	ran launch.File
	// replaced says that it was another one than before, and when; empty: it was always the same.
	replaced string
	stopping bool
	// suspended is why no plugin is started for now; empty: one is.
	suspended string
}

// lifeEvents is who must know how the plugin fares. It is called on the loop.
type lifeEvents interface {
	// stateChanged: the state is another one, for the cause that the life has.
	stateChanged()
	// up: g answers from now on.
	up(g *generation)
	// down: no plugin answers any more; with degraded none is going to.
	down(degraded bool)
	// exited: g is gone, whether or not it ever answered.
	exited(g *generation)
	// ended: a plugin ended while it was told of an undecided block.
	ended(e *replayError)
	// mended: what was held against blocks was another program's, or an operator has looked at it.
	mended()
}

// hopeless: nobody starts a plugin any more, unless asked to.
func (l *life) hopeless() bool {
	return l.gen == nil && (l.stopping || l.state == supervise.Quarantined)
}

// unavailable says why there is no plugin now.
func (l *life) unavailable() *pluginv1.Error {
	if l.hopeless() {
		return unavailable(l.cause, 0)
	}
	return unavailable(cmp.Or(l.cause, "the plugin is starting"), l.limits.RestartMin)
}

func (l *life) enter(state supervise.State) {
	l.state, l.since = state, l.sub.Now()
	l.events.stateChanged()
}

// start launches a plugin.
func (l *life) start() {
	if l.stopping || l.suspended != "" || l.gen != nil || l.state == supervise.Starting {
		return
	}
	if l.starts++; l.starts > 1 {
		l.restarts++
	}
	l.enter(supervise.Starting)
	number, know := l.starts, l.know()
	subsystem.Offload(l.sub, func() (*generation, error) { return l.launch(number, know) }, l.started)
}

// started takes a new plugin into use.
func (l *life) started(g *generation, err error) {
	if err != nil {
		var replay *replayError
		if errors.As(err, &replay) {
			l.events.ended(replay)
		}
		if l.starts == 1 && errors.Is(err, launch.ErrPermanent) && !l.stopping {
			l.sub.Fatal(err) // who starts the node is told at once
			return
		}
		l.unborn++
		l.died(inWords(err), replay != nil || faulty(err))
		return
	}
	if l.stopping {
		g.plugin.Kill()
		return
	}
	if l.suspended != "" {
		g.plugin.Kill()
		l.died(l.suspended, true)
		return
	}
	if g.dead {
		l.died("the plugin ended right after its start", false)
		return
	}
	l.gen, l.unborn = g, 0
	l.enter(supervise.Running)
	l.sub.Log.Info("the VM is running", "name", g.about.GetName(), "version", g.about.GetVersion(), "pid",
		g.plugin.PID(), "generation", g.number)
	l.sameFile(g)
	l.events.up(g)
}

// exited is called by the port when a plugin has ended.
func (l *life) exited(g *generation, cause error) {
	g.dead = true
	l.events.exited(g)
	if l.gen != g {
		return // noticed already, or it never got so far
	}
	l.gen = nil
	l.lasted()
	reason := "the plugin ended"
	if cause != nil {
		reason = fmt.Sprintf("the plugin ended: %v", cause)
	}
	l.died(reason, g.judging)
}

// replace ends a plugin that can't be trusted any more, and starts another.
func (l *life) replace(g *generation, reason string, dump bool) {
	if l.gen != g {
		return
	}
	l.gen = nil
	l.lasted()
	blameless := g.judging || g.blameless
	l.sub.Log.Error("the plugin is replaced", "err", reason, "pid", g.plugin.PID())
	subsystem.Offload(l.sub, func() (struct{}, error) {
		if dump {
			g.plugin.Dump()
		}
		g.plugin.Kill()
		return struct{}{}, nil
	}, func(struct{}, error) { l.died(reason, blameless) })
}

// failed replaces a plugin that has failed a call, with a dump of what it does when it didn't answer in time.
func (l *life) failed(g *generation, what string, err error) (reason string) {
	reason = what + " failed: " + inWords(err)
	l.replace(g, reason, status.Code(err) == codes.DeadlineExceeded)
	return reason
}

// died decides what follows a death: another start after a pause, or the breaker. blamed: a block is to blame, which
// isn't looked at again at once, or the disk, so a start helps.
func (l *life) died(reason string, blamed bool) {
	if l.stopping {
		return
	}
	l.cause = reason
	if l.suspended != "" {
		l.cause = l.suspended
		l.enter(supervise.BackingOff)
		l.events.down(false)
		return
	}
	history := &l.history
	if blamed {
		history = &l.blamed
	}
	verdict := history.Died(l.sub.Now(), l.sub.Rand().Float64())
	switch {
	case l.opened > 0 && !blamed:
		l.open("the plugin died again: " + reason)
		return
	case verdict.Quarantine:
		l.open(fmt.Sprintf("the plugin died %d times within %v, last: %s", l.limits.CrashLoop, l.limits.CrashWindow,
			reason))
		return
	case l.unborn >= l.limits.CrashLoop && !blamed:
		l.open(fmt.Sprintf("the plugin couldn't be started %d times in a row, last: %s", l.unborn, reason))
		return
	}
	l.enter(supervise.BackingOff)
	l.events.down(false)
	l.sub.Log.Warn("the VM will be started again", "err", reason, "pause", verdict.Delay)
	l.sub.After(verdict.Delay, l.start)
}

// restart starts a new plugin because an operator wants it, and closes the breaker.
func (l *life) restart(reason string) {
	l.forgive()
	switch {
	case l.gen != nil:
		l.gen.dismissed = true
		l.replace(l.gen, reason, false)
	case l.state == supervise.Quarantined, l.state == supervise.BackingOff:
		l.cause = reason
		l.enter(supervise.BackingOff)
		l.start()
	}
}

// suspend ends the plugin, and has none started until resume.
func (l *life) suspend(cause string) {
	l.suspended = cause
	switch {
	case l.gen != nil:
		l.gen.dismissed = true
		l.replace(l.gen, cause, false)
	case l.state == supervise.BackingOff:
		l.cause = cause
		l.events.stateChanged()
	}
}

// resume ends that.
func (l *life) resume() {
	if l.suspended == "" {
		return
	}
	l.suspended = ""
	if l.state == supervise.BackingOff || l.state == supervise.Quarantined { // whose time may have come meanwhile
		l.start()
	}
}

// maxMisses pings in a row without an answer are a hang. One is not: this process itself may have been held up.
const maxMisses = 2

// ping finds a plugin that is stopped or stuck where no call is under way.
func (l *life) ping() {
	g := l.gen
	if g == nil || g.plugin.PID() == 0 || g.pinging {
		return
	}
	g.pinging = true
	subsystem.Offload(l.sub, func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(context.Background(), l.limits.Silence)
		defer cancel()
		_, err := g.vm.Ping(ctx, &pluginv1.PingRequest{})
		if err == nil {
			err = g.intact()
		}
		return struct{}{}, err
	}, func(_ struct{}, err error) {
		g.pinging = false
		var gone *socketGone
		switch {
		case err == nil:
			g.misses = 0
		case errors.As(err, &gone):
			l.replace(g, gone.Error(), false) // the next one has sockets of its own
		case status.Code(err) == codes.DeadlineExceeded:
			if g.misses++; g.misses == maxMisses {
				l.replace(g, fmt.Sprintf("the plugin hasn't answered %d pings of %v", maxMisses, l.limits.Silence),
					true)
				return
			}
			l.ping()
		}
	})
}

// close ends the plugin in good order.
func (l *life) close() {
	l.stopping = true
	l.state = supervise.Stopped
	if g := l.gen; g != nil {
		l.gen = nil
		g.stop(l.limits.Stop)
	}
}
