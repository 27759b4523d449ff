package driver

import (
	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// edges is the credit of what a program sends. On each edge no more is out than the window allows; what has to wait
// leaves in the order in which it came, as soon as there is credit; and a one-way message is kept until its receiver
// has finished it.
type edges struct {
	w       *writer
	runtime Runtime
	window  wire.Window
	byKey   map[edgeKey]*edge
	order   []*edge    // of first use: nothing is sent in a map's order
	rooms   wire.Spare // in which messages are encoded
	count   *counters
}

// edgeKey names an edge that starts here.
type edgeKey struct {
	to, chain string
	lane      wire.Lane
}

// edge is the sender's side of one: what is out of its credit, what waits for credit, and the one-way messages that the
// receiver has not finished.
type edge struct {
	key      edgeKey
	out      wire.Window // unfinished
	parked   queue[outgoing]
	retained queue[outgoing]
	room     *wire.Memory // where the next small messages are encoded

	template  wire.Template // of the next message
	stencilOf stencil       // what the template says
}

// outgoing is one message that waits or is kept: a one-way one as the bytes of its envelope, or an ask.
type outgoing struct {
	frame   []byte
	in      *wire.Memory // where it lies, if with others
	ask     *ask         // nil: one-way
	counter uint64       // of the id
	size    int          // what it costs of the credit
}

// of is the edge of a variant about a chain.
func (t *edges) of(u *use, chain string) *edge {
	if u.edge == nil || u.edge.key.chain != chain {
		u.edge = t.at(u.variant, chain)
	}
	return u.edge
}

func (t *edges) at(v *registry.Variant, chain string) *edge {
	key := edgeKey{v.Subsystem, chain, v.Lane}
	e := t.byKey[key]
	if e == nil {
		e = &edge{key: key}
		t.byKey[key] = e
		t.order = append(t.order, e)
	}
	return e
}

// open tells whether a message of a size may leave on an edge now.
func (t *edges) open(e *edge, size int) bool {
	return t.w.link != nil && e.parked.len() == 0 && t.hasRoom(e, size)
}

func (t *edges) hasRoom(e *edge, size int) bool {
	return e.out.Messages < t.window.Messages && (e.out.Bytes+size <= t.window.Bytes || e.out.Messages == 0)
}

// left is how many messages an edge has credit for.
func (t *edges) left(e *edge) int {
	if t.w.link == nil || e.parked.len() > 0 || e.out.Bytes >= t.window.Bytes {
		return 0
	}
	return t.window.Messages - e.out.Messages
}

// parkedWindows is how many windows of messages may wait at the sender; beyond that a one-way message is refused.
const parkedWindows = 4

// canPark tells whether one more one-way message may wait.
func (t *edges) canPark(e *edge) bool {
	return e.parked.len() < parkedWindows*max(t.window.Messages, 256)
}

// spend counts a message that leaves.
func (t *edges) spend(e *edge, size int) {
	e.out.Messages++
	e.out.Bytes += size
	t.count.sent++
}

// transmit spends credit and sends.
func (t *edges) transmit(e *edge, o outgoing) {
	t.spend(e, o.size)
	if o.ask != nil {
		o.ask.transmit(t.w)
		return
	}
	e.retained.push(o)
	t.w.encoded(e.key.lane, o.frame)
}

// unpark sends what waits, as far as the credit goes.
func (t *edges) unpark(e *edge) {
	for t.w.link != nil && e.parked.len() > 0 && t.hasRoom(e, e.parked.first().size) {
		o := e.parked.pop()
		if o.ask != nil && !o.ask.leave(t.runtime.Now()) {
			continue // it ended while it waited
		}
		t.transmit(e, o)
	}
}

// release gives the credit of one message back.
func (t *edges) release(e *edge, size int) {
	e.out.Messages--
	e.out.Bytes -= size
	t.unpark(e)
}

// credited gives back the credit of what receivers have finished, and forgets it.
func (t *edges) credited(c *wire.EdgeCredit) {
	e := t.byKey[edgeKey{c.To, c.Chain, c.Lane}]
	if e == nil {
		return
	}
	e.out.Messages = max(0, e.out.Messages-int(c.Messages))
	e.out.Bytes = max(0, e.out.Bytes-int(c.Bytes))
	e.forget(c.Finished)
	for range min(int(c.Messages)-len(c.Finished), e.retained.len()) {
		o := e.retained.pop()
		o.in.Release()
	}
	t.unpark(e)
}

// forget drops the messages with the given counters, which may be finished out of order.
func (e *edge) forget(finished []uint64) {
	if len(finished) == 0 {
		return
	}
	gone := make(map[uint64]bool, len(finished))
	for _, f := range finished {
		gone[f] = true
	}
	var keep queue[outgoing]
	for _, o := range e.retained.all() {
		if gone[o.counter] {
			o.in.Release()
		} else {
			keep.push(o)
		}
	}
	e.retained = keep
}

// takeBack forgets a one-way message that the overseer did not take, and returns its envelope; nil when there is no
// such message.
func (t *edges) takeBack(counter uint64) *wire.Envelope {
	for _, e := range t.order {
		for _, o := range e.retained.all() {
			if o.counter != counter {
				continue
			}
			envelope := o.envelope()
			e.forget([]uint64{counter})
			t.release(e, o.size)
			return envelope
		}
	}
	return nil
}

// rewind prepares for a new link: what was sent and not finished waits to be sent again, before what waited behind it.
func (t *edges) rewind(generation uint64) {
	for _, e := range t.order {
		retained, waiting := e.retained.all(), e.parked.all()
		e.parked, e.retained, e.out = queue[outgoing]{}, queue[outgoing]{}, wire.Window{}
		for _, o := range retained {
			e.parked.push(o.again(generation, true))
		}
		for _, o := range waiting {
			if o.ask == nil {
				o = o.again(generation, false)
			} else {
				o.ask.env.Generation = generation
			}
			e.parked.push(o)
		}
	}
}

// resume sends what waits on all edges, as far as the credit goes.
func (t *edges) resume() {
	for _, e := range t.order {
		t.unpark(e)
	}
}

// envelope reads a one-way message's envelope.
func (o *outgoing) envelope() *wire.Envelope {
	e := &wire.Envelope{}
	_ = wire.ParseEnvelope(o.frame, e, wire.Names{}) // we wrote it
	return e
}

// again makes it what is sent on a new link: a one-way message that was sent before says so.
func (o *outgoing) again(generation uint64, sent bool) outgoing {
	e := o.envelope()
	if e.Generation = generation; sent {
		e.Attempt++
	}
	return outgoing{frame: wire.AppendEnvelope(nil, e), counter: o.counter, size: o.size}
}

// roomBytes is how much memory an edge takes at once to encode messages in; a message of more than a quarter has its
// own.
const roomBytes = 8 << 10

// reserve returns an empty slice with room for n bytes; what is appended to it is kept with claim.
func (e *edge) reserve(rooms *wire.Spare, n int) []byte {
	if n > roomBytes/4 {
		return make([]byte, 0, n)
	}
	if e.room == nil || cap(e.room.Bytes)-len(e.room.Bytes) < n {
		e.room.Release()
		if e.room = rooms.Take(); cap(e.room.Bytes) == 0 {
			e.room.Bytes = make([]byte, 0, roomBytes)
		}
	}
	at := len(e.room.Bytes)
	return e.room.Bytes[at : at : at+n]
}

// claim keeps a message where it was encoded.
func (e *edge) claim(b []byte) (in *wire.Memory) {
	if len(b) > roomBytes/4 {
		return nil
	}
	e.room.Bytes = e.room.Bytes[:len(e.room.Bytes)+len(b)]
	return e.room.Hold()
}
