package broker

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// Attach is how an instance introduces itself.
type Attach struct {
	Subsystem string
	Name      string
	Class     Class
	// Chain is the one that it serves, with PerChain.
	Chain string
	// Declared holds the full names of the variants that it sends and asks.
	Declared map[string]bool
	// Targets are the subsystems that these variants belong to: it is told of their coming and going.
	Targets []string
	// Edges is how many edges, receiver and lane, these variants use.
	Edges int
	Pid   int64
	// Previous is the generation that the same process had before it lost its stream; 0: none.
	Previous uint64
}

// Instance is one attached process.
type Instance struct {
	Subsystem  string
	Chain      string // empty: all
	Name       string
	Generation uint64
	Pid        int64
	Standby    bool
	Since      time.Time

	// Parser is for whoever reads the instance's envelopes.
	Parser wire.Parser
	// Reading is what the frames that are read now came in; nil: memory that nobody uses again.
	Reading *wire.Memory

	home      *mailbox
	targets   []string // subsystems that it sends to or asks
	edgeCount int      // at most
	sending   sending
	queues    queues
	flight    flight
	outbox    outbox
	signs     signs
	serving   map[wire.ID]*request
	asked     map[wire.ID]*request
	isWoken   bool
	detached  bool
}

// Attach adds an instance; it returns a sentence when the class does not allow it.
func (b *Broker) Attach(now time.Time, a Attach) (*Instance, *wire.Failure) {
	b.now = now
	at, f := b.place(a)
	if f != nil {
		return nil, f
	}
	s := b.mailbox(at)
	if s.class != 0 && s.class != a.Class && len(s.instances) > 0 {
		return nil, refusal(codeRefused, "%s is attached with another scaling class", a.Subsystem)
	}
	s.class = a.Class
	b.replace(s, a.Previous)
	b.generation++
	i := &Instance{
		Subsystem: a.Subsystem, Chain: at.chain, Name: s.free(a.Name), Generation: b.generation, Pid: a.Pid, Since: now,
		home:    s,
		targets: a.Targets, edgeCount: a.Edges * b.chainsOf(a), sending: newSending(a.Declared),
		signs:   signs{beat: now, attached: now},
		serving: map[wire.ID]*request{}, asked: map[wire.ID]*request{},
	}
	for _, t := range a.Targets {
		for _, o := range b.targets(i, t) {
			o.watchers[i] = true
		}
	}
	s.starts++
	if !s.shares() && len(s.instances) > 0 {
		i.Standby = true
		s.standbys = append(s.standbys, i)
		return i, nil
	}
	b.live(s, i)
	return i, nil
}

// replace removes the earlier attachment of a process that lost its stream, when that isn't known here yet. Should it
// be alive, it must learn of it, and attach anew.
func (b *Broker) replace(s *mailbox, previous uint64) {
	for _, o := range s.all() {
		if o.Generation == previous {
			b.remove(s, o, true, "it attached again")
			b.events = append(b.events, Event{Kind: Cut, Instance: o, Cause: "another one took its place"})
		}
	}
}

// free is the name that an instance gets: its own, or with a number when it is taken. Shards are told apart by it.
func (s *mailbox) free(name string) string {
	taken := map[string]bool{}
	for _, o := range s.all() {
		taken[o.Name] = true
	}
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}

// live makes an instance one that gets messages.
func (b *Broker) live(s *mailbox, i *Instance) {
	i.Standby = false
	s.instances = append(s.instances, i)
	if s.class == Sharded { // the others give up what is now this one's
		for _, o := range s.instances[:len(s.instances)-1] {
			for lane := range s.waiting {
				s.waiting[lane].front(o.queues.reclaim(wire.Lane(lane)))
			}
		}
	}
	b.assignWaiting(s)
	if len(s.instances) == 1 || s.class == Sharded { // a shard must be told what the others know already
		b.announce(s)
	}
	for _, t := range i.targets {
		for _, o := range b.targets(i, t) {
			if len(o.instances) > 0 && o != s {
				b.control(i, controlFrame{tag: wire.TagPresence, body: o.presence(o.newest())})
			}
		}
	}
}
