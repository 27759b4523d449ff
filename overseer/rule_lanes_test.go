package overseer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// position of the first thing heard that begins so.
func position(heard []string, begin string) int {
	return slices.IndexFunc(heard, func(h string) bool { return strings.HasPrefix(h, begin) })
}

func TestRule5ConsensusGoesFirst(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.bridge.Busy = true
	for n := range 200 {
		p.say(message(fmt.Sprint(n)), gossip(fmt.Sprint(n)))
	}
	p.say(vote("now"))
	p.bridge.Busy = false
	p.Settle()
	if at := position(p.b.heard, "SendConsensusMessage"); at != 0 {
		t.Errorf("the vote was the %dth of %d", at+1, len(p.b.heard))
	}
}

// More than an instance is given at once lies before it: a vote that comes last still passes, at the overseer and at
// the instance.
func TestRule5ConsensusPassesWhatIsOnTheWay(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.bridge.Deaf = true
	for n := range 2000 {
		p.say(gossip(fmt.Sprint(n)))
	}
	p.say(vote("now"))
	p.bridge.Deaf = false
	p.Settle()
	if at := position(p.b.heard, "SendConsensusMessage"); at < 0 || at > 2 {
		t.Errorf("the vote was the %dth of %d", at+1, len(p.b.heard))
	}
}

// As much as an instance is given at once is with a busy handler: a vote is given beyond that.
func TestRule5ConsensusPassesABusyHandlersBacklog(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.bridge.Busy = true
	for n := range 1000 {
		p.say(gossip(fmt.Sprint(n)))
	}
	p.say(vote("now"))
	p.bridge.Busy = false
	p.Settle()
	if at := position(p.b.heard, "SendConsensusMessage"); at != 0 {
		t.Errorf("the vote was the %dth of %d", at+1, len(p.b.heard))
	}
}

// Behind more consensus than an instance is given at once, the others have their floor at the overseer.
func TestRule5TheOthersHaveAFloorAtTheOverseer(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.servesOthers(t, &p.bridge.Deaf, 3000, 300)
}

func TestRule5TheOthersHaveAFloor(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.servesOthers(t, &p.bridge.Busy, 400, 150)
}

// servesOthers sends so many votes while something holds the bridge up, and then one message of each lane below: both
// are to be among the first.
func (p *pair) servesOthers(t *testing.T, held *bool, votes, first int) {
	*held = true
	for n := range votes {
		p.say(vote(fmt.Sprint(n)))
	}
	p.say(message("backing"), gossip("gossip"))
	*held = false
	p.Settle()
	for _, lane := range []string{"SendMessage", "SendGossip"} {
		if at := position(p.b.heard, lane); at < 0 || at > first {
			t.Errorf("%s was served as the %dth of %d behind consensus", lane, at+1, len(p.b.heard))
		}
	}
}

func TestRule5BulkHasAStreamOfItsOwn(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.bridge.HoldPrimary = true
	p.say(bulk("large"), vote("small"), message("middle"))
	p.b.hears(t, "SendBulk large")
	p.bridge.HoldPrimary = false
	p.Settle()
	p.b.hears(t, "SendConsensusMessage small", "SendMessage middle")
}

// While a handler has hundreds of questions open, it still gets what it needs to answer them.
func TestRule5OpenQuestionsDontBlockWhatAnswersThem(t *testing.T) {
	p := newPair(t, overseer.Config{})
	var open []*subsystem.Message
	p.b.on = func(m *subsystem.Message) {
		if m.IsRequest() {
			open = append(open, m)
			return
		}
		for _, o := range open {
			o.Reply(&networkbridgev1.SendRequestResponse{})
		}
	}
	var ends []*outcome
	for range 1500 {
		ends = append(ends, p.request(time.Minute))
	}
	p.Settle()
	p.say(message("the key"))
	if len(open) != 1500 {
		t.Errorf("%d of 1500 questions reached the handler", len(open))
	}
	for _, o := range ends {
		if o.ends != 1 || o.err != nil {
			t.Fatalf("%d ends, %v", o.ends, o.err)
		}
	}
}

// Ask, After, Offload and Post come back through the same loop, in the order in which they became ready, and never
// inside the call.
func TestRule6WhatWaitsComesBackThroughTheLoop(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.b.on = answerAll
	var got []string
	in := false
	note := func(what string) {
		if in {
			t.Errorf("%s was called while the handler was running", what)
		}
		got = append(got, what)
	}
	p.sender.Do(func(sub *subsystem.Sub) {
		in = true
		subsystem.Ask(sub, &networkbridgev1.SendRequest{}, time.Minute,
			func(*networkbridgev1.SendRequestResponse, error) { note("answer") })
		sub.After(2*time.Second, func() { note("second timer") })
		sub.After(time.Second, func() { note("first timer") })
		cancel := sub.After(time.Second, func() { note("cancelled timer") })
		subsystem.Offload(sub, func() (int, error) { return 7, errors.New("partly") },
			func(n int, err error) { note(fmt.Sprint("offloaded ", n, " ", err)) })
		sub.Post(func() { note("post") })
		cancel()
		in = false
	})
	p.Advance(3 * time.Second)
	want := []string{"offloaded 7 partly", "post", "answer", "first timer", "second timer"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A receiver with no room sheds the newest gossip at its sender, counted; votes wait instead, all of them.
func TestRule11GossipIsShedAndConsensusNever(t *testing.T) {
	p := newPair(t, overseer.Config{Limits: overseer.Limits{Messages: 10, Bytes: 1 << 20}})
	p.bridge.Frozen = true
	for n := range 30 {
		p.say(gossip(fmt.Sprint(n)), vote(fmt.Sprint(n)))
	}
	if shed := p.sender.Machine().Shed(); shed != 20 {
		t.Errorf("%d shed, want the newest 20", shed)
	}
	p.bridge.Frozen = false
	p.Advance(time.Second)
	var votes, rumours []string
	for _, h := range p.b.heard {
		if strings.HasPrefix(h, "SendGossip") {
			rumours = append(rumours, h)
		} else {
			votes = append(votes, h)
		}
	}
	if len(votes) != 30 || len(rumours) != 10 || rumours[9] != "SendGossip 9" {
		t.Errorf("%d votes, gossip %v", len(votes), rumours)
	}
}

func TestRule10TheHeartbeatWatchdog(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.Advance(time.Minute)
	if len(p.Killed) != 0 {
		t.Fatalf("killed without a reason: %v", p.Killed)
	}
	p.bridge.Frozen = true
	p.Advance(4 * time.Second)
	if len(p.Killed) != 1 || p.Killed[0].Instance.Name != "bridge" ||
		!strings.Contains(p.Killed[0].Cause, "heartbeat") {
		t.Errorf("%+v", p.Killed)
	}
	p.bridge.Start()
	p.say(message("hello"))
	p.Advance(time.Minute)
	if len(p.Killed) != 1 || len(p.b.heard) != 1 {
		t.Errorf("%d kills, heard %v", len(p.Killed), p.b.heard)
	}
}

func TestRule10TheProgressWatchdogs(t *testing.T) {
	for name, stall := range map[string]func(p *pair){
		"at one message": func(p *pair) { p.bridge.Handling = 11 * time.Second },
		"none finished":  func(p *pair) { p.bridge.HoldPrimary = true; p.say(message("stuck")) },
	} {
		p := newPair(t, overseer.Config{})
		p.say(message("work")) // it has worked before: the patience for starting is over
		stall(p)
		p.Advance(12 * time.Second)
		if len(p.Killed) != 1 || !strings.Contains(p.Killed[0].Cause, name) {
			t.Errorf("%s: %+v", name, p.Killed)
		}
	}
}

func TestRule10TheMemoryWatchdog(t *testing.T) {
	p := newPair(t, overseer.Config{Limits: overseer.Limits{MaxRSS: 1 << 30}})
	p.bridge.RSS = 2 << 30
	p.Advance(2 * time.Second)
	if len(p.Killed) != 1 || !strings.Contains(p.Killed[0].Cause, "2048 MiB") {
		t.Errorf("%+v", p.Killed)
	}
}

// A node that was suspended kills nobody when it wakes.
func TestRule10NobodyIsBlamedForTheOverseersOwnSleep(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.say(message("before"))
	p.Advance(time.Second)
	now := p.Runtime.Now().Add(time.Hour)
	p.Core.Broker.Tick(now)
	for _, e := range p.Core.Broker.Events() {
		t.Errorf("%s: %s", e.Instance.Name, e.Cause)
	}
}
