package networkbridge_test

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

func texts(frames []*nbv1.Frame) (out []string) {
	for _, f := range frames {
		if m := f.GetMessage(); m != nil {
			out = append(out, m.GetProtocol()+" "+string(m.GetPayload()))
		}
	}
	return out
}

func TestOneMessageReachesEveryListedPeerThatTakesPart(t *testing.T) {
	s := opened(t)
	a, b, c := s.friend(2, validation), s.friend(3, validation), s.friend(4, collation)
	s.Send("engine", &nbv1.SendConsensusMessage{
		Peers: [][]byte{raw(id(2)), raw(id(4)), raw(id(9)), {1, 2}, raw(id(3))}, Protocol: "snow",
		Payload: []byte("query"),
	})
	s.run()
	if len(a.lanes) != 1 || a.lanes[0] != nb.LaneConsensus {
		t.Errorf("lanes %v", a.lanes)
	}
	expect(t, texts(a.heard()), "snow query")
	expect(t, texts(b.heard()), "snow query")
	expect(t, texts(c.heard()))
}

func TestWhatAProtocolDoesNotAllowIsNotSent(t *testing.T) {
	s := opened(t)
	p := s.friend(2, collation)
	peers := [][]byte{raw(id(2))}
	s.Send("collator", &nbv1.SendMessage{Peers: peers, Protocol: "nope", Payload: []byte("x")})
	s.Send("collator", &nbv1.SendMessage{Peers: peers, Protocol: "coll", Payload: make([]byte, 1001)})
	s.Send("collator", &nbv1.SendMessage{Peers: peers, Protocol: "coll", Payload: []byte("small")})
	s.run()
	expect(t, texts(p.heard()), "coll small")
}

// quiet takes part in the network, and waits to be called.
func (s *fixture) quiet(n byte) *peer {
	p := &peer{Node: s.net.Node(id(n)), s: s}
	if err := p.Start(p.hear); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func TestConfiguredPeersAreCalledUntilTheyAnswer(t *testing.T) {
	s := opened(t, func(c *nb.Config) {
		c.Peers = []nb.Address{{Node: id(2), At: []string{"/memory/2"}}, {Node: id(0), At: []string{"/memory/0"}}}
	})
	s.Advance(time.Minute)
	if s.info(2).GetLastError() == "" {
		t.Error("why it can't be reached isn't on record")
	}
	p := s.quiet(2)
	s.Advance(10 * time.Second)
	s.run()
	if !p.up {
		t.Fatal("it wasn't called again")
	}
	p.Disconnect(s.me)
	s.run()
	s.Advance(time.Second)
	s.run()
	if !p.up {
		t.Fatal("a lost peer wasn't called again within a second")
	}
}

func TestPeersIntroducePeers(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	far := s.quiet(7)
	named := &nbv1.PeerExchange{Peers: []*nbv1.PeerAddress{
		{Peer: raw(id(7)), Addresses: []string{"/memory/7"}}, {Peer: raw(id(1)), Addresses: []string{"/memory/me"}},
	}}
	p.send(nb.LaneBacking, &nbv1.Frame{Kind: &nbv1.Frame_PeerExchange{PeerExchange: named}})
	s.Advance(time.Second)
	s.run()
	if !far.up {
		t.Fatal("the peer that was named wasn't called")
	}
	h := hello(validation)
	h.Addresses = []string{"/memory/7"}
	far.greetWith(h)
	p.heard()
	s.Advance(2 * time.Minute)
	s.run()
	count := 0
	for _, f := range p.heard() {
		for _, a := range f.GetPeerExchange().GetPeers() {
			if a.GetPeer()[0] == 7 {
				count++
			}
		}
	}
	if count == 0 {
		t.Error("the first peer doesn't learn of the second")
	}
	for range 2 {
		p.send(nb.LaneBacking, &nbv1.Frame{Kind: &nbv1.Frame_PeerExchange{PeerExchange: &nbv1.PeerExchange{}}})
	}
	if got := s.info(2).GetReputation(); got != -20 {
		t.Errorf("naming peers too often: reputation %d", got)
	}
}

func TestConnectToValidatorsReportsEachAndEndsWithTheAsker(t *testing.T) {
	s := opened(t)
	s.friend(2, validation)
	a := s.Ask("collator", &nbv1.ConnectToValidators{Validators: [][]byte{raw(id(2)), raw(id(3))}})
	got := func() (ids []byte) {
		for _, i := range a.Items {
			ids = append(ids, i.(*nbv1.ConnectToValidatorsResponse).GetPeer()[0])
		}
		return ids
	}
	if string(got()) != "\x02" {
		t.Errorf("at once: %v", got())
	}
	p := s.friend(3, validation)
	if string(got()) != "\x02\x03" {
		t.Errorf("when it comes: %v", got())
	}
	a.Cancel()
	p.Disconnect(s.me)
	s.run()
	s.friend(3, validation)
	if len(a.Items) != 2 {
		t.Errorf("after the end: %v", got())
	}
}

func TestWhatIsDroppedIsCounted(t *testing.T) {
	s := opened(t)
	p := s.friend(2, collation)
	s.Send("collator", &nbv1.SendMessage{Peers: [][]byte{raw(id(2))}, Protocol: "coll", Payload: make([]byte, 1001)})
	p.respond(77, "nobody asked")
	d := overseertest.Must[*nbv1.PeersResponse](t, s.Ask("cli", &nbv1.Peers{})).GetDropped()
	if d.GetOversize() != 1 || d.GetLateResponses() != 1 || d.GetShed() != 0 {
		t.Errorf("counted %v", d)
	}
}
