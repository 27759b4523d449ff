package driver

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/bus/wire"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// story is what became of one ask.
type story struct {
	ends   int
	code   overseerv1.Failure_Code // 0: an answer
	within bool                    // it ended before Ask had returned
	cancel func()
}

func (r *rig) ask(req proto.Message, timeout time.Duration) *story {
	s := &story{}
	r.now(func() {
		asking := true
		s.cancel = r.asks.begin("", req, &ask{patience: timeout, end: func(_ proto.Message, f *wire.Failure) {
			s.ends++
			s.code, s.within = f.GetCode(), asking
		}})
		asking = false
	})
	return s
}

// Whatever comes first and whatever comes later, in any order: each ask ends exactly once, never within the call that
// began it, and in the end nothing is open and no credit is out.
func TestEachAskEndsExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newAsker()
		var stories []*story
		var seen []wire.ID
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			for _, e := range r.sent {
				if e.Kind == wire.Request {
					seen = append(seen, e.ID)
				}
			}
			r.sent = nil
			which := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "which") }
			switch op := rapid.IntRange(0, 9).Draw(t, "op"); {
			case op < 3:
				req := []proto.Message{&networkbridgev1.SendRequest{Payload: []byte("r")},
					&networkbridgev1.Peers{}}[which(2)]
				stories = append(stories, r.ask(req,
					time.Duration(rapid.IntRange(-1, 3000).Draw(t, "ms"))*time.Millisecond))
			case op < 5 && len(seen) > 0:
				r.envelope(&wire.Envelope{Kind: wire.Reply, ID: seen[which(len(seen))]}) // perhaps not the first
			case op == 5 && len(seen) > 0:
				r.envelope(&wire.Envelope{Kind: wire.Fail, ID: seen[which(len(seen))],
					Failure: failf(overloaded, "busy")})
			case op == 6 && len(stories) > 0:
				s := stories[which(len(stories))]
				r.now(func() { s.cancel() })
			case op == 7:
				r.advance(time.Duration(rapid.IntRange(0, 1000).Draw(t, "ms")) * time.Millisecond)
			case op == 8 && !r.down:
				r.detach()
			case op == 9 && r.down:
				r.attach()
			}
			out := 0
			for _, a := range r.asks.open {
				if a.sent {
					out++
				}
			}
			total := 0
			for _, e := range r.edges.order {
				total += e.out.Messages
			}
			if total != out && !r.down {
				t.Fatalf("%d asks are out, and the credit of %d", out, total)
			}
		}
		if r.down {
			r.attach()
		}
		r.advance(time.Minute)
		for n, s := range stories {
			if s.ends != 1 || s.within {
				t.Fatalf("ask %d of %d ended %d times, within its call: %t", n, len(stories), s.ends, s.within)
			}
		}
		if asks, _, _ := r.Open(); asks != 0 {
			t.Fatalf("%d are open", asks)
		}
		if _, double := r.Dropped(); double != 0 {
			t.Fatalf("%d ended twice and were caught at the last step", double)
		}
	})
}

func TestWhatMayNotBeAskedEndsWithAReason(t *testing.T) {
	r := newAsker()
	for want, s := range map[string]*story{
		"no deadline":    r.ask(&networkbridgev1.Peers{}, 0),
		"one-way":        r.ask(&networkbridgev1.SendMessage{}, time.Second),
		"not declared":   r.ask(&overseerv1.WaitForActivation{}, time.Second),
		"no variant":     r.ask(&overseerv1.Hello{}, time.Second),
		"larger than it": r.ask(&networkbridgev1.SendRequest{Payload: make([]byte, 200_000)}, time.Second),
	} {
		r.advance(time.Millisecond)
		if s.ends != 1 || s.code != refused || s.within {
			t.Errorf("%s: %+v", want, s)
		}
	}
	if len(r.sent) != 0 {
		t.Errorf("sent %v", r.sent)
	}
}

// An answer that came on the other stream waits for the signal that its sender had seen.
func TestAnAnswerPassesNoSignal(t *testing.T) {
	r := newAsker()
	s := r.ask(&networkbridgev1.Peers{}, time.Minute)
	id := r.sent[0].ID
	r.envelope(&wire.Envelope{Kind: wire.Reply, ID: id, SignalSeq: 3})
	if s.ends != 0 {
		t.Fatal("answered before the signal")
	}
	batch := &overseerv1.SignalBatch{Signals: []*overseerv1.Signal{{Sequence: 3}}}
	r.receive(func(b *wire.Batch) {
		encoded, err := proto.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		b.Frame(wire.TagSignals, encoded)
	})
	if s.ends != 1 || s.code != 0 {
		t.Errorf("%+v", s)
	}
}
