package broker

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

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
	declared  map[string]bool
	routes    map[variantID]*route
	last      *route // that of the last message: most often that of the next
	lastEdge  *edge  // likewise
	run       int    // how many messages in a row have used it
	targets   []string
	edgeCount int
	edges     map[edgeID]*edge
	edgeOrder []*edge
	control   []controlFrame
	bulkReply []controlFrame
	replies   int // bytes of replies waiting to be taken
	lanes     [wire.LaneCount]fifo
	queued    int
	inflight  [wire.LaneCount]fifo // one-way, taken and not finished
	taken     int                  // one-way and requests, taken and not finished
	way       wire.Window          // one-way not finished, and requests that haven't reached the handler
	requests  fifo                 // these requests
	begun     uint64               // requests that have reached the handler
	answered  uint64               // requests that have ended
	done      [wire.LaneCount]uint64
	moved     [wire.LaneCount]time.Time // when one was last finished
	serving   map[wire.ID]*request
	asked     map[wire.ID]*request
	suspect   *item
	turn      int
	beat      time.Time
	worked    bool
	handling  time.Duration
	rss       uint64
	bulk      bool // the bulk lane goes by the second stream
	bulkUp    bool // there is a second stream
	dirty     []*edge
	isWoken   bool
	detached  bool
}

type edgeID struct {
	to, chain string
	lane      wire.Lane
}

// variantID is a variant's two field numbers.
type variantID struct{ enum, field protowire.Number }

// route is what the broker knows of a variant when one instance sends it.
type route struct {
	id      variantID
	variant Variant
	allowed bool
	edge    *edge // of the last one's chain; nil until it is used
}

// route finds out what e carries; nil when no enum has it.
func (b *Broker) route(i *Instance, e *wire.Envelope) *route {
	enum, field, _, err := wire.Variant(e.Message)
	if err != nil {
		return nil
	}
	id := variantID{enum, field}
	if i.last != nil && i.last.id == id {
		return i.last
	}
	r := i.routes[id]
	if r == nil {
		v, ok := b.cfg.Lookup(enum, field)
		if !ok {
			return nil
		}
		r = &route{id: id, variant: v, allowed: i.declared[v.Name]}
		i.routes[id] = r
	}
	i.last = r
	return r
}

type controlFrame struct {
	tag  wire.Tag
	body []byte
	env  *wire.Envelope
	from *wire.Memory // of env's reply, if it is held there
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
		home: s, routes: map[variantID]*route{}, Subsystem: a.Subsystem, Chain: at.chain, Name: s.free(a.Name), Generation: b.generation,
		Pid: a.Pid, Since: now, beat: now, declared: a.Declared, targets: a.Targets, edgeCount: a.Edges * b.chainsOf(a),
		edges: map[edgeID]*edge{}, serving: map[wire.ID]*request{}, asked: map[wire.ID]*request{},
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

// replace removes the earlier attachment of a process that lost its stream, when that isn't known here yet.
func (b *Broker) replace(s *mailbox, previous uint64) {
	for _, o := range s.all() {
		if o.Generation == previous {
			b.remove(s, o, true, "it attached again")
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
			for lane := range o.lanes {
				s.waiting[lane].front(o.giveUp(wire.Lane(lane)))
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

// giveUp takes out what waits for an instance on a lane and may be another's now.
func (i *Instance) giveUp(lane wire.Lane) (items []*item) {
	for _, it := range i.lanes[lane].drain() {
		if it.shared != nil {
			i.lanes[lane].push(it)
			continue
		}
		items = append(items, it)
		i.queued--
	}
	return items
}

// BulkStream tells that the instance has its second stream now.
func (b *Broker) BulkStream(i *Instance) {
	i.bulkUp = true
	b.wake(i)
}

// split moves the bulk lane to the second stream at a moment at which nothing of it is under way on the first, so that its order
// stays. It tells whether it has done so now.
func (i *Instance) split() bool {
	if i.bulk || !i.bulkUp || i.inflight[wire.LaneBulk].len() > 0 {
		return false
	}
	for _, open := range []map[wire.ID]*request{i.serving, i.asked} {
		for _, r := range open {
			if r.item.variant.Lane == wire.LaneBulk && r.responder != nil {
				return false
			}
		}
	}
	for n := range i.control {
		if e := i.control[n].env; e != nil && e.Lane == wire.LaneBulk {
			return false
		}
	}
	i.bulk = true
	return true
}
