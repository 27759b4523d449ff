package subsystem

import (
	"sort"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Protocol versions of the bus that this SDK speaks.
const (
	ProtocolMin = 1
	ProtocolMax = 1
)

// hello is the first frame.
func (l *loop) hello(token []byte, instance string, pid int, previous uint64) *overseerv1.Hello {
	d := &overseerv1.Declaration{Class: max(l.spec.Class, Single)}
	for _, m := range l.spec.Sends {
		d.Sends = append(d.Sends, string(m.ProtoReflect().Descriptor().FullName()))
	}
	for _, m := range l.spec.Asks {
		d.Asks = append(d.Asks, string(m.ProtoReflect().Descriptor().FullName()))
	}
	return &overseerv1.Hello{
		ProtocolMin: ProtocolMin, ProtocolMax: ProtocolMax, Subsystem: l.spec.Name, Chain: l.sub.chain, Token: token, Declaration: d, Instance: instance,
		Pid: int64(pid), PreviousGeneration: previous, AnswersStatus: true,
	}
}

// attached is called on the loop when a link is up.
func (l *loop) attached(link Link, a *overseerv1.Attached) {
	if l.handler != nil && a.Standby {
		l.fail(Failf(StaleGeneration, "another instance of %s took over while the overseer was away", l.spec.Name))
		return
	}
	restarted := l.epoch != 0 && a.Epoch != l.epoch
	l.link, l.gen, l.epoch, l.standby = link, a.Generation, a.Epoch, a.Standby
	l.window = Window{int(a.GetWindow().GetMessages()), int(a.GetWindow().GetBytes())}
	l.maxBytes = int(a.MaxMessageBytes)
	l.progress.done, l.progress.moved, l.progress.now = wire.Processed{}, false, false
	if l.handler != nil {
		l.timeline(a.Snapshot)
		l.resend()
		if r, ok := l.handler.(Reattacher); ok && restarted {
			r.Reattached()
		}
		return
	}
	l.seen = viewOf(a.Snapshot)
	if !l.standby {
		l.activate()
	}
}

// activate makes the handler: the instance is the live one now.
func (l *loop) activate() {
	h, err := l.spec.New(l.sub)
	if err != nil {
		l.fail(err)
		return
	}
	l.handler, l.standby = h, false
	l.live.Store(true)
	known := l.seen.snapshot()
	l.seen = view{}
	l.timeline(known)
}

// detached is called on the loop when the link is lost. What was delivered and not yet handled will be delivered again.
func (l *loop) detached(link Link) {
	if l.link != link {
		return
	}
	l.link = nil
	l.inbox.mu.Lock()
	for i := range l.inbox.lanes {
		l.inbox.lanes[i].clear()
	}
	l.inbox.waiting = 0
	l.inbox.mu.Unlock()
	for i := range l.out {
		l.out[i].Reset()
	}
	l.early.clear()
	for id, m := range l.serving { // nobody waits for these any more; a retry-safe one comes again
		m.open = false
		delete(l.serving, id)
	}
	l.failAll(Failf(Unavailable, "the overseer went away; it is being attached again"), func(a *openAsk) bool { return a.again() || !a.sent })
}

// resend puts everything that the old overseer had not acknowledged on the new link: messages that nobody finished, and the asks
// that are safe to ask again.
func (l *loop) resend() {
	for _, e := range l.edgeOrder {
		retained, waiting := e.retained.all(), e.parked.all()
		e.parked, e.retained, e.messages, e.bytes = queue[outgoing]{}, queue[outgoing]{}, 0, 0
		for _, o := range retained {
			e.parked.push(o.again(l.gen, true))
		}
		for _, o := range waiting {
			if o.ask == nil {
				o = o.again(l.gen, false)
			} else {
				o.ask.env.Generation = l.gen
			}
			e.parked.push(o)
		}
	}
	again := make([]*openAsk, 0, len(l.asks))
	for _, a := range l.asks {
		if a.sent {
			again = append(again, a)
		}
	}
	sortAsks(again)
	for _, a := range again {
		a.sent = false
		a.env.Attempt++
		a.env.Generation = l.gen
		a.edge.parked.push(a.waiting())
	}
	for _, e := range l.edgeOrder {
		l.unpark(e)
	}
}

func sortAsks(asks []*openAsk) {
	sort.Slice(asks, func(i, j int) bool { return asks[i].env.ID.Counter() < asks[j].env.ID.Counter() })
}

// view is the timeline as the handler has been told it.
type view struct {
	sequence uint64
	chains   []*overseerv1.ChainSnapshot // in the order in which they were heard of
}

func viewOf(s *overseerv1.Snapshot) view {
	return view{sequence: s.GetSequence(), chains: s.GetChains()}
}

func (v *view) snapshot() *overseerv1.Snapshot {
	return &overseerv1.Snapshot{Sequence: v.sequence, Chains: v.chains}
}

// chain is what is known of one chain.
func (v *view) chain(name string) *overseerv1.ChainSnapshot {
	for _, c := range v.chains {
		if c.Chain == name {
			return c
		}
	}
	c := &overseerv1.ChainSnapshot{Chain: name}
	v.chains = append(v.chains, c)
	return c
}

// timeline tells the handler the difference between what it knows and a snapshot, as signals.
func (l *loop) timeline(s *overseerv1.Snapshot) {
	var signals []*overseerv1.Signal
	for _, now := range s.GetChains() {
		for _, sig := range difference(l.seen.chain(now.Chain), now) {
			sig.Sequence, sig.Chain = s.GetSequence(), now.Chain
			signals = append(signals, sig)
		}
	}
	l.onSignals(signals)
	l.seen.sequence = s.GetSequence()
	l.progress.done.SignalSeq = l.seen.sequence
}

// difference is what leads from one state of a chain to another.
func difference(old, now *overseerv1.ChainSnapshot) (signals []*overseerv1.Signal) {
	if f := now.Finalized; f != nil && !proto.Equal(f, old.Finalized) {
		signals = append(signals, &overseerv1.Signal{Kind: &overseerv1.Signal_BlockFinalized{BlockFinalized: f}})
	}
	for _, leaf := range old.Leaves {
		if !hasLeaf(now.Leaves, leaf.Hash) {
			signals = append(signals, &overseerv1.Signal{Kind: &overseerv1.Signal_StopWork{StopWork: &overseerv1.StopWork{Hash: leaf.Hash}}})
		}
	}
	for _, leaf := range now.Leaves {
		if !hasLeaf(old.Leaves, leaf.Hash) {
			signals = append(signals, &overseerv1.Signal{Kind: &overseerv1.Signal_StartWork{StartWork: leaf}})
		}
	}
	return signals
}

func hasLeaf(leaves []*overseerv1.StartWork, hash []byte) bool {
	for _, leaf := range leaves {
		if string(leaf.Hash) == string(hash) {
			return true
		}
	}
	return false
}

func (l *loop) onSignals(signals []*overseerv1.Signal) {
	for _, sig := range signals {
		l.seen.apply(sig)
		if l.handler == nil {
			continue
		}
		l.handler.Signal(sig)
		if sig.GetConclude() != nil {
			l.conclude("concluded")
			return
		}
	}
	l.progress.done.SignalSeq, l.progress.moved = l.seen.sequence, true
	for l.early.len() > 0 && l.early.first().SignalSeq <= l.seen.sequence {
		e := l.early.pop()
		if a := l.asks[e.ID]; a != nil {
			l.onAnswer(a, &e)
		} else {
			l.count.late++
		}
		l.current = cause{}
	}
}

func (v *view) apply(sig *overseerv1.Signal) {
	v.sequence = max(v.sequence, sig.Sequence)
	switch k := sig.Kind.(type) {
	case *overseerv1.Signal_StartWork:
		c := v.chain(sig.Chain)
		c.Leaves = append(c.Leaves, k.StartWork)
	case *overseerv1.Signal_StopWork:
		c := v.chain(sig.Chain)
		for i, leaf := range c.Leaves {
			if string(leaf.Hash) == string(k.StopWork.Hash) {
				c.Leaves = append(c.Leaves[:i:i], c.Leaves[i+1:]...)
				break
			}
		}
	case *overseerv1.Signal_BlockFinalized:
		v.chain(sig.Chain).Finalized = k.BlockFinalized
	}
}

func (l *loop) onPresence(p *overseerv1.Presence) {
	if p.Subsystem == l.spec.Name && l.standby && p.Generation == l.gen {
		l.log.Info("taking over from the instance that went away")
		l.activate()
		return
	}
	if w, ok := l.handler.(Watcher); ok && p.Subsystem != l.spec.Name {
		w.Presence(Presence{Subsystem: p.Subsystem, Chain: p.Chain, Present: p.Present})
	}
}

// concludeRounds bounds how often a handler that is being stopped may answer a failure with another ask.
const concludeRounds = 16

// conclude ends this instance cleanly.
func (l *loop) conclude(reason string) {
	for n := 0; n < concludeRounds && len(l.asks) > 0; n++ { // an end may ask again
		l.failAll(Failf(Cancelled, "%s is stopping", l.spec.Name), func(*openAsk) bool { return false })
	}
	if c, ok := l.handler.(Closer); ok {
		c.Close()
	}
	if l.link != nil {
		b, err := proto.Marshal(&overseerv1.Goodbye{Reason: reason})
		if err == nil {
			l.progress.now = true
			l.flush()
			l.out[0].Frame(wire.TagGoodbye, b)
		}
	}
	l.fail(nil)
}
