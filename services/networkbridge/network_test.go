package networkbridge_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
	"github.com/reevenet/reeve/services/networkbridge/p2p"
)

// node is a whole bridge in a network of such.
type node struct {
	*fixture
	heard []string
}

// bridge starts a bridge on a transport, knowing the given peers.
func bridge(t *testing.T, transport nb.Transport, peers ...nb.Address) *node {
	cfg := nb.Config{Transport: transport, NetworkID: hash(42), Protocols: protocols, Peers: peers}
	return &node{fixture: &fixture{Overseer: overseertest.Start(t, nb.Spec(cfg)), t: t, me: transport.Self()}}
}

// connected counts the peers that the engine knows.
func (n *node) connected() (count int) {
	n.heard = append(n.heard, n.news()...)
	for _, line := range n.heard {
		switch {
		case line == "engine: reset":
			count = 0
		case len(line) > 18 && line[:18] == "engine: connected ":
			count++
		case len(line) > 21 && line[:21] == "engine: disconnected ":
			count--
		}
	}
	return count
}

// TestStrangersFindEachOther: five bridges know nobody but the first; after a while all know all, and nobody is
// connected twice.
func TestStrangersFindEachOther(t *testing.T) {
	net := memnet.New(memnet.Config{})
	first := nb.Address{Node: id(1), At: []string{"/memory/1"}}
	var nodes []*node
	for n := byte(1); n <= 5; n++ {
		nodes = append(nodes, bridge(t, net.Node(id(n)), first))
	}
	for range 180 {
		for _, n := range nodes {
			n.Advance(time.Second)
			net.Run()
		}
	}
	for i, n := range nodes {
		if got := n.connected(); got != 4 {
			t.Errorf("node %d knows %d peers: %v", i+1, got, n.heard)
		}
	}
}

// TestAPartitionHeals: links that fail are reported as lost, and come back when the network does.
func TestAPartitionHeals(t *testing.T) {
	net := memnet.New(memnet.Config{})
	var nodes []*node
	for n := byte(1); n <= 4; n++ {
		var others []nb.Address
		for o := byte(1); o <= 4; o++ {
			others = append(others, nb.Address{Node: id(o), At: []string{fmt.Sprint("/memory/", o)}})
		}
		nodes = append(nodes, bridge(t, net.Node(id(n)), others...))
	}
	turn := func(seconds int) {
		for range seconds * 10 {
			for _, n := range nodes {
				n.Advance(100 * time.Millisecond)
				net.Run()
			}
		}
	}
	expectEach := func(when string, want int) {
		t.Helper()
		for i, n := range nodes {
			if got := n.connected(); got != want {
				t.Errorf("%s: node %d knows %d peers, want %d", when, i+1, got, want)
			}
		}
	}
	turn(2)
	expectEach("after two seconds", 3)
	for from := range nodes {
		for to := range nodes {
			net.Block(from, to, (from < 2) != (to < 2))
		}
	}
	for i, n := range nodes {
		leaf := hash(byte(i + 1))
		n.StartWork(leaf[:], leaf[:], 1) // something is said, so that the ends notice
	}
	turn(5)
	expectEach("in two halves", 1)
	net.Heal()
	turn(10)
	expectEach("healed", 3)
}

// eventful is a transport whose events can be awaited.
type eventful struct {
	nb.Transport
	news chan struct{}
}

func (e *eventful) Start(events func(nb.Event)) error {
	return e.Transport.Start(func(ev nb.Event) {
		events(ev)
		select {
		case e.news <- struct{}{}:
		default:
		}
	})
}

// TestTwoBridgesOverSockets: the same handlers, with TLS between them.
func TestTwoBridgesOverSockets(t *testing.T) {
	news := make(chan struct{}, 1)
	start := func(seed byte, peers ...nb.Address) (*node, *p2p.Network) {
		raw := [ed25519.SeedSize]byte{seed}
		net, err := p2p.New(p2p.Config{Key: ed25519.NewKeyFromSeed(raw[:]), Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { net.Close() })
		return bridge(t, &eventful{net, news}, peers...), net
	}
	a, netA := start(1)
	b, _ := start(2, nb.Address{Node: netA.Self(), At: netA.Addresses()})
	until := func(what string, ok func() bool) {
		t.Helper()
		deadline := time.After(10 * time.Second)
		for !ok() {
			select {
			case <-news:
			case <-deadline:
				t.Fatalf("waited in vain for %s", what)
			}
			a.Step()
			b.Step()
		}
	}
	b.Advance(time.Second) // the call of the one with the larger id waits a moment
	until("the two to meet", func() bool { return a.connected() == 1 && b.connected() == 1 })
	question := a.Ask(
		"statement-distribution", &nbv1.SendRequest{Peer: raw(b.me), Protocol: "stmt", Payload: []byte("there?")},
	)
	answered := false
	until("the answer", func() bool {
		for _, m := range b.Sent() {
			if update, ok := m.Body.(interface {
				GetEvent() *nbv1.NetworkBridgeEvent
			}); ok && update.GetEvent().GetPeerRequest() != nil {
				r := update.GetEvent().GetPeerRequest()
				b.Send("statement-distribution", &nbv1.SendResponse{
					Peer: r.GetPeer(), RequestId: r.GetRequestId(),
					Outcome: &nbv1.SendResponse_Payload{Payload: []byte("here")},
				})
				answered = true
			}
		}
		return answered && question.Done
	})
	if got := outcome(t, question); got != "here" {
		t.Errorf("outcome %s", got)
	}
}
