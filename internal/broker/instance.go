package broker

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/buswire"
)

// Attach is how an instance introduces itself.
type Attach struct {
	Subsystem string
	Name      string
	Class     Class
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
	Name       string
	Generation uint64
	Pid        int64
	Standby    bool
	Since      time.Time

	declared  map[string]bool
	targets   []string
	edgeCount int
	edges     map[edgeID]*edge
	edgeOrder []*edge
	control   []controlFrame
	bulkReply []controlFrame
	replies   int // bytes of replies waiting to be taken
	lanes     [buswire.LaneCount]fifo
	queued    int
	inflight  [buswire.LaneCount]fifo // one-way, taken and not finished
	taken     int                     // one-way and requests, taken and not finished
	way       Window                  // one-way not finished, and requests that haven't reached the handler
	requests  fifo                    // these requests
	begun     uint64                  // requests that have reached the handler
	answered  uint64                  // requests that have ended
	done      [buswire.LaneCount]uint64
	moved     [buswire.LaneCount]time.Time // when one was last finished
	serving   map[buswire.ID]*request
	asked     map[buswire.ID]*request
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
	to   string
	lane buswire.Lane
}

type controlFrame struct {
	tag  buswire.Tag
	body []byte
	env  *buswire.Envelope
}

// Attach adds an instance; it returns a sentence when the class does not allow it.
func (b *Broker) Attach(now time.Time, a Attach) (*Instance, *buswire.Failure) {
	b.now = now
	s := b.subsystem(a.Subsystem)
	if s.class != 0 && s.class != a.Class && len(s.instances) > 0 {
		return nil, refusal(codeRefused, "%s is attached with another scaling class", a.Subsystem)
	}
	s.class = a.Class
	b.replace(s, a.Previous)
	b.generation++
	i := &Instance{
		Subsystem: a.Subsystem, Name: s.free(a.Name), Generation: b.generation, Pid: a.Pid, Since: now, beat: now, declared: a.Declared, targets: a.Targets,
		edgeCount: a.Edges, edges: map[edgeID]*edge{}, serving: map[buswire.ID]*request{}, asked: map[buswire.ID]*request{},
	}
	for _, t := range a.Targets {
		b.subsystem(t).watchers[i] = true
	}
	s.starts++
	if s.class == Single && len(s.instances) > 0 {
		i.Standby = true
		s.standbys = append(s.standbys, i)
		return i, nil
	}
	b.live(s, i)
	return i, nil
}

// replace removes the earlier attachment of a process that lost its stream, when that isn't known here yet.
func (b *Broker) replace(s *subsystem, previous uint64) {
	for _, o := range s.all() {
		if o.Generation == previous {
			b.remove(s, o, true, "it attached again")
		}
	}
}

// free is the name that an instance gets: its own, or with a number when it is taken. Shards are told apart by it.
func (s *subsystem) free(name string) string {
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
func (b *Broker) live(s *subsystem, i *Instance) {
	i.Standby = false
	s.instances = append(s.instances, i)
	if s.class == Sharded { // the others give up what is now this one's
		for _, o := range s.instances[:len(s.instances)-1] {
			for lane := range o.lanes {
				s.waiting[lane].front(o.giveUp(buswire.Lane(lane)))
			}
		}
	}
	b.assignWaiting(s)
	if len(s.instances) == 1 || s.class == Sharded { // a shard must be told what the others know already
		b.announce(s)
	}
	for _, t := range i.targets {
		if o := b.subsystem(t); len(o.instances) > 0 && o != s {
			b.control(i, controlFrame{tag: buswire.TagPresence, body: presence(t, true, o.newest())})
		}
	}
}

// giveUp takes out what waits for an instance on a lane and may be another's now.
func (i *Instance) giveUp(lane buswire.Lane) (items []*item) {
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
	if i.bulk || !i.bulkUp || i.inflight[buswire.LaneBulk].len() > 0 {
		return false
	}
	for _, open := range []map[buswire.ID]*request{i.serving, i.asked} {
		for _, r := range open {
			if r.item.variant.Lane == buswire.LaneBulk && r.responder != nil {
				return false
			}
		}
	}
	for n := range i.control {
		if e := i.control[n].env; e != nil && e.Lane == buswire.LaneBulk {
			return false
		}
	}
	i.bulk = true
	return true
}

// Detach removes an instance. Unless it left cleanly, what it was working on is suspected of having killed it.
func (b *Broker) Detach(now time.Time, i *Instance, clean bool, cause string) {
	if i.detached {
		return
	}
	b.now = now
	s := b.subsystem(i.Subsystem)
	b.remove(s, i, clean, cause)
	b.succeed(s)
}

// remove takes an instance out, with what it asked and what it was given.
func (b *Broker) remove(s *subsystem, i *Instance, clean bool, cause string) {
	i.detached = true
	s.instances, s.standbys = without(s.instances, i), without(s.standbys, i)
	s.lastCause = cause
	for _, t := range i.targets {
		delete(b.subsystem(t).watchers, i)
	}
	b.dropAsks(i)
	b.giveBack(s, i, clean)
	if len(s.instances) == 0 {
		s.empty = b.now
	}
}

// succeed gives what an instance left behind to the others: the warm standby, the rest of the pool or of the shards, or whoever
// comes next.
func (b *Broker) succeed(s *subsystem) {
	switch {
	case len(s.instances) > 0:
		b.assignWaiting(s)
	case len(s.standbys) > 0:
		next := s.standbys[0]
		s.standbys = s.standbys[1:]
		b.control(next, controlFrame{tag: buswire.TagPresence, body: presence(s.name, true, next.Generation)})
		b.live(s, next)
	default:
		b.announce(s)
	}
}

// newest is the generation of the newest live instance; 0 when there is none.
func (s *subsystem) newest() uint64 {
	if len(s.instances) == 0 {
		return 0
	}
	return s.instances[len(s.instances)-1].Generation
}

// dropAsks ends what the instance had asked: nobody waits for the answers.
func (b *Broker) dropAsks(i *Instance) {
	for _, r := range sortedRequests(i.asked) {
		if r.responder != nil {
			b.control(r.responder, controlFrame{tag: buswire.TagToEnvelope, env: &buswire.Envelope{Kind: buswire.Cancel, ID: r.item.env.ID, Lane: r.item.env.Lane}})
		}
		b.end(r)
	}
}

// giveBack returns an instance's messages to the mailbox, those it had begun first.
func (b *Broker) giveBack(s *subsystem, i *Instance, clean bool) {
	var begun [buswire.LaneCount][]*item
	for lane := range i.inflight {
		for _, it := range i.inflight[lane].drain() {
			if b.survives(it, clean) && !b.leftToOthers(s, it) {
				begun[lane] = append(begun[lane], it)
			}
		}
	}
	for _, r := range sortedRequests(i.serving) {
		r.responder = nil
		switch {
		case !r.item.variant.RetrySafe || r.item.variant.Stream:
			b.failRequest(r, refusal(codeUnavailable, "%s went away with the question", i.Subsystem))
		case !b.survives(r.item, clean):
			b.failRequest(r, refusal(codePoisoned, "%s ended %s twice; it is in the quarantine store", r.item.variant.Name, i.Subsystem))
		default:
			r.item.queued = b.now
			begun[r.item.variant.Lane] = append(begun[r.item.variant.Lane], r.item)
		}
	}
	for lane := range i.lanes {
		var rest []*item
		for _, it := range i.lanes[lane].drain() {
			if !b.leftToOthers(s, it) {
				rest = append(rest, it)
			}
		}
		s.waiting[lane].front(rest)
		s.waiting[lane].front(begun[lane])
	}
	i.queued = 0
}

// leftToOthers drops a dead shard's copy of a message that went to every shard: those that live have theirs, and the one that
// comes is told the present by whoever sends such messages, who learns of its coming. The last shard's copy is kept for the next.
func (b *Broker) leftToOthers(s *subsystem, it *item) bool {
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
	it.env.Attempt++
	b.Count.Redelivered++
	if clean {
		return true
	}
	it.deaths++
	if it.deaths < 2 {
		return true
	}
	b.Count.Quarantined++
	b.events = append(b.events, Event{Kind: Quarantined, Env: it.env, Variant: it.variant.Name, Cause: "two instances of " + it.variant.Subsystem + " ended while they handled it"})
	if it.env.Kind == buswire.OneWay {
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

// choose picks the instance for an item; nil when it must wait.
func (s *subsystem) choose(key []byte) *Instance {
	switch {
	case len(s.instances) == 0:
		return nil
	case s.class == Sharded:
		return rendezvous(s.instances, key)
	case s.class == Pool:
		return leastBusy(s.instances)
	}
	return s.instances[0]
}

// poolDepth is how much work an instance of a pool is given at once: enough to keep it busy while the next comes, little enough
// that work doesn't pile up behind a slow piece.
const poolDepth = 2

func leastBusy(instances []*Instance) *Instance {
	best := instances[0]
	for _, i := range instances[1:] {
		if i.taken+i.queued < best.taken+best.queued {
			best = i
		}
	}
	if best.taken+best.queued >= poolDepth {
		return nil
	}
	return best
}

// rendezvous is highest-random-weight hashing: each key goes to the instance whose hash with it is highest, so that an instance
// that comes or goes moves only its own share. Instances are told apart by name, which survives a restart.
func rendezvous(instances []*Instance, key []byte) *Instance {
	var best *Instance
	var top uint64
	for _, i := range instances {
		h := sha256.Sum256(append([]byte(i.Name+"\x00"), key...))
		if w := binary.BigEndian.Uint64(h[:8]); best == nil || w > top {
			best, top = i, w
		}
	}
	return best
}
