package vmhost

import (
	"time"

	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// Pauses between two notices of an event that the engine hasn't acted on.
const (
	repeatFirst = 250 * time.Millisecond
	repeatLast  = 8 * time.Second
)

// notices are the VM's events that hold: the engine is notified until it has acted on them, less often each time.
// Nothing of a plugin that is gone holds.
type notices struct {
	sub  *subsystem.Sub
	life *life

	pending bool
	synced  bool
	// round changes with each event that begins or ends, so that an older repetition stops.
	round uint64
}

// acted ends an event: the engine has done what it asks for.
func (n *notices) acted(e pluginv1.Event) {
	n.round++
	if e == pluginv1.Event_EVENT_PENDING_TXS {
		n.pending = false
	} else {
		n.synced = false
	}
}

// forget ends all: the VM that they come from is gone.
func (n *notices) forget() {
	n.round++
	n.pending, n.synced = false, false
}

// add takes an event of the VM.
func (n *notices) add(g *generation, e pluginv1.Event) {
	if g.dead || n.life.gen != nil && n.life.gen != g {
		return
	}
	held := &n.pending
	switch e {
	case pluginv1.Event_EVENT_PENDING_TXS:
	case pluginv1.Event_EVENT_STATE_SYNC_DONE:
		held = &n.synced
	default:
		return
	}
	if *held {
		return
	}
	*held = true
	n.round++
	n.notify(n.round, repeatFirst)
}

// notify sends what holds, and again after a pause that doubles.
func (n *notices) notify(round uint64, pause time.Duration) {
	if n.round != round || n.life.stopping {
		return
	}
	if n.pending {
		n.sub.Send(&enginev1.Notify{Event: enginev1.Event_EVENT_PENDING_TXS})
	}
	if n.synced {
		n.sub.Send(&enginev1.Notify{Event: enginev1.Event_EVENT_STATE_SYNC_DONE})
	}
	if n.pending || n.synced {
		n.sub.After(pause, func() { n.notify(round, min(2*pause, repeatLast)) })
	}
}
