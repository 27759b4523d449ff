package vmhost

import (
	"time"

	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// Pauses between two tellings of an event that the engine hasn't acted on.
const (
	repeatFirst = 250 * time.Millisecond
	repeatLast  = 8 * time.Second
)

// notices are the VM's events that hold: told to the engine until it has acted on them, less often each time.
type notices struct {
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

// forget ends all: the VM that told them is gone.
func (n *notices) forget() { *n = notices{round: n.round + 1} }

// notified takes an event of the VM.
func (h *handler) notified(g *generation, e pluginv1.Event) {
	if g.dead || h.gen != nil && h.gen != g {
		return
	}
	held := &h.events.pending
	switch e {
	case pluginv1.Event_EVENT_PENDING_TXS:
	case pluginv1.Event_EVENT_STATE_SYNC_DONE:
		held = &h.events.synced
	default:
		return
	}
	if *held {
		return
	}
	*held = true
	h.events.round++
	h.tell(h.events.round, repeatFirst)
}

// tell sends what holds, and again after a pause that doubles.
func (h *handler) tell(round uint64, pause time.Duration) {
	if h.events.round != round || h.supervisor.stopping {
		return
	}
	if h.events.pending {
		h.sub.Send(&enginev1.Notify{Event: enginev1.Event_EVENT_PENDING_TXS})
	}
	if h.events.synced {
		h.sub.Send(&enginev1.Notify{Event: enginev1.Event_EVENT_STATE_SYNC_DONE})
	}
	if h.events.pending || h.events.synced {
		h.sub.After(pause, func() { h.tell(round, min(2*pause, repeatLast)) })
	}
}
