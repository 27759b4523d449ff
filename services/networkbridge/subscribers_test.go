package networkbridge

import (
	"testing"

	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// number is news of state that can be told apart.
func number(i int) *nbv1.NetworkBridgeEvent {
	id := node(i)
	return &nbv1.NetworkBridgeEvent{
		Kind: &nbv1.NetworkBridgeEvent_PeerConnected{PeerConnected: &nbv1.PeerConnected{Peer: id[:]}},
	}
}

func TestMessagesOfOneTurnGoTogetherAndNewsStaysBehindThoseBeforeIt(t *testing.T) {
	a := testAlone(t)
	s := a.subscribers(t, testProtocol)
	p := s.find("test", "")
	a.do(func() {
		s.enqueue(p, node(1), []byte("one"))
		s.enqueue(p, node(2), []byte("two"))
		s.notify(p, number(3))
		s.enqueue(p, node(1), []byte("three"))
		s.flushAll()
	})
	news := a.news()
	if len(news) != 3 || len(news[0].GetPeerMessages().GetMessages()) != 2 || news[1].GetPeerConnected() == nil ||
		len(news[2].Messages()) != 1 {
		t.Errorf("the subsystem gets %v", news)
	}
	for _, e := range news {
		if e.GetProtocol() != "test" {
			t.Errorf("an event doesn't name its protocol: %v", e)
		}
	}
}

func TestABatchIsBounded(t *testing.T) {
	a := testAlone(t)
	s := a.subscribers(t, testProtocol)
	p := s.find("test", "")
	a.do(func() {
		for range 5 {
			s.enqueue(p, node(1), make([]byte, maxBatch/2))
		}
		s.flushAll()
	})
	for _, e := range a.news() {
		if n := len(e.Messages()); n > 2 {
			t.Errorf("%d messages of half a batch each go together", n)
		}
	}
}

// Whoever has no room for news gets all of it anew, once there is room; messages meanwhile are dropped and counted.
func TestNewsThatFindsNoRoomIsFollowedByEverything(t *testing.T) {
	a := testAlone(t)
	s := a.subscribers(t, testProtocol)
	p := s.find("test", "")
	s.state = func(*protocol) []*nbv1.NetworkBridgeEvent { return []*nbv1.NetworkBridgeEvent{number(7), number(8)} }
	sent := 0
	a.do(func() {
		for ; !p.stale && sent < 1<<20; sent++ {
			s.notify(p, number(sent%100))
		}
		s.enqueue(p, node(1), []byte("lost"))
		s.flushAll()
		if s.request(p, &nbv1.PeerRequest{}) {
			t.Error("a request found room")
		}
	})
	if got := len(a.news()); got != sent-1 || s.dropped.Undeliverable != 2 {
		t.Fatalf("of %d news %d arrived, %d messages are undeliverable", sent, got, s.dropped.Undeliverable)
	}
	a.Advance(repairPause)
	news := a.news()
	if len(news) != 3 || news[0].GetPeersReset() == nil || p.stale {
		t.Errorf("after the repair the subsystem gets %v", news)
	}
}

func TestOnlyTheSubsystemThatAProtocolBelongsToRegistersForIt(t *testing.T) {
	a := testAlone(t)
	s := a.subscribers(t, testProtocol)
	a.do(func() {
		s.register("collator", "test", "")
		s.register("engine", "unheard-of", "")
	})
	if news := a.news(); len(news) != 0 {
		t.Errorf("somebody else gets %v", news)
	}
	a.do(func() { s.register("engine", "test", "") })
	if news := a.news(); len(news) != 1 || news[0].GetPeersReset() == nil {
		t.Errorf("its own gets %v", news)
	}
	if s.add(testProtocol, nil) == nil {
		t.Error("it is declared twice")
	}
}
