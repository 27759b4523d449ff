// Package subsystem is the SDK in which every part of a node is written, and which an outside author imports to write
// one more.
//
// A subsystem is a value: a Spec, which says what it is called, what it sends and what it asks, and a Handler, which
// gets one ordered input: signals of the node's timeline and messages of its own enum. A handler never waits. What
// would wait is an Ask with a continuation, a timer (After), or work done elsewhere (Offload); each comes back through
// the same input, one at a time. So a handler needs no lock, and the same handler runs as a process of its own, in a
// test in which the test plays the overseer, bundled with others, and in the deterministic simulation.
//
// The SDK does for all what concerns all: the request table (every Ask ends exactly once), credit, redelivery,
// deadlines, tracing, metrics, labels of the log. It never interprets a message.
package subsystem

import (
	"google.golang.org/protobuf/proto"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Class says how many instances of a subsystem a node may run.
type Class = overseerv1.Declaration_Class

// The scaling classes. The zero value means Single.
const (
	Single   = overseerv1.Declaration_CLASS_SINGLE    // one live instance, and a warm standby that takes over
	Pool     = overseerv1.Declaration_CLASS_POOL      // any number without state; the least busy one is chosen
	Sharded  = overseerv1.Declaration_CLASS_SHARDED   // any number; work is divided by the messages' routing key
	PerChain = overseerv1.Declaration_CLASS_PER_CHAIN // one live instance for each chain, and a warm standby
)

// Spec declares a subsystem.
type Spec struct {
	// Name is the subsystem's name: its field of AllMessages, with - for _.
	Name string
	// Class is how it scales.
	Class Class
	// Sends lists the one-way variants that it sends, as empty messages. What isn't listed is refused.
	Sends []proto.Message
	// Asks lists the requests that it asks, likewise. The asks of a node must not form a cycle.
	Asks []proto.Message
	// New makes the handler, once the instance is attached and live. It runs on the subsystem's own loop and may take
	// its time: messages wait. An error ends the process with that sentence.
	New func(sub *Sub) (Handler, error)
}

// Handler is a subsystem's one ordered input. Its methods are never called concurrently, and must not block.
type Handler interface {
	// Signal tells of one point on the node's timeline. When an instance attaches, it is told of every active leaf and
	// of the last finalised block first; when it attaches again, of what changed meanwhile.
	Signal(sig *overseerv1.Signal)
	// Handle takes one message: a type switch over m.Body with one line per variant, and m.Unknown() for the rest.
	Handle(m *Message)
}

// Closer is a Handler that has something to put away before the process ends: files, a plugin. Close may take its time.
type Closer interface{ Close() }

// Watcher is a Handler that wants to know when a subsystem that it sends to or asks comes or goes.
type Watcher interface {
	Presence(p Presence)
}

// Presence tells that a subsystem has, or no longer has, a live instance.
type Presence struct {
	Subsystem string
	// Chain is the chain that the instance serves, of a subsystem per chain.
	Chain   string
	Present bool
}

// Reattacher is a Handler that must tell the overseer something again when the overseer itself was restarted.
type Reattacher interface{ Reattached() }
