package broker

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/bus/wire"
)

func oneWay(lane wire.Lane, size int) *item {
	return &item{variant: &Variant{Lane: lane}, size: size}
}

func question(size int) *item {
	return &item{variant: &Variant{Lane: wire.LaneBacking, Request: true}, size: size}
}

// Whatever is given, finished and answered: what is on the way is the one-way messages that are not finished and the
// requests that have not arrived, and what was taken is all that has no end.
func TestAFlightIsWhatHasNoEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f flight
		var count uint64
		var open []*item
		begun := 0
		for range rapid.IntRange(0, 100).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "op") {
			case 0:
				f.add(oneWay(wire.LaneGossip, rapid.IntRange(1, 100).Draw(t, "size")))
			case 1:
				it := question(rapid.IntRange(1, 100).Draw(t, "size"))
				f.add(it)
				open = append(open, it)
			case 2:
				if f.oneWay[wire.LaneGossip].len() > 0 {
					count++
				}
				f.finished(int(wire.LaneGossip), count)
			case 3:
				if begun = min(begun+1, len(open)+int(f.answered)); begun > int(f.begun) {
					f.arrived(uint64(begun))
				}
			case 4:
				if len(open) > 0 { // they answer in any order
					at := rapid.IntRange(0, len(open)-1).Draw(t, "which")
					f.ended(open[at])
					open = slices.Delete(open, at, at+1)
				}
			}
			way := wire.Window{}
			for _, q := range []*fifo{&f.oneWay[wire.LaneGossip], &f.requests} {
				for _, it := range q.items[q.head:] {
					way.Messages++
					way.Bytes += it.size
				}
			}
			if f.way != way || f.taken != f.oneWay[wire.LaneGossip].len()+len(open) {
				t.Fatalf("%+v on the way of %+v, %d taken of %d and %d", f.way, way, f.taken,
					f.oneWay[wire.LaneGossip].len(), len(open))
			}
		}
	})
}

func TestAFlightIsBoundedAndHasRoomForConsensus(t *testing.T) {
	var f flight
	if huge := oneWay(wire.LaneGossip, 10*inFlight.Bytes); !f.takes(wire.LaneGossip, huge) {
		t.Error("what is larger than the room never goes")
	}
	for f.takes(wire.LaneGossip, oneWay(wire.LaneGossip, 1000)) {
		f.add(oneWay(wire.LaneGossip, 1000))
	}
	if f.way.Messages != inFlight.Messages {
		t.Errorf("%d in flight", f.way.Messages)
	}
	if !f.takes(wire.LaneConsensus, oneWay(wire.LaneConsensus, 1000)) {
		t.Error("gossip keeps consensus out")
	}
}

// Two messages that have each killed an instance are never in flight together: the next death has one cause.
func TestSuspectsFlyOneAtATime(t *testing.T) {
	var f flight
	first, second := oneWay(wire.LaneGossip, 1), question(1)
	first.deaths, second.deaths = 1, 1
	f.add(first)
	if f.takes(wire.LaneBacking, second) || !f.takes(wire.LaneGossip, oneWay(wire.LaneGossip, 1)) {
		t.Error("a suspect keeps the others out, or another suspect not")
	}
	f.finished(int(wire.LaneGossip), 1)
	if !f.takes(wire.LaneBacking, second) {
		t.Error("the second waits for a suspect that was harmless")
	}
	f.add(second)
	if f.arrived(1); f.suspect != nil {
		t.Error("a request that has reached a handler which lives is still suspected")
	}
}

func TestSignsOfAHang(t *testing.T) {
	start := time.Unix(1000, 0)
	cfg := Config{Lookup: lookup, MaxRSS: 100 << 20}.Defaults()
	for want, change := range map[string]func(*signs, *flight){
		"":                       func(*signs, *flight) {},
		"no heartbeat for 5s":    func(s *signs, _ *flight) { s.beat = start },
		"at one message for 11s": func(s *signs, _ *flight) { s.handling = 11 * time.Second },
		"200 MiB of memory":      func(s *signs, _ *flight) { s.rss = 200 << 20 },
		"1 messages of lane 4 and no": func(s *signs, f *flight) {
			s.moved[wire.LaneGossip] = start.Add(-time.Minute)
			f.add(oneWay(wire.LaneGossip, 1))
		},
	} {
		now := start.Add(5 * time.Second)
		i := &Instance{signs: signs{beat: now, worked: true}}
		s := &i.signs
		change(s, &i.flight)
		if got := i.hangs(now, &cfg); (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		s.excuse(now)
		if got := i.hangs(now, &cfg); strings.HasPrefix(got, "no heartbeat") ||
			strings.Contains(got, "none finished") {
			t.Errorf("after we did not run ourselves: %q", got)
		}
	}
	starting := &Instance{signs: signs{beat: start, attached: start, handling: 11 * time.Second}}
	if got := starting.hangs(start, &cfg); got != "" {
		t.Errorf("an instance that starts: %q", got)
	}
}

func TestAnOutboxCountsItsAnswersAndKeepsTheirOrder(t *testing.T) {
	var o outbox
	answer := func(n byte, lane wire.Lane) controlFrame {
		e := &wire.Envelope{Kind: wire.Reply, Lane: lane, ID: wire.NewID(1, uint64(n)), Reply: make([]byte, 100)}
		return controlFrame{tag: wire.TagToEnvelope, env: e}
	}
	now := time.Unix(1000, 0)
	o.add(now, answer(1, wire.LaneBulk))
	if !o.holdsBulk() {
		t.Error("the bulk lane may move to the second stream and overtake")
	}
	o.add(now, controlFrame{tag: wire.TagSignals, body: []byte("signal")})
	o.split = true
	o.add(now, answer(2, wire.LaneBulk))
	o.add(now, answer(3, wire.LaneBacking))
	var b wire.Batch
	for stream, want := range map[int][]uint64{Primary: {1, 0, 3}, Bulk: {2}} {
		var got []uint64
		for more := true; more; {
			b.Reset()
			more = o.take(stream, 7, &b, 1) // one frame at a time
			_ = wire.Frames(b.Bytes, func(tag wire.Tag, body []byte) error {
				var e wire.Envelope
				if tag == wire.TagToEnvelope {
					_ = wire.ParseEnvelope(body, &e, wire.Names{})
				}
				got = append(got, e.ID.Counter())
				return nil
			})
		}
		if !slices.Equal(got, want) {
			t.Errorf("stream %d: %v, want %v", stream, got, want)
		}
	}
	if o.bytes != 0 || o.notices != 0 {
		t.Errorf("%d bytes of answers and %d of notices wait", o.bytes, o.notices)
	}
}

func TestAnEdgesCreditIsNeverMoreThanItsWindow(t *testing.T) {
	w := wire.Window{Messages: 3, Bytes: 1000}
	i := &Instance{sending: newSending(nil)}
	ed := &edge{from: i, to: &mailbox{class: Pool}}
	for _, size := range []int{5000, 1, 1} { // the first may be larger than the window
		if ed.unpaid.Messages == 0 && ed.full(w, size) {
			t.Error("a large message never goes")
		}
		ed.spend(size)
	}
	if !ed.full(w, 1) {
		t.Errorf("%+v unpaid of %+v", ed.unpaid, w)
	}
	for n := range 3 {
		ed.credit(&item{size: []int{5000, 1, 1}[n], id: wire.NewID(1, uint64(n))})
	}
	var b wire.Batch
	i.sending.credits(&b)
	i.sending.credits(&b) // once
	var credits []wire.EdgeCredit
	_ = wire.Frames(b.Bytes, func(_ wire.Tag, body []byte) (err error) {
		got, err := wire.ParseCredit(body)
		credits = append(credits, got...)
		return err
	})
	if len(credits) != 1 || credits[0].Messages != 3 || credits[0].Bytes != 5002 || len(credits[0].Finished) != 3 {
		t.Errorf("%+v", credits)
	}
	if ed.unpaid != (wire.Window{}) || ed.full(w, 1) {
		t.Errorf("%+v unpaid", ed.unpaid)
	}
}

// A new shard is given what may be its own now, and no copy of what every shard has.
func TestQueuesCountWhatTheyHoldAndGiveUpWhatIsNobodysCopy(t *testing.T) {
	var q queues
	for n := range 6 {
		it := oneWay(wire.LaneGossip, n)
		if n%2 == 0 {
			it.shared = &shared{left: 2}
		}
		it.gone = n == 5
		q.push(it)
	}
	q.sweep()
	given := q.reclaim(wire.LaneGossip)
	if len(given) != 2 || given[0].size != 1 || given[1].size != 3 || q.count != 3 ||
		q.lanes[wire.LaneGossip].len() != 3 {
		t.Errorf("gave %d, %d counted, %d left", len(given), q.count, q.lanes[wire.LaneGossip].len())
	}
}
