// Package transporttest is the contract of networkbridge.Transport as tests. Every implementation runs all of it: the
// sockets and the network in memory.
package transporttest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Setup makes nodes that can reach each other.
type Setup struct {
	// Node makes the transport of the i-th node, not started.
	Node func(t *testing.T, i int) nb.Transport
	// Drive makes everything happen that is queued, in an implementation where nothing happens by itself. Nil in
	// others.
	Drive func()
}

// Run checks the contract. The maker is called for each part anew.
func Run(t *testing.T, setup func(t *testing.T) Setup) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *fixture)
	}{
		{"a link comes up on both sides with the proven identity", linkComesUp},
		{"frames of a lane arrive whole and in order", framesInOrder},
		{"every lane carries a frame of its largest size", largestFrames},
		{"a frame that is too large for its lane isn't sent", tooLarge},
		{"sending without a link says so", noLink},
		{"a node that isn't there is unreachable", unreachable},
		{"a node is looked for, and doesn't notice", probe},
		{"calling a connected peer again changes nothing", callTwice},
		{"calls that cross leave one link", crossingCalls},
		{"disconnect ends the link on both sides, and it can be made again", disconnect},
		{"closing a node ends its links at the others", closing},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, &fixture{setup: setup(t)}) })
	}
}

// fixture holds the actors of one test.
type fixture struct{ setup Setup }

// actor is a started transport and what it reported.
type actor struct {
	nb.Transport
	drive func()

	mu   sync.Mutex
	seen []nb.Event
	news chan struct{}
}

func (s *fixture) actor(t *testing.T, i int) *actor {
	t.Helper()
	a := &actor{Transport: s.setup.Node(t, i), drive: s.setup.Drive, news: make(chan struct{}, 1)}
	if err := a.Start(a.hear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func (a *actor) hear(e nb.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, e)
	select {
	case a.news <- struct{}{}:
	default:
	}
}

func (a *actor) events() []nb.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]nb.Event(nil), a.seen...)
}

// await waits until want says yes to what was heard so far.
func (a *actor) await(t *testing.T, what string, want func([]nb.Event) bool) {
	t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		if a.drive != nil {
			a.drive()
		}
		if want(a.events()) {
			return
		}
		select {
		case <-a.news:
		case <-deadline:
			t.Fatalf("waited in vain for %s; heard %s", what, describe(a.events()))
		}
	}
}

func describe(events []nb.Event) string {
	out := ""
	for _, e := range events {
		out += fmt.Sprintf("\n  kind %d, %s, %s, %d bytes, %v", e.Kind, e.Peer.Short(), e.Lane, len(e.Bytes), e.Err)
	}
	return out
}

func (a *actor) address() nb.Address { return nb.Address{Node: a.Self(), At: a.Addresses()} }

// up tells whether the last news of the link to peer is that it is up.
func up(peer primitives.NodeID) func([]nb.Event) bool {
	return func(events []nb.Event) bool {
		is := false
		for _, e := range events {
			if e.Peer == peer && (e.Kind == nb.Up || e.Kind == nb.Down) {
				is = e.Kind == nb.Up
			}
		}
		return is
	}
}

func count(events []nb.Event, k nb.Kind, peer primitives.NodeID) (n int) {
	for _, e := range events {
		if e.Kind == k && e.Peer == peer {
			n++
		}
	}
	return n
}

func happened(k nb.Kind, peer primitives.NodeID, times int) func([]nb.Event) bool {
	return func(events []nb.Event) bool { return count(events, k, peer) >= times }
}

func (s *fixture) linked(t *testing.T) (a, b *actor) {
	t.Helper()
	a, b = s.actor(t, 1), s.actor(t, 2)
	a.Connect(b.address())
	a.await(t, "the link at the caller", up(b.Self()))
	b.await(t, "the link at the callee", up(a.Self()))
	return a, b
}

func frames(events []nb.Event, lane nb.Lane) (out [][]byte) {
	for _, e := range events {
		if e.Kind == nb.Frame && e.Lane == lane {
			out = append(out, e.Bytes)
		}
	}
	return out
}

func pattern(n int, seed byte) []byte {
	return bytes.Repeat([]byte{seed, seed + 1, seed + 2}, n/3+1)[:n]
}
