package vmhost

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// Whatever comes in whatever order, and however often the VM is started anew: a request that was taken ends once, in
// the life that asked.
func TestEveryRequestEndsOnceInTheLifeThatAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, number := time.Unix(1000, 0), uint32(0)
		node := rapid.Custom(func(t *rapid.T) primitives.NodeID {
			return primitives.NodeID{rapid.ByteRange(1,
				3).Draw(t, "node")}
		})
		life, open := newOutcomes(), map[requests.Request]bool{} // by the VM's numbers
		ended := func(list ...requests.Request) {
			for _, own := range list {
				if !open[own] {
					t.Fatalf("%v ended without being open", own)
				}
				delete(open, own)
			}
		}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			n, any := node.Draw(t, "of"), rapid.Uint32Range(0, number+1).Draw(t, "number")
			switch rapid.IntRange(0, 7).Draw(t, "op") {
			case 0, 1, 2:
				id, to := rapid.Uint32Range(0, 3).Draw(t, "id"), rapid.SliceOfN(node, 1, 3).Draw(t, "to")
				taken := false
				for _, n := range to {
					taken = taken || open[requests.Request{NodeID: n, RequestID: id}]
				}
				number++
				if _, err := life.ask(to, id, number, now, time.Second); (err != nil) != taken {
					t.Fatalf("ask(%v, %d) = %v", to, id, err)
				}
				for _, n := range to {
					if !taken {
						open[requests.Request{NodeID: n, RequestID: id}] = true
					}
				}
			case 3:
				if own, ok := life.answered(n, any, now); ok {
					ended(own)
				}
			case 4:
				if own, ok := life.failed(n, any); ok {
					ended(own)
				}
			case 5:
				now = now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "ms")) * time.Millisecond)
				ended(life.expire(now)...)
			case 6:
				ended(life.disconnect(n)...)
			case 7:
				life.close()
				if _, err := life.ask([]primitives.NodeID{n}, 0, number+1, now, time.Second); err == nil {
					t.Fatal("a life that is over asks")
				}
				life, open = newOutcomes(), map[requests.Request]bool{}
			}
		}
		ended(life.cancel()...)
		if len(open) != 0 || len(life.vm) != 0 || len(life.network) != 0 {
			t.Fatalf("left: %v, %v, %v", open, life.vm, life.network)
		}
	})
}

func TestAPeersRequestIsAnsweredOnceAndInTime(t *testing.T) {
	now, alice := time.Unix(1000, 0), primitives.NodeID{1}
	o := newOutcomes()
	for id := range uint32(3) {
		if err := o.owe(alice, id, now, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.owe(alice, 0, now, time.Second); err == nil {
		t.Error("a number that is open was taken again")
	}
	if !o.settle(alice, 0, now) || o.settle(alice, 0, now) {
		t.Error("an answer goes out once")
	}
	if o.settle(alice, 1, now.Add(time.Minute)) {
		t.Error("an answer went out when nobody waited any more")
	}
	if err := o.owe(alice, 4, now, time.Second); err != nil {
		t.Error(err)
	}
	if owed := o.close(); len(owed) != 1 || owed[0].ID != 4 {
		t.Errorf("owed at the end: %v", owed)
	}
}
