package p2p

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/reevenet/reeve/internal/core/addrbook"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// victim is a started node whose events can be awaited.
type victim struct {
	*Network
	t    *testing.T
	news chan nb.Event
}

func start(t *testing.T, i byte) *victim {
	t.Helper()
	seed := bytes.Repeat([]byte{i}, ed25519.SeedSize)
	n, err := New(Config{Key: ed25519.NewKeyFromSeed(seed), Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{Network: n, t: t, news: make(chan nb.Event, 1<<16)}
	if err := n.Start(func(e nb.Event) { v.news <- e }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return v
}

func (v *victim) address() nb.Address { return nb.Address{Node: v.self, At: v.Addresses()} }

func (v *victim) await(k nb.Kind) nb.Event {
	v.t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		select {
		case e := <-v.news:
			if e.Kind == k {
				return e
			}
		case <-deadline:
			v.t.Fatalf("waited in vain for an event of kind %d", k)
		}
	}
}

// stranger calls the victim with the machinery of a node, and then does as it likes on the raw link.
func stranger(t *testing.T, v *victim) *link {
	t.Helper()
	s := start(t, 99)
	l, err := s.call(v.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.release)
	v.await(nb.Up)
	return l
}

func TestAFrameThatIsTooLongEndsTheLink(t *testing.T) {
	v := start(t, 1)
	l := stranger(t, v)
	l.lanes[nb.LaneGossip].stream.Write(binary.AppendUvarint(nil, 1<<40))
	if e := v.await(nb.Down); !strings.Contains(e.Err.Error(), "announced a frame") {
		t.Errorf("the reason is %v", e.Err)
	}
}

func TestAStreamThatIsNoLaneEndsTheLink(t *testing.T) {
	v := start(t, 1)
	l := stranger(t, v)
	s, err := l.conns[0].OpenStream(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s.Write([]byte("anyone there?"))
	if e := v.await(nb.Down); e.Err != errExtraStream {
		t.Errorf("the reason is %v", e.Err)
	}
}

func TestAPeerThatReadsNothingIsDroppedWithoutTakingMemory(t *testing.T) {
	v := start(t, 1)
	l := stranger(t, v) // its streams are never read
	frame := make([]byte, 1<<20)
	sent := 0
	for v.Send(l.net.self, nb.LaneConsensus, frame) {
		if sent++; sent > 64 {
			t.Fatal("64 MiB wait for a peer that reads nothing")
		}
	}
	if e := v.await(nb.Down); e.Err != errTooSlow {
		t.Errorf("the reason is %v", e.Err)
	}
}

func TestGossipIsShedAndTheLinkStays(t *testing.T) {
	v := start(t, 1)
	l := stranger(t, v)
	frame := make([]byte, 100<<10)
	shed := 0
	for range 200 {
		if !v.Send(l.net.self, nb.LaneGossip, frame) {
			shed++
		}
	}
	if shed == 0 {
		t.Error("20 MiB of gossip were taken for a peer that reads nothing")
	}
	if !v.Send(l.net.self, nb.LaneConsensus, []byte("vote")) {
		t.Error("the consensus lane suffers from it")
	}
	if f, err := readFrame(l.lanes[nb.LaneConsensus].reader, 100); err != nil || string(f) != "vote" {
		t.Errorf("the vote came as %q, %v", f, err)
	}
}

func TestAPeerStartedAnewReplacesTheLinkOfItsOldRun(t *testing.T) {
	v := start(t, 1)
	old := stranger(t, v) // like a node that hangs: it neither speaks nor closes
	fresh := start(t, 99)
	fresh.Connect(v.address())
	if e := v.await(nb.Down); e.Err != errReplaced || e.Peer != old.net.self {
		t.Errorf("the old link's end is %+v", e)
	}
	v.await(nb.Up)
	fresh.await(nb.Up)
	fresh.Send(v.self, nb.LaneConsensus, []byte("back again"))
	if e := v.await(nb.Frame); string(e.Bytes) != "back again" {
		t.Errorf("heard %q", e.Bytes)
	}
}

func TestWhoIsNotConsumedIsNotRead(t *testing.T) {
	a, b := start(t, 1), start(t, 2)
	a.Connect(b.address())
	a.await(nb.Up)
	b.await(nb.Up)
	frame := make([]byte, 1<<20)
	for range 16 {
		a.Send(b.self, nb.LaneBulk, frame)
	}
	for range incoming / len(frame) {
		b.await(nb.Frame)
	}
	select {
	case e := <-b.news:
		t.Fatalf("with a full window there came %d bytes more", len(e.Bytes))
	case <-time.After(100 * time.Millisecond):
	}
	b.Consumed(a.self, nb.LaneBulk, len(frame))
	b.await(nb.Frame)
}

func TestHalfOpenConnectionsDoNotKeepAnHonestPeerOut(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as a handshake may")
	}
	v, honest := start(t, 1), start(t, 2)
	at, err := manet.ToNetAddr(v.listens[0])
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * handshaking {
		c, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	begun := time.Now()
	for range 50 {
		honest.Connect(v.address())
		if e := <-honest.news; e.Kind == nb.Up {
			break
		}
		time.Sleep(100 * time.Millisecond) // what the bridge's pause between calls does
	}
	v.await(nb.Up)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestOnlyEd25519KeysAreNodes(t *testing.T) {
	key, _, err := crypto.GenerateECDSAKeyPair(
		strings.NewReader(strings.Repeat("not random, but long enough for a key", 20)),
	)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if (gate{}).InterceptSecured(0, id, nil) {
		t.Error("an ECDSA key was let in")
	}
	v := start(t, 1)
	own, err := PeerID(v.self)
	if err != nil || !(gate{}).InterceptSecured(0, own, nil) {
		t.Errorf("a node's own key was kept out: %v", err)
	}
	if back, err := NodeID(own); err != nil || back != v.self {
		t.Errorf("%s came back as %s, %v", v.self, back, err)
	}
}

func TestANodeThatListensEverywhereDoesNotSayThatItIsAtItsLoopback(t *testing.T) {
	n, err := New(Config{Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Listen: []string{
		"/ip4/0.0.0.0/tcp/0", "/ip6/::/tcp/0",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.Start(func(nb.Event) {}); err != nil {
		t.Fatal(err)
	}
	for _, at := range n.Addresses() {
		if addrbook.ScopeOf(at) == addrbook.Loopback {
			t.Errorf("it says that it is at %s", at)
		}
	}
}

func TestAddressesWithNamesAreLookedUp(t *testing.T) {
	got, err := resolve(context.Background(), "/dns4/localhost/tcp/9651")
	if err != nil || len(got) == 0 || !got[0].Equal(ma.StringCast("/ip4/127.0.0.1/tcp/9651")) {
		t.Errorf("localhost is at %v, %v", got, err)
	}
	for _, bad := range []string{"", "localhost:9651", "/dns4/a b/tcp/1"} {
		if got, err := resolve(context.Background(), bad); err == nil && len(got) > 0 {
			t.Errorf("%q is at %v", bad, got)
		}
	}
}
