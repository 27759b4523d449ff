package broker

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// variants of the tests: enum 1 is a single subsystem, 2 a pool, 3 sharded; fields 1 and 2 are one-way, 3 is a request
// that is safe to repeat, 4 one that isn't.
func lookup(enum, field protowire.Number) (Variant, bool) {
	names := map[protowire.Number]string{1: "single", 2: "pool", 3: "sharded"}
	if names[enum] == "" || field < 1 || field > 4 {
		return Variant{}, false
	}
	return Variant{
		Name: fmt.Sprintf("%s.%d", names[enum], field), Subsystem: names[enum], Lane: []wire.Lane{0, wire.LaneConsensus,
			wire.LaneBulk, wire.LaneBacking, wire.LaneBacking}[field],
		Request: field > 2, RetrySafe: field == 3,
	}, true
}

// world is a broker, its instances, and how the test counts what they have seen.
type world struct {
	*Broker
	now       time.Time
	instances []*Instance
	ids       uint64
	finished  map[*Instance]*wire.Processed
	ends      map[wire.ID]int
	asked     map[wire.ID]*Instance
	begun     map[*Instance][]wire.ID // requests that it holds
}

func (w *world) attach(t *rapid.T) {
	class := rapid.IntRange(1, 3).Draw(t, "class")
	declared := map[string]bool{}
	for enum := protowire.Number(1); enum <= 3; enum++ {
		for field := protowire.Number(1); field <= 4; field++ {
			v, _ := lookup(enum, field)
			declared[v.Name] = true
		}
	}
	i, f := w.Attach(w.now, Attach{Subsystem: []string{"", "single", "pool", "sharded"}[class], Name: "n",
		Class: Class(class), Declared: declared, Edges: 9})
	if f != nil {
		t.Fatal(f.Message)
	}
	w.instances = append(w.instances, i)
	w.finished[i] = &wire.Processed{}
	if rapid.Bool().Draw(t, "bulk stream") {
		w.BulkStream(i)
	}
}

func (w *world) send(t *rapid.T, i *Instance) {
	w.ids++
	e := &wire.Envelope{ID: wire.NewID(i.Generation, w.ids),
		RoutingKey: rapid.SliceOfN(rapid.Byte(), 0, 1).Draw(t, "key"), SignalSeq: rapid.Uint64().Draw(t, "seen")}
	field := protowire.Number(rapid.IntRange(1, 5).Draw(t, "field"))
	e.Message = wire.AppendVariant(nil, protowire.Number(rapid.IntRange(1, 3).Draw(t, "enum")), field,
		make([]byte, rapid.IntRange(0, 300).Draw(t, "size")))
	if field > 2 {
		e.Kind, e.TimeoutMicros = wire.Request, uint64(rapid.IntRange(1, 1e7).Draw(t, "timeout"))
		w.asked[e.ID] = i
	}
	w.Receive(w.now, i, e, nil)
}

// take reads one stream of an instance, finishes some of the one-way messages, and remembers requests and ends.
func (w *world) take(t *rapid.T, i *Instance, stream int) {
	var b wire.Batch
	w.Take(w.now, i, stream, &b, rapid.IntRange(1, 2000).Draw(t, "limit"))
	err := wire.Frames(b.Bytes, func(tag wire.Tag, body []byte) error {
		var e wire.Envelope
		if tag != wire.TagToEnvelope {
			return nil
		}
		if err := wire.ParseEnvelope(body, &e, wire.Names{}); err != nil {
			return err
		}
		switch e.Kind {
		case wire.OneWay:
			if e.SignalSeq > w.sequence {
				t.Fatalf("a message waits for signal %d of %d", e.SignalSeq, w.sequence)
			}
			w.finished[i].Lanes[e.Lane]++
		case wire.Request:
			w.begun[i] = append(w.begun[i], e.ID)
			w.finished[i].Requests++
		case wire.Reply, wire.Fail:
			if a := w.asked[e.ID]; a == i {
				w.ends[e.ID]++
			} else if a != nil {
				t.Fatalf("an answer went to %s, which did not ask", i.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) answer(t *rapid.T, i *Instance) {
	if n := len(w.begun[i]); n > 0 {
		at := rapid.IntRange(0, n-1).Draw(t, "which")
		w.Receive(w.now, i, &wire.Envelope{Kind: wire.Reply, ID: w.begun[i][at], Reply: make([]byte, 10)}, nil)
		if rapid.Bool().Draw(t, "once") {
			w.begun[i] = append(w.begun[i][:at:at], w.begun[i][at+1:]...)
		}
	}
}

// check compares every counter with what it counts.
func (w *world) check(t *rapid.T) {
	held := 0
	for _, s := range w.order {
		for _, i := range s.all() {
			queued := 0
			for lane := range i.queues.lanes {
				queued += i.queues.lanes[lane].len()
				held += i.flight.oneWay[lane].len()
			}
			if queued != i.queues.count || i.flight.taken < 0 || i.flight.way.Messages < 0 || i.flight.way.Bytes < 0 ||
				i.outbox.bytes < 0 {
				t.Fatalf("%s: %d queued and %d counted; taken %d, on the way %+v, answers %d", i.Name, queued,
					i.queues.count, i.flight.taken, i.flight.way, i.outbox.bytes)
			}
			for _, ed := range i.sending.order {
				if ed.unpaid.Messages < 0 || ed.unpaid.Messages > w.cfg.Window.Messages || ed.unpaid.Bytes < 0 {
					t.Fatalf("an edge of %s has %+v unpaid", i.Name, ed.unpaid)
				}
			}
			held += queued
		}
	}
	for id, n := range w.ends {
		if n > 1 {
			t.Fatalf("request %x ended %d times", id, n)
		}
	}
}

// Whatever happens in whatever order: counters agree with what they count, no request ends twice, and when everything
// has been done nothing is left: no request, no unpaid credit.
func TestTheBooksBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			Broker: New(Config{Epoch: 3, Lookup: lookup, Window: wire.Window{Messages: 6, Bytes: 1500},
				MaxMessage: 280}), now: time.Unix(1000, 0),
			finished: map[*Instance]*wire.Processed{}, ends: map[wire.ID]int{}, asked: map[wire.ID]*Instance{},
			begun: map[*Instance][]wire.ID{},
		}
		w.attach(t)
		for range rapid.IntRange(0, 150).Draw(t, "steps") {
			at := rapid.IntRange(0, len(w.instances)-1).Draw(t, "who")
			i := w.instances[at]
			switch op := rapid.IntRange(0, 11).Draw(t, "op"); op {
			case 0:
				w.attach(t)
			case 1:
				if len(w.instances) > 1 {
					w.Detach(w.now, i, rapid.Bool().Draw(t, "clean"), "test")
					w.instances = append(w.instances[:at:at], w.instances[at+1:]...)
				}
			case 2, 3, 4:
				w.send(t, i)
			case 5, 6, 7:
				w.take(t, i, op%2)
			case 8:
				w.Processed(w.now, i, *w.finished[i])
			case 9:
				w.answer(t, i)
			case 10:
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
				w.Tick(w.now)
			case 11:
				w.Signals("", []byte{}, w.sequence+1)
			}
			w.check(t)
		}
		w.settle(t)
	})
}

// settle lets everybody finish and the deadlines pass.
func (w *world) settle(t *rapid.T) {
	for range 40 {
		for _, i := range w.instances {
			for range 10 {
				w.take(t, i, Primary)
				w.take(t, i, Bulk)
				w.Processed(w.now, i, *w.finished[i])
				w.answer(t, i)
			}
		}
		w.now = w.now.Add(time.Second)
		w.Tick(w.now)
		for _, i := range w.instances {
			w.Heartbeat(w.now, i, 0, 0)
		}
	}
	w.check(t)
	present := map[string]bool{}
	for _, i := range w.instances {
		present[i.Subsystem] = true
		if i.flight.way != (wire.Window{}) {
			t.Fatalf("%s: %+v on the way, and all has arrived", i.Name, i.flight.way)
		}
		for id := range i.asked {
			if r := w.open[id]; r != nil && r.responder == nil {
				t.Fatalf("request %x is still open and nobody has it", id)
			}
		}
	}
	for _, i := range w.instances {
		for _, ed := range i.sending.order {
			open := 0
			for _, r := range i.asked {
				if r.item.edge == ed {
					open++
				}
			}
			if present[ed.to.subsystem] && ed.unpaid.Messages != open {
				t.Fatalf("edge %s to %s lane %d: %d unpaid, %d requests open", i.Name, ed.to.subsystem, ed.lane,
					ed.unpaid.Messages, open)
			}
		}
	}
}
