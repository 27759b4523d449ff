package broker

import (
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// Detach removes an instance. Unless it left cleanly, what it was working on is suspected of having killed it.
func (b *Broker) Detach(now time.Time, i *Instance, clean bool, cause string) {
	if i.detached {
		return
	}
	b.now = now
	b.remove(i.home, i, clean, cause)
	b.succeed(i.home)
}

// remove takes an instance out, with what it asked and what it was given.
func (b *Broker) remove(s *mailbox, i *Instance, clean bool, cause string) {
	i.detached = true
	s.instances, s.standbys = without(s.instances, i), without(s.standbys, i)
	s.lastCause = cause
	for _, t := range i.targets {
		for _, o := range b.targets(i, t) {
			delete(o.watchers, i)
		}
	}
	b.dropAsks(i)
	b.requeue(s, i, clean)
	if len(s.instances) == 0 {
		s.empty = b.now
	}
}

// succeed gives what an instance left behind to the others: the warm standby, the rest of the pool or of the shards, or
// whoever comes next.
func (b *Broker) succeed(s *mailbox) {
	switch {
	case len(s.instances) > 0:
		b.assignWaiting(s)
	case len(s.standbys) > 0:
		next := s.standbys[0]
		s.standbys = s.standbys[1:]
		b.control(next, controlFrame{tag: wire.TagPresence, body: s.presence(next.Generation)})
		b.live(s, next)
	default:
		b.announce(s)
	}
}

// newest is the generation of the newest live instance; 0 when there is none.
func (s *mailbox) newest() uint64 {
	if len(s.instances) == 0 {
		return 0
	}
	return s.instances[len(s.instances)-1].Generation
}

// dropAsks ends what the instance had asked: nobody waits for the answers.
func (b *Broker) dropAsks(i *Instance) {
	for _, r := range sortedRequests(i.asked, nil) {
		if r.responder != nil {
			b.control(r.responder, controlFrame{tag: wire.TagToEnvelope,
				env: &wire.Envelope{Kind: wire.Cancel, ID: r.item.id, Lane: r.item.variant.Lane}})
		}
		b.end(r)
	}
}

// requeue returns an instance's messages to the mailbox, those it had begun first.
func (b *Broker) requeue(s *mailbox, i *Instance, clean bool) {
	var begun [wire.LaneCount][]*item
	for lane := range i.flight.oneWay {
		for _, it := range i.flight.oneWay[lane].drain() {
			if b.survives(it, clean) && !b.leftToOthers(s, it) {
				begun[lane] = append(begun[lane], it)
			}
		}
	}
	for _, r := range sortedRequests(i.serving, nil) {
		r.responder = nil
		switch {
		case !r.item.again():
			b.failRequest(r, refusal(codeUnavailable, "%s went away with the question", s))
		case !b.survives(r.item, clean):
			b.failRequest(r, refusal(codePoisoned, "%s ended %s twice; it is in the quarantine store",
				r.item.variant.Name, s))
		default:
			r.item.queued = b.now
			begun[r.item.variant.Lane] = append(begun[r.item.variant.Lane], r.item)
		}
	}
	for lane := range s.waiting {
		var rest []*item
		for _, it := range i.queues.drain(wire.Lane(lane)) {
			if !b.leftToOthers(s, it) {
				rest = append(rest, it)
			}
		}
		s.waiting[lane].front(rest)
		s.waiting[lane].front(begun[lane])
	}
}

// leftToOthers drops a dead shard's copy of a message that went to every shard: those that live have theirs, and the
// one that comes is told the present by whoever sends such messages, who learns of its coming. The last shard's copy is
// kept for the next.
func (b *Broker) leftToOthers(s *mailbox, it *item) bool {
	switch {
	case it.shared == nil:
		return false
	case len(s.instances) > 0 || it.shared.left > 1:
		b.pay(it)
		return true
	}
	it.shared = nil
	return false
}

// survives marks an item as redelivered and decides whether it is poison.
func (b *Broker) survives(it *item, clean bool) bool {
	it.attempt++
	b.Count.Redelivered++
	if clean {
		return true
	}
	it.deaths++
	if it.deaths < 2 {
		return true
	}
	b.Count.Quarantined++
	b.events = append(b.events, Event{Kind: Quarantined, Env: clone(b.envelope(it)), Variant: it.variant.Name,
		Cause: "two instances of " + it.edge.to.String() + " ended while they handled it"})
	if !it.variant.Request {
		b.pay(it)
	}
	return false
}

func without(list []*Instance, i *Instance) []*Instance {
	out := list[:0:0]
	for _, o := range list {
		if o != i {
			out = append(out, o)
		}
	}
	return out
}
