package overseer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

func TestRule8WhatWasNotFinishedIsRedelivered(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.say(message("done"))
	p.bridge.Frozen = true
	p.say(message("1"), message("2"))
	p.bridge.Kill()
	p.say(message("3"))
	p.b.heard = nil
	p.bridge.Start()
	p.Settle()
	p.b.hears(t, "SendMessage 1 again 1", "SendMessage 2 again 1", "SendMessage 3")
}

func TestRule8ARetrySafeQuestionIsHeldForTheNextInstanceAndOthersFail(t *testing.T) {
	p := newPair(t, overseer.Config{})
	safe, unsafe := p.peers(time.Minute), p.request(time.Minute)
	p.Settle()
	p.bridge.Kill()
	p.Advance(time.Second)
	unsafe.code(t, subsystem.Unavailable)
	if safe.ends != 0 {
		t.Fatalf("not held: %v", safe.err)
	}
	p.b.on = answerAll
	p.b.heard = nil
	p.bridge.Start()
	p.Settle()
	safe.code(t, 0)
	p.b.hears(t, "Peers again 1")
}

// Questions that no instance had begun wait for the next one though they aren't safe to repeat, from the moment at
// which the last instance went, however long they had waited before.
func TestRule8WhatWasNotBegunIsHeld(t *testing.T) {
	p := newPair(t, overseer.Config{Limits: overseer.Limits{Heartbeat: time.Hour, Progress: time.Hour}})
	p.bridge.Deaf = true
	o := p.request(time.Minute)
	p.Advance(20 * time.Second)
	p.bridge.Kill()
	p.Advance(4 * time.Second)
	p.b.on = answerAll
	p.bridge.Start()
	p.Settle()
	o.code(t, 0)
	p.b.hears(t, "SendRequest r")
}

func TestRule8AMessageThatKillsTwiceIsQuarantinedAndTheRestGoOn(t *testing.T) {
	p := newPair(t, overseer.Config{})
	deadly := func(m *subsystem.Message) {
		if m.Body.(*networkbridgev1.SendMessage).Payload[0] == 'x' {
			p.bridge.Crash()
		}
	}
	p.b.on = deadly
	p.say(message("1"), message("x"), message("2"), message("3"))
	for !p.bridge.Running() {
		p.bridge.Start()
		p.Settle()
	}
	if len(p.Kept) != 1 || !strings.HasSuffix(p.Kept[0].Variant, "SendMessage") || p.Kept[0].Env.Attempt != 2 {
		t.Fatalf("quarantined: %+v", p.Kept)
	}
	got := strings.Join(p.b.heard, ",")
	for _, want := range []string{"SendMessage 2", "SendMessage 3"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s was lost: %s", want, got)
		}
	}
	if strings.Count(got, " x") != 2 {
		t.Errorf("the deadly one was delivered otherwise than twice: %s", got)
	}
	p.RestartOverseer() // and it doesn't come back from the sender, which has been told
	p.b.heard = nil
	p.Settle()
	p.b.hears(t)
}

func TestRule8TheRequesterOfADeadlyQuestionGetsPoisoned(t *testing.T) {
	p := newPair(t, overseer.Config{})
	o := p.peers(time.Hour)
	p.Settle()
	for range 2 {
		p.bridge.Kill()
		p.bridge.Start()
		p.Settle()
	}
	o.code(t, subsystem.Poisoned)
	if len(p.Kept) != 1 {
		t.Errorf("quarantined: %v", p.Kept)
	}
}

// One deadly message among many innocent ones: only it is quarantined.
func TestRule8TheInnocentAreNotQuarantined(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.b.on = func(m *subsystem.Message) {
		if string(m.Body.(*networkbridgev1.SendMessage).Payload) == "40" {
			p.bridge.Crash()
		}
	}
	p.bridge.Frozen = true
	for n := range 100 {
		p.say(message(fmt.Sprint(n)))
	}
	p.bridge.Frozen = false
	p.Settle()
	for !p.bridge.Running() {
		p.bridge.Start()
		p.Settle()
	}
	if len(p.Kept) != 1 {
		t.Errorf("%d quarantined", len(p.Kept))
	}
	unique := map[string]bool{}
	for _, h := range p.b.heard {
		unique[strings.Fields(h)[1]] = true
	}
	if len(unique) != 100 {
		t.Errorf("%d of 100 were heard", len(unique))
	}
}

func TestRule8ACutConnectionRepeatsNothingThatWasHandled(t *testing.T) {
	for name, lose := range map[string]func(p *pair){
		"seen by the overseer first": func(p *pair) { p.bridge.Cut() },
		"seen by the instance first": func(p *pair) { p.bridge.Reconnect() },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, overseer.Config{})
			p.say(message("1"))
			p.handled(message("2")) // handled, and the overseer doesn't know yet
			lose(p)
			p.Settle()
			p.say(message("3"))
			p.b.hears(t, "SendMessage 1", "SendMessage 2", "SendMessage 3")
			if p.b.starts != 1 {
				t.Errorf("the handler was made %d times", p.b.starts)
			}
		})
	}
}

// handled sends one message and stops when it has been handled, before anybody hears of that.
func (p *pair) handled(m proto.Message) {
	before := len(p.b.heard)
	p.sender.Post(func(sub *subsystem.Sub) { sub.Send(m) })
	for len(p.b.heard) == before && p.Once() {
	}
}

func TestRule9TheOverseersRestartRestartsNobody(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.say(imported("A", "0", 1))
	p.bridge.HoldPrimary = true // these are on their way when it happens
	p.say(message("1"))
	safe, unsafe := p.peers(time.Minute), p.request(time.Minute)
	p.Settle()
	p.b.on = answerAll
	p.RestartOverseer()
	p.bridge.HoldPrimary = false
	p.Settle()
	if p.a.starts != 1 || p.b.starts != 1 {
		t.Errorf("started %d and %d times", p.a.starts, p.b.starts)
	}
	unsafe.code(t, subsystem.Unavailable)
	safe.code(t, 0)
	got := strings.Join(p.b.heard, ",")
	if !strings.Contains(got, "SendMessage 1 again 1") || !strings.Contains(got, "Peers again 1") ||
		strings.Contains(got, "SendRequest") {
		t.Errorf("heard %s", got)
	}
}

// An overseer that starts again knows no leaves until the engine tells it: the parts are told the difference.
func TestRule9TheTimelineOfTheNewEpochReplacesTheOld(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.say(imported("A", "0", 1))
	p.RestartOverseer()
	p.Settle()
	p.say(imported("B", "A", 2))
	p.b.hears(t, "start A", "stop A", "start B")
}

// An ask that ends while the overseer is away makes room on its edge, but there is nowhere to send to.
func TestRule9RoomThatBecomesFreeMeanwhileIsUsedAfterwards(t *testing.T) {
	p := newPair(t, overseer.Config{Limits: overseer.Limits{Messages: 1, Bytes: 1 << 20}})
	short := ask[*networkbridgev1.SendRequestResponse](p.sender, &networkbridgev1.SendRequest{},
		time.Hour) // fills the edge, and fails with the stream
	p.Settle()
	p.say(message("waits"))
	p.b.heard = nil
	p.sender.Unplug()
	p.Advance(time.Second)
	short.code(t, subsystem.Unavailable)
	p.sender.Replug()
	p.Settle()
	p.b.hears(t, "SendMessage waits")
}

// What is sent while the overseer is away waits at its sender, once.
func TestRule9WhatIsSaidMeanwhileIsSaidOnce(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.b.on = answerAll
	p.sender.Unplug()
	var o *outcome
	p.sender.Post(func(sub *subsystem.Sub) { sub.Send(message("meanwhile")) })
	o = p.peers(time.Minute)
	gave := p.peers(time.Second)
	p.Advance(2 * time.Second) // one ask ends here and gives its room back
	p.sender.Replug()
	p.Settle()
	p.b.hears(t, "SendMessage meanwhile", "Peers")
	o.code(t, 0)
	gave.code(t, subsystem.TimedOut)
}
