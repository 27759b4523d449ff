package networkbridge

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/addrbook"
	"github.com/reevenet/reeve/internal/core/peerslots"
	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// learn enters strangers into the address book, from 1 to below to.
func (d *dialer) learn(to int) {
	for i := 1; i < to; i++ {
		d.book.Learn(node(i), []string{testAddress(i)}, addrbook.Teller{Name: fmt.Sprint(i)}, d.sub.Now())
	}
}

func TestNoMoreStrangersAreCalledThanThereAreSlotsFor(t *testing.T) {
	a := testAlone(t)
	d := a.dialer(Config{})
	d.learn(50)
	a.do(d.call)
	a.Advance(time.Second)
	if len(a.net.called) != calledWanted {
		t.Errorf("%d strangers are called", len(a.net.called))
	}
	seen := map[primitives.NodeID]bool{}
	for _, id := range a.net.called {
		if seen[id] {
			t.Errorf("%v is called twice at once", id)
		}
		seen[id] = true
	}
}

func TestWhoIsWantedIsCalledHoweverManyStrangersThereAre(t *testing.T) {
	a := testAlone(t)
	d := a.dialer(Config{Peers: []Address{{Node: node(3)}}}, 4)
	d.slots = peerslots.New(5, nil) // one stranger
	d.standing.validators[node(5)] = 1
	d.learn(20)
	a.do(d.call)
	a.Advance(time.Second)
	for _, i := range []int{3, 4, 5} {
		if !slices.Contains(a.net.called, node(i)) {
			t.Errorf("node %d is wanted and isn't called", i)
		}
	}
	if len(a.net.called) != 4 {
		t.Errorf("%d nodes are called", len(a.net.called))
	}
}

func TestWhoIsBannedIsNotCalledBeforeTheBanEnds(t *testing.T) {
	a := testAlone(t)
	d := a.dialer(Config{}, 1)
	a.do(func() {
		d.conduct.judge(node(1), "engine", -700, "x")
		d.conduct.judge(node(1), "other", -700, "x")
	})
	d.learn(2)
	until := d.conduct.bannedFor(node(1))
	if until == 0 {
		t.Fatal("it isn't banned")
	}
	a.do(d.call)
	if a.Advance(until - time.Second); len(a.net.called) != 0 {
		t.Error("it is called during its ban")
	}
	if a.Advance(time.Minute); len(a.net.called) == 0 {
		t.Error("it isn't called after its ban")
	}
}

func TestOnWhoeverReachesThisNodeNoCallIsWasted(t *testing.T) {
	a := testAlone(t)
	d := a.dialer(Config{}, 1)
	d.learn(2)
	d.connected(node(1))
	a.do(d.call)
	if a.Advance(time.Minute); len(a.net.called) != 0 {
		t.Error("a connected node is called")
	}
	a.do(func() {
		d.lost(node(1))
		d.call()
	})
	if a.Advance(time.Minute); len(a.net.called) == 0 {
		t.Error("a node that was lost isn't called again")
	}
}

func testAdmission(t *testing.T, cfg Config) (*alone, *admission) {
	a := testAlone(t)
	cfg.Transport, cfg.NetworkID = a.net, primitives.Hash{42}
	if err := cfg.complete(); err != nil {
		t.Fatal(err)
	}
	d := a.dialer(cfg)
	x := &admission{
		cfg: &cfg, sub: a.sub, links: a.links(), slots: d.slots, book: d.book, dialer: d, standing: d.standing,
		conduct: d.conduct, rumours: d.rumours(),
	}
	if err := x.prepare(); err != nil {
		t.Fatal(err)
	}
	return a, x
}

func TestWhoeverGetsASlotIsGreetedOnEveryLane(t *testing.T) {
	a, x := testAdmission(t, Config{})
	a.do(func() { x.up(Event{Peer: node(1), Address: testAddress(1)}) })
	f := a.net.frames()
	if len(f) != int(Lanes) || x.links.get(node(1)) == nil {
		t.Fatalf("%d hellos", len(f))
	}
	if h := f[0].GetHello(); primitives.Hash(h.GetNetworkId()) != x.cfg.NetworkID ||
		!slices.Equal(h.GetAddresses(), []string{"/ip4/8.0.0.1/tcp/1"}) {
		t.Errorf("it says %v", h)
	}
}

func TestWhoSaysNoHelloInTimeIsTurnedAwayAndWhoDoesStays(t *testing.T) {
	a, x := testAdmission(t, Config{})
	a.do(func() {
		x.up(Event{Peer: node(1)})
		x.up(Event{Peer: node(2)})
		id := x.cfg.NetworkID
		h := &nbv1.Hello{NetworkId: id[:], MinVersion: minVersion, MaxVersion: maxVersion}
		x.greet(x.links.get(node(2)), LaneGossip, []byte("hello"), h)
	})
	if a.Advance(helloWait - time.Second); len(a.net.ended) != 0 {
		t.Fatal("somebody had to go too early")
	}
	if a.Advance(time.Minute); !slices.Equal(a.net.ended, []primitives.NodeID{node(1)}) {
		t.Errorf("turned away: %v", a.net.ended)
	}
}

func TestCallersOfOneNetworkHaveAShareOfTheSlots(t *testing.T) {
	for private, want := range map[bool]int{false: 20 / 4, true: 20} {
		a, x := testAdmission(t, Config{PrivateNetworks: private})
		x.slots = peerslots.New(200, x.links.heard)
		a.do(func() {
			for i := range 100 {
				x.up(Event{Peer: node(i + 1), Inbound: true, Address: fmt.Sprintf("/ip4/10.1.2.%d/tcp/1", i)})
			}
		})
		if up := 100 - len(a.net.ended); up != want {
			t.Errorf("private networks %v: %d of one network are connected, want %d", private, up, want)
		}
	}
}

func TestAHelloThatDoesntFitEndsTheLink(t *testing.T) {
	good := func() *nbv1.Hello {
		id := primitives.Hash{42}
		return &nbv1.Hello{NetworkId: id[:], MinVersion: minVersion, MaxVersion: maxVersion}
	}
	other, late := good(), good()
	other.NetworkId[0]++
	late.MinVersion, late.MaxVersion = maxVersion+1, maxVersion+5
	for what, hellos := range map[string][]*nbv1.Hello{
		"of another network": {other}, "of a later version": {late}, "that differs from the first": {good(), other},
	} {
		a, x := testAdmission(t, Config{})
		a.do(func() {
			x.up(Event{Peer: node(1)})
			p := x.links.get(node(1))
			for lane, h := range hellos {
				if first := x.greet(p, Lane(lane), []byte(h.String()), h); first != (lane == 0 && len(hellos) > 1) {
					t.Errorf("a hello %s: lane %d, first %v", what, lane, first)
				}
			}
		})
		if p := x.links.get(node(1)); !p.leaving || !slices.Contains(a.net.ended, node(1)) ||
			x.links.faults[node(1)] == "" {
			t.Errorf("a hello %s is accepted", what)
		}
	}
}

func TestAValidatorThatNeedsASlotGetsAStrangers(t *testing.T) {
	a, x := testAdmission(t, Config{MaxPeers: 5})
	x.slots = peerslots.New(5, x.links.heard)
	x.standing.validators = map[primitives.NodeID]uint64{node(1): 1, node(2): 1, node(3): 1, node(4): 1, node(5): 1}
	a.do(func() {
		for _, i := range []int{9, 1, 2, 3, 4, 5} {
			x.up(Event{Peer: node(i)})
		}
	})
	if !slices.Equal(a.net.ended, []primitives.NodeID{node(9)}) {
		t.Errorf("turned away: %v", a.net.ended)
	}
	a.do(func() { x.up(Event{Peer: node(8)}) })
	if x.links.get(node(8)) != nil || x.links.faults[node(8)] == "" {
		t.Error("a stranger is admitted when all slots are taken")
	}
}

func TestAPeerThatBecomesAValidatorHasAValidatorsBudgetAndItsSlot(t *testing.T) {
	a, x := testAdmission(t, Config{})
	a.do(func() { x.up(Event{Peer: node(1)}) })
	before := x.links.get(node(1)).frames[LaneGossip].Burst()
	a.do(func() { x.setValidators(map[primitives.NodeID]uint64{node(1): 5}) })
	after := x.links.get(node(1)).frames[LaneGossip].Burst()
	if after != before*validatorBudget || x.slots.Called() != 0 {
		t.Errorf("a burst of %d became one of %d", before, after)
	}
	a.do(func() { x.down(Event{Peer: node(1)}) })
	if x.links.get(node(1)) != nil || len(x.links.order) != 0 {
		t.Error("its link is kept after its end")
	}
}

func TestWhyNodesArentConnectedIsRememberedOfSoMany(t *testing.T) {
	l := &links{faults: map[primitives.NodeID]string{}}
	for i := range 2 * maxFaults {
		l.fault(primitives.NodeID{byte(i), byte(i >> 8)}, "no")
	}
	l.fault(primitives.NodeID{}, "still no")
	if len(l.faults) != maxFaults || l.faults[primitives.NodeID{}] != "still no" {
		t.Errorf("of %d nodes; the first one's is %q", len(l.faults), l.faults[primitives.NodeID{}])
	}
}
