package peerslots

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
)

var start = time.Unix(1000, 0)

func id(n int) primitives.NodeID { return primitives.NodeID{byte(n), byte(n >> 8)} }

// ears remember when who was heard.
type ears map[primitives.NodeID]time.Time

func (e ears) heard(id primitives.NodeID) (time.Time, bool) {
	at, greeted := e[id]
	return at, greeted
}

func caller(n int, network string) Peer { return Peer{ID: id(n), Network: network} }

func TestStrangersGetAFifthAndCallersHalfOfThat(t *testing.T) {
	e := ears{}
	table := New(20, e.heard)
	for i := range 100 {
		table.Admit(caller(i, ""), start)
	}
	if n := len(table.slots); n != 2 {
		t.Fatalf("%d callers have slots, 2 of 20 are theirs", n)
	}
	for i := range 100 {
		table.Admit(Peer{ID: id(200 + i), Called: true}, start)
	}
	if len(table.slots) != 4 || table.Called() != 2 {
		t.Fatalf("%d strangers have slots, %d of them called; want 4 and 2", len(table.slots), table.Called())
	}
}

func TestAValidatorAlwaysFindsASlotThatAStrangerHas(t *testing.T) {
	e := ears{id(100): start}
	table := New(5, e.heard)
	table.Admit(Peer{ID: id(100), Called: true}, start)
	for i := range 4 {
		if ok, evicted := table.Admit(Peer{ID: id(i), Reserved: true}, start); !ok || evicted != nil {
			t.Fatalf("validator %d: admitted %v, evicted %v", i, ok, evicted)
		}
	}
	if ok, evicted := table.Admit(Peer{ID: id(4), Reserved: true}, start); !ok || evicted == nil || *evicted != id(100) {
		t.Fatalf("the fifth validator: admitted %v, evicted %v", ok, evicted)
	}
	if ok, _ := table.Admit(Peer{ID: id(5), Reserved: true}, start); ok {
		t.Fatal("a sixth one got a slot of five")
	}
}

func TestWhoComesAgainHasOneSlot(t *testing.T) {
	table := New(10, ears{}.heard)
	for range 5 {
		if ok, _ := table.Admit(caller(1, ""), start); !ok {
			t.Fatal("a peer was refused because it was there before")
		}
	}
	table.Leave(id(1))
	if len(table.slots) != 0 {
		t.Fatal("the slot wasn't freed")
	}
}

// However many callers say nothing, who comes next finds a slot, and keeps it while it speaks.
func TestSilentCallersKeepNobodyOut(t *testing.T) {
	e := ears{}
	table := New(100, e.heard) // ten are callers'
	for i := range 50 {
		table.Admit(caller(i, ""), start)
	}
	honest := id(1000)
	if ok, evicted := table.Admit(caller(1000, ""), start); !ok || evicted == nil {
		t.Fatalf("it finds no slot: %v, %v", ok, evicted)
	}
	now := start
	for i := range 500 {
		now = now.Add(time.Second / 2)
		e[honest] = now
		if _, evicted := table.Admit(caller(100+i%300, ""), now); evicted != nil && *evicted == honest {
			t.Fatalf("it lost its slot after %s to one that says nothing", now.Sub(start))
		}
	}
}

func TestOfThoseWhoHaveGreetedTheMostSilentGoesButNoneWhoSpokeJustNow(t *testing.T) {
	e := ears{}
	table := New(20, e.heard)
	e[id(1)], e[id(2)] = start.Add(time.Second), start
	table.Admit(caller(1, ""), start)
	table.Admit(caller(2, ""), start)
	if ok, _ := table.Admit(caller(3, ""), start.Add(LeastSilence-1)); ok {
		t.Error("one that spoke a moment ago had to go")
	}
	if ok, evicted := table.Admit(caller(3, ""), start.Add(LeastSilence)); !ok || *evicted != id(2) {
		t.Errorf("admitted %v, evicted %v", ok, evicted)
	}
}

func TestANetworkHasAQuarterOfTheCallersSlots(t *testing.T) {
	e := ears{}
	table := New(200, e.heard) // twenty are callers'
	for i := range 100 {
		n := i
		e[id(n)] = start
		table.Admit(caller(n, "192.168.7.0/24"), start)
	}
	if n := len(table.slots); n != 5 {
		t.Fatalf("one network has %d slots", n)
	}
	e[id(500)] = start
	if ok, evicted := table.Admit(caller(500, "192.168.8.0/24"), start); !ok || evicted != nil {
		t.Errorf("another network's caller: admitted %v, evicted %v", ok, evicted)
	}
	// The network's own next caller takes the place of one of its own.
	later := start.Add(time.Minute)
	if ok, evicted := table.Admit(caller(501, "192.168.7.0/24"), later); !ok || *evicted == id(500) {
		t.Errorf("admitted %v, evicted %v", ok, evicted)
	}
}

func TestStrangersNeverPushAReservedPeerOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := ears{}
		table := New(rapid.IntRange(1, 40).Draw(t, "size"), e.heard)
		reserved := map[primitives.NodeID]bool{}
		now := start
		for range rapid.IntRange(0, 200).Draw(t, "arrivals") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "pause")) * time.Millisecond)
			p := Peer{
				ID: id(rapid.IntRange(0, 80).Draw(t, "peer")), Reserved: rapid.Bool().Draw(t, "reserved"),
				Called: rapid.Bool().Draw(t, "called"), Network: fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "network")),
			}
			if rapid.Bool().Draw(t, "speaks") {
				e[p.ID] = now
			}
			ok, evicted := table.Admit(p, now)
			delete(reserved, p.ID)
			if ok && p.Reserved {
				reserved[p.ID] = true
			}
			if evicted != nil && (reserved[*evicted] || p.Called && !p.Reserved) {
				t.Fatalf("%v lost its slot", evicted)
			}
			strangers := table.count(func(p Peer) bool { return !p.Reserved })
			if len(table.slots) > table.size || strangers > table.Open() ||
				len(table.slots)-strangers != len(reserved) {
				t.Fatalf("%d have slots, %d strangers, %d reserved", len(table.slots), strangers, len(reserved))
			}
		}
	})
}
