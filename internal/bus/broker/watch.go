package broker

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// Heartbeat notes that an instance's process is scheduled, and how its handler does.
func (b *Broker) Heartbeat(now time.Time, i *Instance, handling time.Duration, rss uint64) {
	i.beat, i.handling, i.rss = now, handling, rss
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
			for lane := range i.lanes {
				i.queued -= i.lanes[lane].sweep()
			}
			b.refill(i)
			if hiccup { // we did not run: nobody else's silence proves anything
				i.excuse(now)
			}
			if len(i.dirty) > 0 {
				b.wake(i)
			}
			if cause := b.hangs(i); cause != "" {
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

// hangs names the watchdog that an instance has tripped; empty when all is well.
func (b *Broker) hangs(i *Instance) string {
	patience := b.cfg.Progress
	if !i.worked {
		patience = b.cfg.Start
	}
	switch silence := b.now.Sub(i.beat); {
	case silence > b.cfg.Heartbeat:
		return fmt.Sprintf("no heartbeat for %v", silence.Round(100*time.Millisecond))
	case i.handling > patience:
		return fmt.Sprintf("at one message for %v", i.handling.Round(100*time.Millisecond))
	case b.cfg.MaxRSS > 0 && i.rss > b.cfg.MaxRSS:
		return fmt.Sprintf("%d MiB of memory, the limit is %d MiB", i.rss>>20, b.cfg.MaxRSS>>20)
	}
	for lane := range i.inflight {
		if n := i.inflight[lane].len(); n > 0 && b.now.Sub(i.moved[lane]) > patience {
			return fmt.Sprintf("%d messages of lane %d and none finished for %v", n, lane, b.now.Sub(i.moved[lane]).Round(100*time.Millisecond))
		}
	}
	return ""
}

// excuse forgets an instance's silence so far.
func (i *Instance) excuse(now time.Time) {
	i.beat = now
	for lane := range i.moved {
		i.moved[lane] = now
	}
}

// Status is a picture of the broker, for people and for metrics.
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
	RSS        uint64
}

// Status describes the present.
func (b *Broker) Status() Status {
	st := Status{Counts: b.Count, Open: len(b.open), Bound: b.Bound()}
	for _, s := range b.order {
		ss := SubsystemStatus{Name: s.subsystem, Chain: s.chain, Class: ClassName(s.class), Starts: s.starts, LastCause: s.lastCause, Lanes: s.stat}
		for lane := range s.waiting {
			ss.Waiting += s.waiting[lane].len()
		}
		for _, i := range s.all() {
			ss.Instances = append(ss.Instances, InstanceStatus{
				Name: i.Name, Generation: i.Generation, Pid: i.Pid, Standby: i.Standby, Since: i.Since, Queued: i.queued, InFlight: i.taken, RSS: i.rss,
			})
		}
		st.Subsystems = append(st.Subsystems, ss)
	}
	return st
}
