package broker

import (
	"bytes"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// item is one message on its way. What it says is kept as the bytes that its receiver gets, which are most often those
// that its sender wrote: they are read again only when something has to be changed in them.
type item struct {
	raw      []byte // its envelope
	key      []byte // its routing key, within raw
	id       wire.ID
	size     int
	variant  *Variant
	edge     *edge
	attempt  uint32 // how often it was delivered before
	written  uint32 // what raw says of that
	queued   time.Time
	deadline time.Time // of a request
	deaths   int
	gone     bool         // ended while it was queued
	shared   *shared      // of one copy of a message to every shard
	from     *wire.Memory // of raw, if it is held there
}

// maxSpare is how many items are kept to be used again: as many as are often on their way at once.
const maxSpare = 8192

// newItem makes an item, or takes one that is done with.
func (b *Broker) newItem() *item {
	if n := len(b.spare); n > 0 {
		it := b.spare[n-1]
		b.spare = b.spare[:n-1]
		return it
	}
	return new(item)
}

// done takes back a one-way item that nobody holds any more.
func (b *Broker) done(it *item) {
	if it.shared != nil {
		return
	}
	it.from.Release()
	if it.from = nil; len(b.spare) >= maxSpare {
		return
	}
	*it = item{}
	b.spare = append(b.spare, it)
}

const (
	// roomBytes is how much memory an edge takes at once for the messages that it keeps.
	roomBytes = 8 << 10
	// ownRoom is the size from which on a message has memory of its own, and largeItem that from which on it stays in
	// the batch with which it came, of which it is then a good part.
	ownRoom   = roomBytes / 4
	largeItem = 16 << 10
	// burst is how many messages for one edge come in a row before they stay in their batches: so many at least share
	// each, and all batches of a spent credit are less than what the credit is worth.
	burst = 64
)

// keeps tells whether a message stays in the batch in which it came: a large one, of which it is a good part, and those
// of a burst for one edge, whose batches hold little else.
func (ed *edge) keeps(raw []byte) bool { return len(raw) >= largeItem || ed.from.sending.run >= burst }

// keep copies a small message out of the batch in which it came, so that one that waits doesn't hold all that came with
// it. Messages of one edge are finished in order, and so is their memory.
func (ed *edge) keep(raw []byte) []byte {
	n := len(raw)
	switch {
	case n >= ownRoom:
		return append([]byte(nil), raw...)
	case cap(ed.room)-len(ed.room) < n:
		ed.room = make([]byte, 0, roomBytes)
	}
	at := len(ed.room)
	ed.room = append(ed.room, raw...)
	return ed.room[at:len(ed.room):len(ed.room)]
}

// drop forgets what a request said, which nobody will ask for.
func (it *item) drop() {
	it.from.Release()
	it.from, it.raw, it.key = nil, nil, nil
}

// again tells whether a request is given to the next instance when one goes away with it.
func (it *item) again() bool { return it.variant.RetrySafe && !it.variant.Stream }

// envelope reads an item's envelope, as it is now.
func (b *Broker) envelope(it *item) *wire.Envelope {
	_ = wire.ParseEnvelope(it.raw, &b.scratch, b.names) // we have read it before, or written it
	b.scratch.Attempt = it.attempt
	return &b.scratch
}

// within is the part of kept that in raw, of which kept is a copy, is part.
func within(kept, raw, part []byte) []byte {
	if len(part) == 0 {
		return nil
	}
	if at := bytes.Index(raw, part); at >= 0 { // the first that is equal is as good
		return kept[at : at+len(part) : at+len(part)]
	}
	return append([]byte(nil), part...)
}
