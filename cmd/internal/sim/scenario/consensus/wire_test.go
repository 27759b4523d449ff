package consensus

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

func frameOf(t *testing.T, chain primitives.Hash, m *enginev1.PeerMessage) []byte {
	t.Helper()
	m.ChainId = chain[:]
	payload, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	wire := &nbv1.WireMessage{Protocol: "consensus", Payload: payload}
	frame, err := proto.Marshal(&nbv1.Frame{Kind: &nbv1.Frame_Message{Message: wire}})
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// What the simulation reads by hand is what the protocol says.
func TestFramesAreReadAsTheProtocolWritesThem(t *testing.T) {
	a, b, c := primitives.Hash{1}, primitives.Hash{2}, primitives.Hash{3}
	chain := primitives.Hash{8}
	read := func(kind protowire.Number, sent *enginev1.PeerMessage) message {
		m, ok := readFrame(frameOf(t, chain, sent))
		if !ok || m.kind != kind || string(m.chain) != string(chain[:]) {
			t.Errorf("%v is read as %+v", sent, m)
		}
		return m
	}
	m := read(peerChits, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Chits{Chits: &enginev1.Chits{
		RequestId: 7, PreferredId: a[:], PreferredIdAtHeight: b[:], AcceptedId: c[:], AcceptedHeight: 9,
	}}})
	accepted, _ := hashAt(m.body, chitsAccepted)
	if accepted != c || number(m.body, chitsAcceptedUpTo) != 9 || number(m.body, requestID) != 7 {
		t.Errorf("chits are read as %+v", m)
	}
	m = read(peerPull, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_PullQuery{
		PullQuery: &enginev1.PullQuery{ContainerId: a[:], RequestedHeight: 3},
	}})
	if got, _ := hashAt(m.body, container); got != a || number(m.body, requestedHeight) != 3 {
		t.Errorf("a pull query is read as %+v", m)
	}
	m = read(peerPush, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_PushQuery{
		PushQuery: &enginev1.PushQuery{Container: a[:]},
	}})
	if string(field(m.body, container)) != string(a[:]) {
		t.Errorf("a push query is read as %+v", m)
	}
	m = read(peerPut, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Put{Put: &enginev1.Put{Container: a[:]}}})
	if string(field(m.body, container)) != string(a[:]) {
		t.Errorf("a put is read as %+v", m)
	}
}

func TestFramesWithoutAnEngineMessageAreLeftAlone(t *testing.T) {
	greeting := &nbv1.Hello{NetworkId: make([]byte, 32), Agent: "x"}
	hello, err := proto.Marshal(&nbv1.Frame{Kind: &nbv1.Frame_Hello{Hello: greeting}})
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range [][]byte{nil, {0xff}, hello, {0x2a, 0x03, 0x12, 0x7f}} {
		if m, ok := readFrame(frame); ok {
			t.Errorf("%x is read as %+v", frame, m)
		}
	}
}
