package peerslots

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func id(n int) primitives.NodeID { return primitives.NodeID{byte(n), byte(n >> 8)} }

func TestStrangersGetAFifthAndCallersHalfOfThat(t *testing.T) {
	table := New(20)
	admitted := 0
	for i := range 100 {
		if ok, _ := table.Admit(id(i), false, false); ok {
			admitted++
		}
	}
	if admitted != 2 {
		t.Fatalf("%d callers were admitted, 2 of 20 slots are theirs", admitted)
	}
	for i := range 100 {
		if ok, _ := table.Admit(id(200+i), false, true); ok {
			admitted++
		}
	}
	if admitted != 4 || table.Called() != 2 {
		t.Fatalf("%d strangers have slots, %d of them called; want 4 and 2", admitted, table.Called())
	}
}

func TestAValidatorAlwaysFindsASlotThatAStrangerHas(t *testing.T) {
	table := New(5)
	table.Admit(id(100), false, true)
	for i := range 4 {
		if ok, evicted := table.Admit(id(i), true, false); !ok || evicted != nil {
			t.Fatalf("validator %d: admitted %v, evicted %v", i, ok, evicted)
		}
	}
	if ok, evicted := table.Admit(id(4), true, false); !ok || evicted == nil || *evicted != id(100) {
		t.Fatalf("the fifth validator: admitted %v, evicted %v", ok, evicted)
	}
	if ok, _ := table.Admit(id(5), true, false); ok {
		t.Fatal("a sixth one got a slot of five")
	}
}

func TestWhoComesAgainHasOneSlot(t *testing.T) {
	table := New(10)
	for range 5 {
		if ok, _ := table.Admit(id(1), false, false); !ok {
			t.Fatal("a peer was refused because it was there before")
		}
	}
	table.Leave(id(1))
	if len(table.slots) != 0 {
		t.Fatal("the slot wasn't freed")
	}
}

func TestStrangersNeverPushAnyoneOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := New(rapid.IntRange(1, 40).Draw(t, "size"))
		reserved := map[primitives.NodeID]bool{}
		for range rapid.IntRange(0, 200).Draw(t, "arrivals") {
			peer, r := id(rapid.IntRange(0, 80).Draw(t, "peer")), rapid.Bool().Draw(t, "reserved")
			ok, evicted := table.Admit(peer, r, rapid.Bool().Draw(t, "called"))
			delete(reserved, peer)
			if ok && r {
				reserved[peer] = true
			}
			if evicted != nil && (!r || reserved[*evicted]) {
				t.Fatalf("%v lost its slot", evicted)
			}
			strangers, _ := table.count()
			if len(table.slots) > table.size || strangers > table.Open() ||
				len(table.slots)-strangers != len(reserved) {
				t.Fatalf("%d have slots, %d strangers, %d reserved", len(table.slots), strangers, len(reserved))
			}
		}
	})
}
