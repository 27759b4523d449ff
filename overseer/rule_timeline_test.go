package overseer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

func TestRule1AMessageNeverOvertakesASignalThatItsSenderSaw(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.say(imported("A", "0", 1))
	p.say(message("1"))
	p.say(imported("B", "A", 2))
	p.say(message("2"))
	p.b.hears(t, "start A", "SendMessage 1", "stop A", "start B", "SendMessage 2")
}

// The bulk stream is a connection of its own: here it is faster than the first one, on which signals travel.
func TestRule1NorOnTheBulkStream(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.bridge.HoldPrimary = true
	p.say(imported("A", "0", 1))
	for n := range 40 { // more than one turn of the lanes' floor
		p.say(bulk(fmt.Sprint(n)))
	}
	if len(p.b.heard) != 0 {
		t.Fatalf("heard %v before the signal", p.b.heard)
	}
	p.bridge.HoldPrimary = false
	p.Settle()
	if len(p.b.heard) != 41 || p.b.heard[0] != "start A" || p.b.heard[40] != "SendBulk 39" {
		t.Errorf("heard %v", p.b.heard)
	}
}

func TestRule1WhoAttachesIsGivenTheTimelineFirst(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.say(imported("A", "0", 1), imported("B", "A", 2), &overseerv1.BlockAccepted{Hash: block("A"), Number: 1})
	p.bridge.Kill()
	p.say(message("for whoever comes"))
	p.b.heard = nil
	p.bridge.Start()
	p.Settle()
	p.b.hears(t, "final A", "start B", "SendMessage for whoever comes")
}

// An overseer that starts again counts signals from one; what was sent under the old count must not wait for the new
// one to catch up.
func TestRule1TheCountOfAnOldEpochHoldsNothingUp(t *testing.T) {
	p := newPair(t, overseer.Config{})
	for n := range 20 {
		p.say(imported(string(rune('a'+n)), "0", 1))
	}
	p.bridge.Frozen = true
	p.say(message("late"))
	p.bridge.Frozen = false
	p.bridge.HoldPrimary = true // it is on the way when the overseer ends
	p.RestartOverseer()
	p.bridge.HoldPrimary = false
	p.Settle()
	if n := len(p.b.heard); n == 0 || p.b.heard[n-1] != "SendMessage late again 1" {
		t.Errorf("heard %v", p.b.heard)
	}
}

func TestRule1WaitForActivationIsAnsweredByTheSignalAndAtOnceForALeaf(t *testing.T) {
	p := newPair(t, overseer.Config{})
	wait := func() *outcome {
		return ask[*overseerv1.WaitForActivationResponse](p.sender, &overseerv1.WaitForActivation{Hash: block("A")},
			time.Minute)
	}
	before := wait()
	p.Settle()
	if before.ends != 0 {
		t.Fatal("answered before the block was there")
	}
	p.say(imported("A", "0", 1))
	after := wait()
	p.Settle()
	before.code(t, 0)
	after.code(t, 0)
	if p.a.heard[0] != "start A" || before.resp.(*overseerv1.WaitForActivationResponse).SignalSequence != 1 {
		t.Errorf("heard %v, answered %v", p.a.heard, before.resp)
	}
	never := ask[*overseerv1.WaitForActivationResponse](p.sender, &overseerv1.WaitForActivation{Hash: block("Z")},
		time.Minute)
	p.Advance(time.Minute)
	never.code(t, subsystem.TimedOut)
}

// Whatever order luck gives to streams, processes and the overseer: every part sees the same signals in the same order,
// and no message before the block that its sender knew when it sent it.
func TestRule1UnderEveryOrder(t *testing.T) {
	for seed := range uint64(60) {
		p := newPair(t, overseer.Config{})
		p.Shuffle(rand.New(rand.NewPCG(seed, 1)))
		known, next := 0, 0
		for range 200 {
			p.sender.Post(func(sub *subsystem.Sub) {
				known = len(p.a.heard)
				switch sub.Rand().IntN(4) {
				case 0:
					sub.Send(imported(string(rune('A'+next%50)), "?", uint64(next)))
					next++
				case 1:
					sub.Send(bulk(fmt.Sprint(known)))
				default:
					sub.Send([]proto.Message{message(fmt.Sprint(known)), vote(fmt.Sprint(known))}[next%2])
				}
			})
			for range 3 {
				p.Once()
			}
		}
		p.Settle()
		checkOrder(t, seed, p)
	}
}

func checkOrder(t *testing.T, seed uint64, p *pair) {
	t.Helper()
	var signals []string
	for _, h := range p.b.heard {
		var variant string
		var known int
		if n, _ := fmt.Sscanf(h, "Send%s %d", &variant, &known); n == 2 {
			if len(signals) < known {
				t.Fatalf("seed %d: %q was heard after %d signals", seed, h, len(signals))
			}
			continue
		}
		signals = append(signals, h)
	}
	if !slices.Equal(signals, p.a.heard) {
		t.Fatalf("seed %d: two timelines\n%v\n%v", seed, p.a.heard, signals)
	}
}
