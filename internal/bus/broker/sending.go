package broker

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// sending is what one instance sends: the variants that it may, the edges on which they go, and the credit of each.
type sending struct {
	declared map[string]bool // full names of variants
	routes   map[variantID]*route
	last     *route // that of the last message: most often that of the next
	lastEdge *edge  // likewise
	run      int    // how many messages in a row have used it
	edges    map[edgeID]*edge
	order    []*edge // of first use
	dirty    []*edge // with credit to be given back
}

func newSending(declared map[string]bool) sending {
	return sending{declared: declared, routes: map[variantID]*route{}, edges: map[edgeID]*edge{}}
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
func (s *sending) route(e *wire.Envelope, lookup func(enum, field protowire.Number) (Variant, bool)) *route {
	enum, field, _, err := wire.Variant(e.Message)
	if err != nil {
		return nil
	}
	id := variantID{enum, field}
	if s.last != nil && s.last.id == id {
		return s.last
	}
	r := s.routes[id]
	if r == nil {
		v, ok := lookup(enum, field)
		if !ok {
			return nil
		}
		r = &route{id: id, variant: v, allowed: s.declared[v.Name]}
		s.routes[id] = r
	}
	s.last = r
	return r
}

type edgeID struct {
	to, chain string
	lane      wire.Lane
}

// edge is the overseer's side of an edge of one instance. What is unpaid never exceeds the window.
type edge struct {
	from     *Instance
	to       *mailbox
	chain    string // that its messages name
	lane     wire.Lane
	unpaid   wire.Window // unfinished messages
	finished wire.EdgeCredit
	dirty    bool
	room     []byte // where the next small messages are kept
}

// edge finds the one on which an instance's messages of a variant about a chain go; the first makes it.
func (b *Broker) edge(i *Instance, v *Variant, chain string) (*edge, *wire.Failure) {
	s := &i.sending
	id := edgeID{v.Subsystem, chain, v.Lane}
	if ed := s.edges[id]; ed != nil {
		return ed, nil
	}
	to, f := b.receiver(v, chain)
	if f != nil {
		return nil, f
	}
	ed := &edge{from: i, to: to, chain: chain, lane: v.Lane}
	s.edges[id] = ed
	s.order = append(s.order, ed)
	return ed, nil
}

// full tells whether an edge has no credit for size more bytes.
func (ed *edge) full(w wire.Window, size int) bool {
	return ed.unpaid.Messages >= w.Messages || ed.unpaid.Messages > 0 && ed.unpaid.Bytes+size > w.Bytes
}

// spend takes the credit of a message.
func (ed *edge) spend(size int) {
	ed.unpaid.Messages++
	ed.unpaid.Bytes += size
	s := &ed.from.sending
	if ed == s.lastEdge {
		s.run++
	} else {
		s.lastEdge, s.run = ed, 0
	}
}

// release gives the credit of a message back, which its sender learns in another way.
func (ed *edge) release(size int) {
	ed.unpaid.Messages--
	ed.unpaid.Bytes -= size
}

// credit gives the credit of a one-way message back, and will tell its sender.
func (ed *edge) credit(it *item) {
	ed.release(it.size)
	ed.finished.Messages++
	ed.finished.Bytes += uint32(it.size)
	if ed.to.shares() { // those who share the work may finish out of order
		ed.finished.Finished = append(ed.finished.Finished, it.id.Counter())
	}
	if !ed.dirty {
		ed.dirty = true
		ed.from.sending.dirty = append(ed.from.sending.dirty, ed)
	}
}

// credits takes what the sender has to be told, and adds it to a batch.
func (s *sending) credits(batch *wire.Batch) {
	if len(s.dirty) == 0 {
		return
	}
	credits := make([]wire.EdgeCredit, 0, len(s.dirty))
	for _, ed := range s.dirty {
		ed.finished.To, ed.finished.Chain, ed.finished.Lane = ed.to.subsystem, ed.chain, ed.lane
		credits = append(credits, ed.finished)
		ed.finished, ed.dirty = wire.EdgeCredit{}, false
	}
	s.dirty = s.dirty[:0]
	batch.Frame(wire.TagCredit, wire.AppendCredit(nil, credits))
}
