package consensus

import (
	"fmt"
	"testing"

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

func TestATraceNamesAMessageAndWhatItSays(t *testing.T) {
	a, b, c := primitives.Hash{0xa}, primitives.Hash{0xb}, primitives.Hash{0xc}
	chits := fmt.Sprintf("chits #7 %s %s %s@9", a.Short(), b.Short(), c.Short())
	for want, m := range map[string]*enginev1.PeerMessage{
		chits: {Kind: &enginev1.PeerMessage_Chits{Chits: &enginev1.Chits{
			RequestId: 7, PreferredId: a[:], PreferredIdAtHeight: b[:], AcceptedId: c[:], AcceptedHeight: 9,
		}}},
		"pull_query #3 " + a.Short(): {Kind: &enginev1.PeerMessage_PullQuery{PullQuery: &enginev1.PullQuery{
			RequestId: 3, ContainerId: a[:],
		}}},
		"votes 3.1 commit " + a.Short() + " by [5] 3.2 prepare none by [6]": {Kind: &enginev1.PeerMessage_Votes{
			Votes: &enginev1.Votes{Height: 3, Votes: []*enginev1.Vote{
				{Validator: 5, Round: 1, Phase: enginev1.Phase_PHASE_COMMIT, BlockId: a[:]},
				{Validator: 6, Round: 2, Phase: enginev1.Phase_PHASE_PREPARE},
			}},
		}},
		"proof unreadable": {Kind: &enginev1.PeerMessage_Proof{Proof: &enginev1.Proof{Proof: a[:]}}},
		"get_votes 4.2":    {Kind: &enginev1.PeerMessage_GetVotes_{GetVotes_: &enginev1.GetVotes{Height: 4, Round: 2}}},
		"put #2":           {Kind: &enginev1.PeerMessage_Put{Put: &enginev1.Put{RequestId: 2, Container: a[:]}}},
		"app_gossip":       {Kind: &enginev1.PeerMessage_AppGossip{AppGossip: &enginev1.AppGossip{}}},
	} {
		if got := describe(frameOf(t, primitives.Hash{8}, m)); got != want {
			t.Errorf("described as %q, want %q", got, want)
		}
	}
}

func TestFramesWithoutAnEngineMessageAreLeftAlone(t *testing.T) {
	greeting := &nbv1.Hello{NetworkId: make([]byte, 32), Agent: "x"}
	hello, err := proto.Marshal(&nbv1.Frame{Kind: &nbv1.Frame_Hello{Hello: greeting}})
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range [][]byte{nil, {0xff}, hello, {0x2a, 0x03, 0x12, 0x7f}} {
		if m := readFrame(frame); m != nil || describe(frame) != "" {
			t.Errorf("%x is read as %v", frame, m)
		}
	}
}
