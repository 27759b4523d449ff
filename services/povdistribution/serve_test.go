package povdistribution

import (
	"testing"

	"google.golang.org/protobuf/proto"

	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
)

const (
	outOfOurs  = "-100 a question about a relay parent out of this node's view"
	outOfTheir = "-100 a question about a relay parent out of the peer's view"
)

func TestWhoHasTheRelayParentInViewIsServed(t *testing.T) {
	const stranger = 50
	f := start(t)
	pov := proof(1, 100)
	f.distribute(rp, pov)
	f.connect(stranger, rp)
	f.ask(stranger, rp, pov, 0, pdv1.MaxPart)
	f.ask(stranger, rp, pov, 90, 100)
	f.ask(stranger, rp, pov, 10, 20)
	f.ask(stranger, rp, proof(2, 100), 0, 100)
	f.expect("to 50: 100 of 100 bytes", "to 50: 10 of 100 bytes", "to 50: 20 of 100 bytes", "to 50: REFUSAL_NOT_HERE")
}

// P1: a question about a relay parent that isn't in both views costs.
func TestAQuestionOutOfViewCosts(t *testing.T) {
	f := start(t)
	f.connect(9, other)
	pov := proof(1, 100)
	f.distribute(rp, pov)
	f.ask(9, other, pov, 0, 100)
	f.expect("report 9: "+outOfOurs, "to 9: REFUSAL_OUT_OF_VIEW")
	f.ask(9, rp, pov, 0, 100)
	f.expect()
	f.Advance(earlyWait)
	f.expect("report 9: "+outOfTheir, "to 9: REFUSAL_OUT_OF_VIEW")
}

// Questions and views travel on different lanes, so either may be first; that costs nobody anything.
func TestAQuestionThatOvertakesItsViewOrComesAfterIt(t *testing.T) {
	f := start(t)
	f.connect(9)
	pov := proof(1, 100)
	f.distribute(rp, pov)
	f.ask(9, rp, pov, 0, 100)
	f.view(9, other)
	f.expect()
	f.view(9, rp)
	f.expect("to 9: 100 of 100 bytes")
	f.view(9)
	f.ask(9, rp, pov, 0, 100)
	f.expect("to 9: 100 of 100 bytes")
	f.StopWork(rp[:])
	f.ask(9, rp, pov, 0, 100)
	f.expect("to 9: REFUSAL_OUT_OF_VIEW")
	f.Advance(earlyWait)
	f.expect()
}

func TestBytesThatAreNoQuestionCost(t *testing.T) {
	const cost = "report 1: -500 a question about a proof that can't be read"
	h := make([]byte, 32)
	for name, q := range map[string]*pdv1.PartRequest{
		"nothing": {}, "a short hash": {RelayParent: h, PovHash: h[1:], Length: 1},
		"a short relay parent": {RelayParent: h[1:], PovHash: h, Length: 1},
		"no bytes":             {RelayParent: h, PovHash: h},
		"too many":             {RelayParent: h, PovHash: h, Length: pdv1.MaxPart + 1},
	} {
		f := start(t)
		b, err := proto.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		f.request(1, b)
		t.Log(name)
		f.expect(cost, "to 1: REFUSAL_MALFORMED")
	}
	f := start(t)
	f.distribute(rp, proof(1, 10))
	f.ask(1, rp, proof(1, 10), 10, 1)
	f.expect("report 1: -100 a question about what is no part of the proof", "to 1: REFUSAL_MALFORMED")
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessage{
		PeerMessage: &nbv1.PeerMessage{Peer: id(1), Payload: []byte("gossip")}}})
	f.expect(cost)
}

// A proof whose blob is gone isn't served, and can be fetched again.
func TestAProofThatIsGoneIsNotHere(t *testing.T) {
	f := start(t)
	pov := proof(1, 10)
	f.distribute(rp, pov)
	ref := f.fetch(pov).Reply.(*pdv1.FetchPoVResponse).GetPov().GetBlockData()
	for _, holder := range []string{"candidate-backing", Name} {
		if err := f.Blobs.Release(holder, ref); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Blobs.Put("somebody", []byte("new"), 1); err != nil {
		t.Fatal(err)
	}
	f.ask(1, rp, pov, 0, 10)
	f.expect("to 1: REFUSAL_NOT_HERE")
	a := f.fetch(pov, 1)
	sends(f.asked(1, 0), pov, 0)
	f.got(a, pov)
}

// FuzzRequest lets a peer ask anything. Nothing may panic, and a good peer beside it is served.
func FuzzRequest(f *testing.F) {
	h := make([]byte, 32)
	b, err := proto.Marshal(&pdv1.PartRequest{RelayParent: rp[:], PovHash: h, Offset: 1, Length: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		s := start(t)
		pov := proof(1, 10)
		s.distribute(rp, pov)
		s.request(1, b)
		s.news()
		s.ask(2, rp, pov, 0, 10)
		s.expect("to 2: 10 of 10 bytes")
	})
}

// FuzzPart lets a backer send anything. The next one is asked, unless it was right.
func FuzzPart(f *testing.F) {
	f.Add([]byte{8, 1, 18, 1, 'x'})
	f.Add([]byte{8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := start(t)
		pov := proof(1, 10)
		a := s.fetch(pov, 1, 2)
		s.asked(1, 0).Reply(&nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Payload{Payload: b}})
		for _, m := range s.Sent() {
			if _, ok := m.Body.(*nbv1.SendRequest); ok {
				sends(m, pov, 0)
			}
		}
		if len(b) < pdv1.MaxPart { // one of so many bytes has more parts
			s.got(a, pov)
		}
	})
}
