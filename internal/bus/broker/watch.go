package broker

import (
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// Heartbeat notes that an instance's process is scheduled, and how its handler does.
func (b *Broker) Heartbeat(now time.Time, i *Instance, handling time.Duration, rss uint64) {
	i.signs.beat, i.signs.handling, i.signs.rss = now, handling, rss
}

// TickEvery is how often the host calls Tick.
const TickEvery = 100 * time.Millisecond

// Tick ends what is overdue, gives small credits back, and runs the watchdogs.
func (b *Broker) Tick(now time.Time) {
	hiccup := !b.lastTick.IsZero() && now.Sub(b.lastTick) > 10*TickEvery
	b.now, b.lastTick = now, now
	for _, s := range b.order {
		b.tickWaiting(s)
		for _, i := range s.all() {
			i.queues.sweep()
			b.refill(i)
			b.endLapsed(i)
			if hiccup { // we did not run: nobody else's silence proves anything
				i.signs.excuse(now)
				i.outbox.excuse(now)
			}
			if len(i.sending.dirty) > 0 {
				b.wake(i)
			}
			if cause := i.hangs(now, &b.cfg); cause != "" {
				b.events = append(b.events, Event{Kind: Kill, Instance: i, Cause: cause})
			}
		}
	}
}

// tickWaiting fails the requests that have waited too long for an instance.
func (b *Broker) tickWaiting(s *mailbox) {
	for lane := range s.waiting {
		for _, it := range s.waiting[lane].items[s.waiting[lane].head:] {
			if it.gone || !it.variant.Request {
				continue
			}
			r := b.open[it.id]
			switch {
			case r == nil:
			case !b.now.Before(it.deadline):
				b.failRequest(r, refusal(codeTimedOut, "%s was still queued when its time was over", it.variant.Name))
			case len(s.instances) == 0 && b.now.Sub(it.queued) >= b.cfg.Hold && b.now.Sub(s.empty) >= b.cfg.Hold:
				b.failRequest(r, refusal(codeUnavailable, "no %s is attached", s))
			}
		}
		s.waiting[lane].sweep() // what has ended has given its credit back, so it may not stay
	}
}

// Status is a snapshot of the broker, for people and for metrics.
type Status struct {
	Subsystems []SubsystemStatus
	Counts     Counts
	Open       int
	Bound      int
}

// SubsystemStatus is one mailbox.
type SubsystemStatus struct {
	Name      string
	Chain     string // of a subsystem per chain
	Class     string // for people; empty before the first attached
	Starts    int
	LastCause string
	Waiting   int
	Lanes     [wire.LaneCount]LaneStat
	Instances []InstanceStatus
}

// InstanceStatus is one attached process.
type InstanceStatus struct {
	Name       string
	Generation uint64
	Pid        int64
	Standby    bool
	Since      time.Time
	Queued     int
	InFlight   int
	Delivered  uint64 // messages, since it attached
	RSS        uint64
}

// Status describes the present.
func (b *Broker) Status() Status {
	st := Status{Counts: b.Count, Open: len(b.open), Bound: b.Bound()}
	for _, s := range b.order {
		ss := SubsystemStatus{Name: s.subsystem, Chain: s.chain, Class: ClassName(s.class), Starts: s.starts,
			LastCause: s.lastCause, Lanes: s.stat}
		for lane := range s.waiting {
			ss.Waiting += s.waiting[lane].len()
		}
		for _, i := range s.all() {
			ss.Instances = append(ss.Instances, InstanceStatus{
				Name: i.Name, Generation: i.Generation, Pid: i.Pid, Standby: i.Standby, Since: i.Since,
				Queued: i.queues.count, InFlight: i.flight.taken, Delivered: i.flight.given, RSS: i.signs.rss,
			})
		}
		st.Subsystems = append(st.Subsystems, ss)
	}
	return st
}
