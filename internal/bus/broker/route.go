package broker

import (
	"bytes"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// Receive routes one envelope from an instance. raw is what it was read from, where that is plain, or nil; it is kept
// if the message is large. The envelope is not changed, and the caller's again.
func (b *Broker) Receive(now time.Time, i *Instance, e *wire.Envelope, raw []byte) {
	if i.detached {
		return
	}
	b.now = now
	switch e.Kind {
	case wire.OneWay, wire.Request:
		if f := b.message(i, e, raw); f != nil {
			b.refuse(i, e, f)
		}
	case wire.Reply, wire.Fail:
		b.reply(i, clone(e))
	case wire.Cancel:
		b.cancel(i, e)
	}
}

// seen is the signal that a message's sender had seen, or the last before it that whoever is at s is sent: nobody has
// seen what hasn't been, in this epoch.
func (s *mailbox) seen(e *wire.Envelope) uint64 { return min(e.SignalSeq, s.signalled) }

func clone(e *wire.Envelope) *wire.Envelope {
	c := *e
	return &c
}

// refuse tells the sender why its message was not taken. The failure is also the credit of the message, a one-way one
// included.
func (b *Broker) refuse(i *Instance, e *wire.Envelope, f *wire.Failure) {
	b.Count.Refused++
	b.control(i, controlFrame{tag: wire.TagToEnvelope,
		env: &wire.Envelope{Kind: wire.Fail, ID: e.ID, Lane: e.Lane, From: Overseer, To: i.Subsystem, Failure: f}})
}

func (b *Broker) message(i *Instance, e *wire.Envelope, raw []byte) *wire.Failure {
	r := i.sending.route(e, b.cfg.Lookup)
	if r == nil {
		return refusal(codeUnimplemented, "no subsystem's enum has this variant")
	}
	v := &r.variant
	switch {
	case e.Generation != 0 && e.Generation != i.Generation:
		return refusal(codeStale, "%s was sent by generation %d of %s and this is generation %d", v.Name, e.Generation,
			i.Subsystem, i.Generation)
	case !r.allowed:
		return refusal(codeRefused, "%s may not send %s: it isn't declared", i.Subsystem, v.Name)
	case len(e.Message) > b.cfg.MaxMessage:
		return refusal(codeRefused, "%s has %d bytes and the bus takes %d: "+
			"put large things in the blob store and send their reference", v.Name, len(e.Message), b.cfg.MaxMessage)
	case v.Request != (e.Kind == wire.Request):
		return refusal(codeRefused, "%s was sent as what it is not: a request, or none", v.Name)
	case v.Request && (e.TimeoutMicros == 0 || e.ID.IsZero()):
		return refusal(codeRefused, "%s was asked without a deadline or an id", v.Name)
	case v.Request && b.open[e.ID] != nil:
		return refusal(codeRefused, "a request with this id is open")
	}
	if chain := b.chainOf(i, e); r.edge == nil || r.edge.chain != chain {
		ed, f := b.edge(i, v, chain)
		if f != nil {
			return f
		}
		r.edge = ed
	}
	ed := r.edge
	if ed.full(b.cfg.Window, e.Size()) {
		return refusal(codeOverloaded, "the credit of %s towards %s is spent", i.Subsystem, ed.to)
	}
	b.accept(i, e, raw, v, ed)
	return nil
}

func (b *Broker) accept(i *Instance, e *wire.Envelope, raw []byte, v *Variant, ed *edge) {
	b.Count.Messages++
	ed.spend(e.Size())
	own := raw == nil
	if e.From != i.Subsystem || e.To != v.Subsystem || e.Lane != v.Lane || e.Chain != ed.chain ||
		e.SignalSeq > ed.to.signalled || own {
		anew := &b.scratch
		*anew = *e
		anew.From, anew.To, anew.Lane = i.Subsystem, v.Subsystem, v.Lane
		anew.Chain, anew.SignalSeq = ed.chain, ed.to.seen(e)
		raw, own = wire.AppendEnvelope(b.encoded[:0], anew), true
		b.encoded = raw
	}
	it := b.newItem()
	*it = item{
		raw: raw, id: e.ID, size: e.Size(), variant: v, edge: ed, queued: b.now, attempt: e.Attempt, written: e.Attempt,
	}
	if own || !ed.keeps(raw) {
		it.raw = ed.keep(raw)
	} else {
		it.from = i.Reading.Hold()
	}
	it.key = within(it.raw, raw, e.RoutingKey)
	if v.Request {
		it.deadline = b.now.Add(time.Duration(min(e.TimeoutMicros, 1<<50)) * time.Microsecond)
		r := &request{item: it, asker: i, patience: it.deadline.Sub(b.now)}
		b.open[e.ID], i.asked[e.ID] = r, r
	}
	if v.Subsystem == Overseer {
		b.own = append(b.own, Own{i, ed.to.chain, clone(b.envelope(it))})
		if !v.Request {
			b.pay(it)
		}
		return
	}
	b.enqueue(it)
}

// enqueue puts an item in the mailbox of an instance, or of its subsystem when it has to wait.
func (b *Broker) enqueue(it *item) {
	s := it.edge.to
	q := &s.waiting[it.variant.Lane]
	if q.len() == 0 && b.assign(s, it) {
		return
	}
	q.push(it)
	if len(s.instances) > 0 {
		b.assignWaiting(s)
	}
}

// assign gives an item to the instance that it is for; false when there is none now.
func (b *Broker) assign(s *mailbox, it *item) bool {
	if s.class == Sharded && len(it.key) == 0 && !it.variant.Request && len(s.instances) > 1 {
		b.spread(s, it)
		return true
	}
	i := s.choose(it.key)
	if i == nil {
		return false
	}
	b.queue(i, it)
	return true
}

func (b *Broker) queue(i *Instance, it *item) {
	i.queues.push(it)
	b.wake(i)
}

// spread gives a copy of a message that has no routing key to every shard.
func (b *Broker) spread(s *mailbox, it *item) {
	all := &shared{left: len(s.instances)}
	for _, i := range s.instances {
		one := *it
		one.shared = all
		b.queue(i, &one)
	}
}

// assignWaiting gives what waits in a subsystem's mailbox to its instances, as far as they take it.
func (b *Broker) assignWaiting(s *mailbox) {
	for lane := range s.waiting {
		q := &s.waiting[lane]
		for q.len() > 0 {
			it := q.peek()
			if !it.gone && !b.assign(s, it) {
				return
			}
			q.pop()
		}
	}
}

func (b *Broker) reply(i *Instance, e *wire.Envelope) {
	r := b.open[e.ID]
	if r == nil || r.responder != i {
		b.Count.Late++
		i.signs.debts.late(e.ID)
		return
	}
	b.Count.Replies++
	i.signs.debts.answered(r.item.variant.Lane)
	r.item.deadline = b.now.Add(r.patience) // of the next part, if there is one
	e.From, e.To, e.Chain, e.Lane, e.Message = i.Subsystem, r.asker.Subsystem, "", r.item.variant.Lane, nil
	e.SignalSeq = r.asker.home.seen(e)
	limit := maxReplies
	if e.More {
		limit = maxParts
	}
	if len(e.Reply) > b.cfg.MaxMessage {
		e = &wire.Envelope{Kind: wire.Fail, ID: e.ID, Lane: e.Lane, From: e.From, To: e.To,
			Failure: refusal(codeRefused, "the answer of %s has %d bytes and the bus takes %d", i.Subsystem,
				len(e.Reply), b.cfg.MaxMessage)}
	}
	if len(e.Reply) > 0 && r.asker.outbox.bytes+len(e.Reply) > limit {
		e = &wire.Envelope{Kind: wire.Fail, ID: e.ID, Lane: e.Lane, From: e.From, To: e.To,
			Failure: refusal(codeOverloaded, "%s doesn't take answers as fast as they come", r.asker.Subsystem)}
		b.control(i, controlFrame{tag: wire.TagToEnvelope,
			env: &wire.Envelope{Kind: wire.Cancel, ID: e.ID, Lane: e.Lane}})
	}
	b.control(r.asker, controlFrame{tag: wire.TagToEnvelope, env: e, from: i.Reading.Hold()})
	if e.Kind == wire.Fail || !e.More {
		b.end(r)
	}
}

// maxReplies is how many bytes of answers may wait for one asker, and maxParts how many while parts of streamed ones
// come.
const (
	maxReplies = 64 << 20
	maxParts   = 16 << 20
)

func (b *Broker) cancel(i *Instance, e *wire.Envelope) {
	r := b.open[e.ID]
	if r == nil || r.asker != i {
		b.Count.Late++
		return
	}
	if r.responder != nil {
		b.control(r.responder, controlFrame{tag: wire.TagToEnvelope,
			env: &wire.Envelope{Kind: wire.Cancel, ID: e.ID, Lane: r.item.variant.Lane}})
	}
	if r.gaveUp(b.now) {
		r.responder.signs.debts.lapsed(b.now, r)
	}
	b.end(r)
}

// Answer is the overseer's own reply to a request that came through Own.
func (b *Broker) Answer(now time.Time, id wire.ID, reply []byte, f *wire.Failure) {
	b.now = now
	r := b.open[id]
	if r == nil {
		return
	}
	if f != nil {
		b.failRequest(r, f)
		return
	}
	b.control(r.asker, controlFrame{tag: wire.TagToEnvelope, env: &wire.Envelope{
		Kind: wire.Reply, ID: id, Lane: r.item.variant.Lane, From: Overseer, To: r.asker.Subsystem, Reply: reply}})
	b.end(r)
}

func (b *Broker) failRequest(r *request, f *wire.Failure) {
	b.control(r.asker, controlFrame{tag: wire.TagToEnvelope, env: &wire.Envelope{
		Kind: wire.Fail, ID: r.item.id, Lane: r.item.variant.Lane, From: Overseer, To: r.asker.Subsystem, Failure: f}})
	b.end(r)
}

// Frame enqueues a frame of the host's own to an instance, before its messages; false: the instance is gone.
func (b *Broker) Frame(i *Instance, tag wire.Tag, body []byte) bool {
	b.control(i, controlFrame{tag: tag, body: body})
	return !i.detached
}

func (b *Broker) control(i *Instance, f controlFrame) {
	switch {
	case i.detached:
	case i.outbox.full(): // it is ended for that, and is told the present when it comes back
		f.from.Release()
	default:
		i.outbox.add(b.now, f)
		b.wake(i)
	}
}

// announce tells those who send to a subsystem whether it has an instance.
func (b *Broker) announce(s *mailbox) {
	for _, o := range b.order {
		for _, i := range o.instances {
			if s.watchers[i] {
				b.control(i, controlFrame{tag: wire.TagPresence, body: s.presence(s.newest())})
			}
		}
	}
}

// sortedRequests lists those for which which is true, in the order of their ids; nil: all.
func sortedRequests(m map[wire.ID]*request, which func(*request) bool) (out []*request) {
	for _, r := range m {
		if which == nil || which(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, c *request) int { return bytes.Compare(a.item.id[:], c.item.id[:]) })
	return out
}
