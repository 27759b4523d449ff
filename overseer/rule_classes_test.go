package overseer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitydistributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// crew is a node of one sender and several instances of one subsystem.
type crew struct {
	*overseertest.Bus
	t      *testing.T
	sender *overseertest.Member
	parts  []*part
	name   string
	class  subsystem.Class
}

func newCrew(t *testing.T, name string, class subsystem.Class, n int, says ...proto.Message) *crew {
	t.Helper()
	c := &crew{Bus: overseertest.NodeWith(t, overseer.Config{}), t: t, name: name, class: class}
	c.sender = c.Attach((&part{}).spec("bitfield-signing", subsystem.Single,
		append(says, &overseerv1.BlockImported{})...), "sender")
	for range n {
		c.join()
	}
	c.Settle()
	return c
}

func (c *crew) join() {
	p := &part{}
	c.parts = append(c.parts, p)
	c.Attach(p.spec(c.name, c.class), "")
}

func (c *crew) member(n int) *overseertest.Member { return c.Member(n + 1) }

func (c *crew) say(messages ...proto.Message) {
	c.sender.Do(func(sub *subsystem.Sub) {
		for _, m := range messages {
			sub.Send(m)
		}
	})
}

func chunk(n int) proto.Message {
	return &availabilitydistributionv1.DistributeChunk{Candidate: block(fmt.Sprint("candidate ", n))}
}

func update() proto.Message { return &availabilitydistributionv1.NetworkBridgeUpdate{} }

func TestClassPoolWorkGoesToTheLeastBusy(t *testing.T) {
	c := newCrew(t, "candidate-validation", subsystem.Pool, 3, &candidatevalidationv1.Validate{})
	var open []*subsystem.Message
	c.parts[0].on = func(m *subsystem.Message) { open = append(open, m) } // slow
	for _, p := range c.parts[1:] {
		p.on = func(m *subsystem.Message) { m.Reply(&candidatevalidationv1.ValidateResponse{}) }
	}
	done := 0
	for range 100 {
		c.sender.Do(func(sub *subsystem.Sub) {
			subsystem.Ask(sub, &candidatevalidationv1.Validate{}, time.Minute,
				func(_ *candidatevalidationv1.ValidateResponse, err error) {
					if err != nil {
						t.Error(err)
					}
					done++
				})
		})
	}
	if n := len(c.parts[0].heard); n > 2 {
		t.Errorf("the busy one was given %d", n)
	}
	if done != 100-len(open) {
		t.Errorf("%d of 100 done, %d are with the busy one", done, len(open))
	}
}

// What the pool has no hands for waits, and a question whose asker gave up leaves its place to the next.
// A peer's questions go to one shard, the same for all of a peer; other news goes to each.
func TestClassShardedPeersQuestionsGoToOneInstance(t *testing.T) {
	c := newCrew(t, "availability-distribution", subsystem.Sharded, 3, update())
	got := make([]map[string]int, len(c.parts))
	for i, p := range c.parts {
		got[i] = map[string]int{}
		p.on = func(m *subsystem.Message) {
			e := m.Body.(*availabilitydistributionv1.NetworkBridgeUpdate).GetEvent()
			got[i][string(e.GetPeerRequest().GetPeer())]++
		}
	}
	for n := range 30 {
		for range 2 {
			c.say(&availabilitydistributionv1.NetworkBridgeUpdate{Event: &nbv1.NetworkBridgeEvent{
				Kind: &nbv1.NetworkBridgeEvent_PeerRequest{PeerRequest: &nbv1.PeerRequest{Peer: block(fmt.Sprint("peer ", n))}}}})
		}
	}
	c.say(update())
	c.Settle()
	peers := 0
	for i, of := range got {
		if of[""] != 1 || len(of) == 1 {
			t.Errorf("instance %d got %v", i, of)
		}
		for peer, asked := range of {
			if peer != "" && asked != 2 {
				t.Errorf("instance %d got %d of 2 questions of a peer", i, asked)
			}
		}
		peers += len(of) - 1
	}
	if peers != 30 {
		t.Errorf("questions of %d peers", peers)
	}
}

func TestClassPoolIdleInstancesWorkInTurn(t *testing.T) {
	c := newCrew(t, "candidate-validation", subsystem.Pool, 3, &candidatevalidationv1.Validate{})
	got := make([]int, len(c.parts))
	for i, p := range c.parts {
		p.on = func(m *subsystem.Message) {
			got[i]++
			m.Reply(&candidatevalidationv1.ValidateResponse{})
		}
	}
	for range 30 {
		c.sender.Do(func(sub *subsystem.Sub) {
			subsystem.Ask(sub, &candidatevalidationv1.Validate{}, time.Minute,
				func(*candidatevalidationv1.ValidateResponse, error) {})
		})
		c.Settle()
	}
	if !slices.Equal(got, []int{10, 10, 10}) {
		t.Errorf("they were given %v", got)
	}
}

func TestClassPoolWaitsForAFreeHand(t *testing.T) {
	c := newCrew(t, "candidate-validation", subsystem.Pool, 1, &candidatevalidationv1.Validate{})
	c.member(0).Deaf = true
	var first, rest []*outcome
	for n := range 8 {
		timeout := time.Minute
		if n < 4 {
			timeout = time.Second
		}
		o := ask[*candidatevalidationv1.ValidateResponse](c.sender, &candidatevalidationv1.Validate{}, timeout)
		if n < 4 {
			first = append(first, o)
		} else {
			rest = append(rest, o)
		}
	}
	c.Advance(2 * time.Second)
	c.parts[0].on = func(m *subsystem.Message) { m.Reply(&candidatevalidationv1.ValidateResponse{}) }
	c.member(0).Deaf = false
	c.Advance(time.Second)
	for _, o := range first {
		o.code(t, subsystem.TimedOut)
	}
	for _, o := range rest {
		o.code(t, 0)
	}
}

func TestClassShardedByKeyAndStableWhenOneComes(t *testing.T) {
	c := newCrew(t, "availability-distribution", subsystem.Sharded, 3, &availabilitydistributionv1.DistributeChunk{})
	where := func() (at []int) {
		for n := range 60 {
			c.say(chunk(n))
			for i, p := range c.parts {
				if len(p.heard) > 0 {
					at = append(at, i)
				}
				p.heard = nil
			}
		}
		return at
	}
	before := where()
	if len(before) != 60 || !slices.Contains(before, 0) || !slices.Contains(before, 1) || !slices.Contains(before, 2) {
		t.Fatalf("divided as %v", before)
	}
	if !slices.Equal(before, where()) {
		t.Error("the same keys went elsewhere")
	}
	c.join()
	c.Settle()
	moved := 0
	for n, at := range where() {
		if at != before[n] {
			moved++
			if at != 3 {
				t.Errorf("key %d moved from %d to %d, which was there before", n, before[n], at)
			}
		}
	}
	if moved == 0 || moved > 30 {
		t.Errorf("%d of 60 keys moved to the new one", moved)
	}
	c.Advance(time.Second) // what has been handled is known to be
	c.member(3).Kill()
	if got := where(); !slices.Equal(got, before) {
		t.Errorf("after it went: %v, before %v", got, before)
	}
}

func TestClassShardedUnkeyedMessagesReachEveryShardOnce(t *testing.T) {
	c := newCrew(t, "availability-distribution", subsystem.Sharded, 3,
		&availabilitydistributionv1.NetworkBridgeUpdate{}, &availabilitydistributionv1.DistributeChunk{})
	for range 5000 { // more than a window: the credit of each comes back once, with the last copy
		c.say(update())
	}
	c.Advance(time.Second)
	for n, p := range c.parts {
		if len(p.heard) != 5000 {
			t.Errorf("shard %d heard %d of 5000", n, len(p.heard))
		}
		p.heard = nil
	}
	c.member(0).Frozen = true // one that is slow, then dies, holds nothing up for good and repeats nothing for others
	c.say(update())
	c.member(0).Kill()
	c.say(update())
	c.join()
	c.Settle()
	c.say(update())
	for n, want := range []int{0, 3, 3, 1} {
		if got := len(c.parts[n].heard); got != want {
			t.Errorf("shard %d heard %d, want %d", n, got, want)
		}
	}
	if st := c.Core.Broker.Status(); c.Status(c.name).Waiting != 0 || st.Open != 0 {
		t.Errorf("%+v", c.Status(c.name))
	}
}

// A new shard takes over its keys from the others' mailboxes, and none of their copies.
func TestClassShardedANewShardTakesNoCopies(t *testing.T) {
	c := newCrew(t, "availability-distribution", subsystem.Sharded, 2,
		&availabilitydistributionv1.NetworkBridgeUpdate{}, &availabilitydistributionv1.DistributeChunk{})
	c.member(0).Deaf, c.member(1).Deaf = true, true
	c.say(update(), chunk(1), chunk(2), chunk(3))
	c.join()
	c.Settle()
	c.member(0).Deaf, c.member(1).Deaf = false, false
	c.Settle()
	chunks := 0
	for n, want := range []int{1, 1, 0} {
		got := 0
		for _, h := range c.parts[n].heard {
			if h == "NetworkBridgeUpdate" {
				got++
			} else {
				chunks++
			}
		}
		if got != want {
			t.Errorf("shard %d heard %d updates, want %d", n, got, want)
		}
	}
	if chunks != 3 {
		t.Errorf("%d chunks of 3", chunks)
	}
}

// Without any shard it waits, and then goes to all that are there when the first comes, or to the first.
func TestClassShardedUnkeyedMessagesWaitForTheFirstShard(t *testing.T) {
	c := newCrew(t, "availability-distribution", subsystem.Sharded, 2,
		&availabilitydistributionv1.NetworkBridgeUpdate{})
	c.member(0).Frozen, c.member(1).Frozen = true, true
	c.say(update())
	c.member(0).Kill()
	c.member(1).Kill()
	c.member(0).Start()
	c.Settle()
	c.member(1).Start()
	c.Settle()
	if len(c.parts[0].heard)+len(c.parts[1].heard) != 1 {
		t.Errorf("heard %v and %v", c.parts[0].heard, c.parts[1].heard)
	}
}

func TestClassSingleHasAWarmStandbyThatTakesOver(t *testing.T) {
	p := newPair(t, overseer.Config{})
	spare := &part{}
	second := p.Attach(spare.bridge(), "spare")
	p.Settle()
	p.say(imported("A", "0", 1), message("1"))
	if spare.starts != 0 || len(spare.heard) != 0 {
		t.Fatalf("the standby was started %d times and heard %v", spare.starts, spare.heard)
	}
	p.say(imported("B", "A", 2))
	p.bridge.Frozen = true
	p.say(message("2"))
	p.bridge.Kill()
	p.Settle()
	p.say(message("3"))
	spare.hears(t, "start B", "SendMessage 2 again 1", "SendMessage 3")
	if spare.starts != 1 || second.Instance().Standby {
		t.Errorf("started %d times, standby %t", spare.starts, second.Instance().Standby)
	}
	p.bridge.Start() // the first comes back and is the standby now
	p.Settle()
	if p.b.starts != 1 || !p.bridge.Instance().Standby {
		t.Error("two live instances of a single subsystem")
	}
}

// When a live instance loses its connection the standby takes over at once; the first has a handler and must not become
// a second live one: it ends, and its parent starts it afresh.
func TestClassSingleNeverHasTwoLiveHandlers(t *testing.T) {
	p := newPair(t, overseer.Config{})
	spare := &part{}
	p.Attach(spare.bridge(), "spare")
	p.Settle()
	p.bridge.Cut()
	p.Settle()
	if p.bridge.Running() || spare.starts != 1 {
		t.Errorf("the first runs: %t; the standby was started %d times", p.bridge.Running(), spare.starts)
	}
	p.bridge.Start()
	p.Settle()
	p.say(message("1"))
	spare.hears(t, "SendMessage 1")
	p.b.hears(t)
}

// The overseer's restart is no reason to change places: who was live is live.
func TestClassSingleKeepsItsPlaceOverAReconnect(t *testing.T) {
	p := newPair(t, overseer.Config{})
	spare := &part{}
	p.Attach(spare.bridge(), "spare")
	p.Settle()
	p.bridge.Reconnect()
	p.Settle()
	p.say(message("1"))
	p.b.hears(t, "SendMessage 1")
	if spare.starts != 0 || p.b.starts != 1 {
		t.Errorf("started %d and %d times", p.b.starts, spare.starts)
	}
}

// A subsystem hears who of those that it talks to is there, when it starts and when that changes.
func TestPresenceIsToldAtTheStartAndWhenItChanges(t *testing.T) {
	w := &watcher{}
	bus := overseertest.NodeWith(t, overseer.Config{})
	bridge := bus.Attach((&part{}).bridge(), "bridge")
	bus.Attach(subsystem.Spec{Name: "bitfield-signing", Sends: []proto.Message{message("")},
		New: func(*subsystem.Sub) (subsystem.Handler, error) { return w, nil }}, "watcher")
	bus.Settle()
	bridge.Kill()
	bus.Settle()
	bridge.Start()
	bus.Settle()
	if want := []string{"network-bridge true", "network-bridge false", "network-bridge true"}; !slices.Equal(w.saw,
		want) {
		t.Errorf("%v, want %v", w.saw, want)
	}
}

type watcher struct {
	part
	saw []string
}

func (w *watcher) Presence(p subsystem.Presence) {
	of := ""
	if p.Chain != "" {
		of = " of " + p.Chain
	}
	w.saw = append(w.saw, fmt.Sprint(p.Subsystem, of, " ", p.Present))
}
