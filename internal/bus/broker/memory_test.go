package broker

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// lent is memory in which something came.
type lent struct {
	from  *wire.Memory
	bytes []byte
}

// reader is two instances, one of which sends and asks, and the memory in which they do: what is free is written over
// at once.
type reader struct {
	*Broker
	sender, receiver *Instance
	finished         wire.Processed
	lent             []lent
	ids              uint64
	begun            []wire.ID
}

func (r *reader) attach(t *rapid.T, name string) *Instance {
	declared := map[string]bool{"single.1": true, "single.3": true, "single.4": true}
	i, f := r.Attach(time.Unix(1000, 0), Attach{Subsystem: name, Name: name, Class: Single, Declared: declared,
		Edges: 9})
	if f != nil {
		t.Fatal(f.Message)
	}
	return i
}

// say lets an instance say something, in memory of its own.
func (r *reader) say(i *Instance, e *wire.Envelope) {
	l := lent{from: new(wire.Spare).Take(), bytes: wire.AppendEnvelope(nil, e)}
	r.lent = append(r.lent, l)
	i.Reading = l.from
	defer l.from.Release()
	_ = wire.ParseEnvelope(l.bytes, e, wire.Names{})
	r.Receive(r.now, i, e, l.bytes)
}

// pattern is what a message with a number says, so that the reader can tell.
func pattern(n uint64, size int) []byte { return bytes.Repeat([]byte{byte(n%250 + 1)}, size) }

func (r *reader) send(size int, request bool) {
	r.ids++
	e := &wire.Envelope{ID: wire.NewID(r.sender.Generation, r.ids), From: "sender", To: "single",
		Lane: wire.LaneConsensus, RoutingKey: pattern(r.ids, 4)}
	field := 1
	if request {
		field, e.Kind, e.Lane, e.TimeoutMicros = 3+int(r.ids%2), wire.Request, wire.LaneBacking, 1e9
	}
	e.Message = wire.AppendVariant(nil, 1, wire.Tag(field), pattern(r.ids, size))
	r.say(r.sender, e)
}

func (r *reader) answer(size int) {
	if len(r.begun) > 0 {
		id := r.begun[0]
		r.begun = r.begun[1:]
		r.say(r.receiver, &wire.Envelope{Kind: wire.Reply, ID: id, Reply: pattern(id.Counter(), size)})
	}
}

// take reads what an instance gets and checks that it is what was said.
func (r *reader) take(t *rapid.T, i *Instance) {
	var b wire.Batch
	r.Take(r.now, i, Primary, &b, 30_000)
	err := wire.Frames(b.Bytes, func(tag wire.Tag, body []byte) error {
		var e wire.Envelope
		if tag != wire.TagToEnvelope {
			return nil
		}
		if err := wire.ParseEnvelope(body, &e, wire.Names{}); err != nil {
			return err
		}
		said := e.Reply
		switch e.Kind {
		case wire.OneWay:
			r.finished.Lanes[e.Lane]++
		case wire.Request:
			r.finished.Requests++
			r.begun = append(r.begun, e.ID)
		}
		if e.Kind != wire.Reply && e.Kind != wire.Fail {
			_, _, said, _ = wire.Variant(e.Message)
			if !bytes.Equal(e.RoutingKey, pattern(e.ID.Counter(), 4)) {
				t.Fatalf("message %d came with the key %x", e.ID.Counter(), e.RoutingKey)
			}
		}
		if !bytes.Equal(said, pattern(e.ID.Counter(), len(said))) {
			t.Fatalf("message %d of kind %d came with other bytes than it was sent with", e.ID.Counter(), e.Kind)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// scribble writes over all memory that is free, and tells whether all is.
func (r *reader) scribble() bool {
	var still []lent
	for _, l := range r.lent {
		if !l.from.Free() {
			still = append(still, l)
			continue
		}
		for n := range l.bytes {
			l.bytes[n] = 0xff
		}
	}
	r.lent = still
	return len(still) == 0
}

func (r *reader) restart(t *rapid.T, clean bool) {
	r.Detach(r.now, r.receiver, clean, "test")
	r.receiver, r.finished, r.begun = r.attach(t, "single"), wire.Processed{}, nil
}

// Memory that the broker calls free is used again by whoever read into it: nothing that is still delivered may lie
// there. When all is done, and nobody went away, all of it is free.
func TestNothingIsDeliveredFromMemoryThatIsFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &reader{Broker: New(Config{Lookup: lookup, Window: wire.Window{Messages: 500, Bytes: 1 << 20},
			MaxMessage: 64 << 10})}
		r.sender, r.receiver = r.attach(t, "sender"), r.attach(t, "single")
		size := rapid.SampledFrom([]int{10, 3000, 17_000})
		stayed := true
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch op := rapid.IntRange(0, 8).Draw(t, "op"); op {
			case 0, 1:
				r.send(size.Draw(t, "size"), op == 1)
			case 2:
				for range 2 * burst {
					r.send(10, false)
				}
			case 3, 4:
				r.take(t, r.receiver)
			case 5:
				r.Processed(r.now, r.receiver, r.finished)
			case 6:
				r.answer(size.Draw(t, "size"))
			case 7:
				r.take(t, r.sender)
			case 8:
				r.restart(t, rapid.Bool().Draw(t, "clean"))
				stayed = false
			}
			r.scribble()
		}
		for range 200 {
			r.take(t, r.receiver)
			r.Processed(r.now, r.receiver, r.finished)
			r.answer(10)
			r.take(t, r.sender)
		}
		if !r.scribble() && stayed {
			t.Fatalf("%d batches are held, and all that was in them has been delivered", len(r.lent))
		}
	})
}
