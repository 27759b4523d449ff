package networkbridge_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

func frames() (out []*nbv1.Frame) {
	h := hash(3)
	return []*nbv1.Frame{
		{Kind: &nbv1.Frame_Hello{Hello: hello(validation, collation)}},
		{Kind: &nbv1.Frame_ViewUpdate{ViewUpdate: &nbv1.ViewUpdate{Family: validation, Heads: [][]byte{h[:]}}}},
		{Kind: &nbv1.Frame_Membership{Membership: &nbv1.Membership{Families: []nbv1.Family{collation}}}},
		{Kind: &nbv1.Frame_PeerExchange{
			PeerExchange: &nbv1.PeerExchange{Peers: []*nbv1.PeerAddress{{Peer: raw(id(9)),
				Addresses: []string{"/memory/9"}}}},
		}},
		{Kind: &nbv1.Frame_Message{Message: &nbv1.WireMessage{Protocol: "snow", Payload: []byte("x")}}},
		{
			Kind: &nbv1.Frame_Request{Request: &nbv1.WireRequest{Id: 1, Protocol: "stmt", Payload: []byte("x"),
				DeadlineMs: 10}},
		},
		{Kind: &nbv1.Frame_Response{
			Response: &nbv1.WireResponse{Id: 1, Outcome: &nbv1.WireResponse_Error{Error: &nbv1.WireError{Code: 3}}},
		}},
		{Kind: &nbv1.Frame_Twin{Twin: &nbv1.Twin{}}},
		{Kind: &nbv1.Frame_Clock{Clock: &nbv1.Clock{UnixMillis: 1<<64 - 1}}},
	}
}

func seed(f *testing.F) {
	for _, frame := range frames() {
		b, err := proto.Marshal(frame)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, byte(0))
	}
	f.Add([]byte{0x22, 0x02, 0x0a, 0x00}, byte(1))
}

// FuzzPeer lets a peer say anything, once before and once after its hello. Nothing may panic, the bridge answers
// afterwards, and a good peer beside it is still served.
func FuzzPeer(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte, lane byte) {
		s := newFixture(t)
		good := s.friend(3, validation)
		s.peer(4).sendRaw(nb.Lane(lane%byte(nb.Lanes)), b)
		s.friend(2, validation, collation).sendRaw(nb.Lane(lane%byte(nb.Lanes)), b)
		s.news()
		good.message(nb.LaneConsensus, "snow", "vote")
		expect(t, s.news(), `engine: 3 says "vote"`)
	})
}

// FuzzFrame reads anything as a frame. What is accepted has no missing parts.
func FuzzFrame(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte, _ byte) {
		var frame nbv1.Frame
		if decode.Unmarshal(b, &frame, decode.Budget{Bytes: 4096, Elements: 400, Depth: 4}) != nil {
			return
		}
		switch k := frame.GetKind().(type) {
		case *nbv1.Frame_Hello:
			if len(k.Hello.GetNetworkId()) != 32 || len(k.Hello.GetAddresses()) > 8 {
				t.Fatalf("accepted %v", k)
			}
		case *nbv1.Frame_ViewUpdate:
			if len(k.ViewUpdate.GetHeads()) > 5 || k.ViewUpdate.GetFamily() == 0 {
				t.Fatalf("accepted %v", k)
			}
		case *nbv1.Frame_PeerExchange:
			if len(k.PeerExchange.GetPeers()) > 32 {
				t.Fatalf("accepted %v", k)
			}
		case *nbv1.Frame_Response:
			if k.Response.GetOutcome() == nil {
				t.Fatalf("accepted %v", k)
			}
		case nil:
			t.Fatal("accepted a frame of no kind")
		}
	})
}
