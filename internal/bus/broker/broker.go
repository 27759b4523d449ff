// Package broker is the overseer's core: mailboxes, the table of open requests, credit, and who is attached. It takes
// envelopes, attachments and time as inputs and leaves frames for each instance to be taken; it has no connection, no
// clock and no goroutine, and it never looks into a message beyond the two tags that say which variant it is. One
// goroutine at a time may use it. The simulator runs this code; production runs it behind one lock.
package broker

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Class is how many instances a subsystem may have, in the protocol's own numbers.
type Class = overseerv1.Declaration_Class

// The scaling classes.
const (
	Single   = overseerv1.Declaration_CLASS_SINGLE
	Pool     = overseerv1.Declaration_CLASS_POOL
	Sharded  = overseerv1.Declaration_CLASS_SHARDED
	PerChain = overseerv1.Declaration_CLASS_PER_CHAIN
)

// Variant is what the broker must know of a message.
type Variant struct {
	Name      string
	Subsystem string
	Lane      wire.Lane
	Request   bool
	Stream    bool
	RetrySafe bool
}

// Overseer is the name under which the overseer itself is a receiver.
const Overseer = "overseer"

// Config are the broker's constants.
type Config struct {
	// Epoch rises with every start of the overseer.
	Epoch uint64
	// Lookup finds a variant by its two field numbers.
	Lookup func(enum, field protowire.Number) (Variant, bool)
	// Chains are those of the node. Empty: it has one, which has no name.
	Chains []string
	// PerChain tells whether there is one of a subsystem per chain; nil: of none there is.
	PerChain func(subsystem string) bool
	// Window is the credit of every edge.
	Window wire.Window
	// MaxMessage is the longest message in bytes.
	MaxMessage int
	// Hold is how long a request waits for a subsystem that has no instance, and a retry-safe one for the next
	// instance.
	Hold time.Duration
	// Heartbeat and Progress are the watchdogs' patience; Start is that for an instance's first work.
	Heartbeat, Progress, Start time.Duration
	// MaxRSS ends an instance whose resident memory exceeds it; 0: no limit.
	MaxRSS uint64
}

// Defaults fills in what is zero.
func (c Config) Defaults() Config {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if c.Window == (wire.Window{}) {
		c.Window = wire.Window{Messages: 4096, Bytes: 8 << 20}
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 4 << 20
	}
	if len(c.Chains) == 0 {
		c.Chains = []string{""}
	}
	if c.PerChain == nil {
		c.PerChain = func(string) bool { return false }
	}
	set(&c.Hold, 5*time.Second)
	set(&c.Heartbeat, 3*time.Second)
	set(&c.Progress, 10*time.Second)
	set(&c.Start, time.Minute)
	return c
}

// Broker is the state.
type Broker struct {
	cfg        Config
	generation uint64
	sequence   uint64            // of the last signal
	timelines  map[string]uint64 // of the last one of each chain
	mailboxes  map[address]*mailbox
	order      []*mailbox // by first mention: nothing is done in a map's order
	open       map[wire.ID]*request
	woken      []*Instance
	events     []Event
	spare      []*item       // to be used again
	scratch    wire.Envelope // of one that is on its way again, or a request
	names      wire.Names
	encoded    []byte // of a message that had to be written anew, until it is kept
	own        []Own
	lastTick   time.Time
	now        time.Time

	// Count is what happened so far.
	Count Counts
}

// Counts are totals since the start.
type Counts struct {
	Messages, Replies, Signals, Refused, Late, Redelivered, Quarantined, Expired uint64
}

// Own is a message to the overseer itself.
type Own struct {
	From  *Instance
	Chain string // that it is about
	Env   *wire.Envelope
}

// Event is something that the broker's host must act on or tell people.
type Event struct {
	Kind     EventKind
	Instance *Instance      // Kill, Cut
	Env      *wire.Envelope // Quarantined
	Variant  string         // Quarantined
	Cause    string
}

// EventKind is the kind of an Event.
type EventKind int

const (
	Kill        EventKind = iota + 1 // end the instance's process: it hangs or has grown too large
	Quarantined                      // keep this message for the operator
	Cut                              // end the instance's streams: it was replaced, and what it says counts no more
)

// generations is how many attachments an epoch has room for: a generation is unique across the overseer's restarts and
// reads as epoch and number, as in 3000007.
const generations = 1_000_000

// New makes a broker without instances.
func New(cfg Config) *Broker {
	return &Broker{
		cfg: cfg.Defaults(), generation: cfg.Epoch * generations, timelines: map[string]uint64{},
		mailboxes: map[address]*mailbox{},
		open:      map[wire.ID]*request{}, names: wire.Names{},
	}
}

// mailbox is what waits for the instances at one address, and the instances.
type mailbox struct {
	address
	class     Class
	signalled uint64      // the last signal that its instances are sent
	instances []*Instance // live ones, in order of attachment
	standbys  []*Instance
	waiting   [wire.LaneCount]fifo // has no instance yet, or the pool is busy
	watchers  map[*Instance]bool
	starts    int
	turn      int // of a pool: where the search for who has least to do begins
	lastCause string
	empty     time.Time // since when there is no instance
	stat      [wire.LaneCount]LaneStat
}

// LaneStat is what passed on one lane of a mailbox.
type LaneStat struct {
	Delivered  uint64
	Bytes      uint64
	QueueNanos uint64
	MaxNanos   uint64
}

// shared is what the copies of one message to every shard have in common: its credit comes back with the last.
type shared struct{ left int }

// request is an open one: it ends once.
type request struct {
	item      *item
	asker     *Instance
	responder *Instance // nil until delivered
	given     time.Time // when it was
	patience  time.Duration
}

// Woken returns the instances for which there is something to take since the last call, each once.
func (b *Broker) Woken() []*Instance {
	w := b.woken
	b.woken = nil
	for _, i := range w {
		i.isWoken = false
	}
	return w
}

// Events returns what happened since the last call.
func (b *Broker) Events() []Event {
	e := b.events
	b.events = nil
	return e
}

// Own returns the messages to the overseer itself since the last call.
func (b *Broker) Own() []Own {
	o := b.own
	b.own = nil
	return o
}

func (b *Broker) wake(i *Instance) {
	if !i.isWoken && !i.detached {
		i.isWoken = true
		b.woken = append(b.woken, i)
	}
}

// Bound is the most memory in bytes that mailboxes can hold with the edges that are declared now: the sum of the
// credits, and what may wait for each instance in answers and in notices.
func (b *Broker) Bound() int {
	n := 0
	for _, s := range b.order {
		for _, i := range s.all() {
			n += i.edgeCount*b.cfg.Window.Bytes + maxReplies + maxNotices
		}
	}
	return n
}

// all lists the live instances, then the standbys.
func (s *mailbox) all() []*Instance {
	return append(s.instances[:len(s.instances):len(s.instances)], s.standbys...)
}

func refusal(code overseerv1.Failure_Code, format string, args ...any) *wire.Failure {
	return &wire.Failure{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Failure codes that the broker gives itself.
const (
	codeTimedOut      = overseerv1.Failure_CODE_TIMED_OUT
	codeOverloaded    = overseerv1.Failure_CODE_OVERLOADED
	codeUnavailable   = overseerv1.Failure_CODE_UNAVAILABLE
	codeStale         = overseerv1.Failure_CODE_STALE_GENERATION
	codePoisoned      = overseerv1.Failure_CODE_POISONED
	codeRefused       = overseerv1.Failure_CODE_REFUSED
	codeUnimplemented = overseerv1.Failure_CODE_UNIMPLEMENTED
)
