package engine

import (
	"bytes"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// fixedCore stands still on its last block.
type fixedCore struct {
	*alone
	stands bool
	root   snowman.Anchor
}

func (f fixedCore) started() bool                              { return f.stands }
func (f fixedCore) last() snowman.Anchor                       { return f.root }
func (f fixedCore) accepted(id primitives.Hash) bool           { return id == f.root.ID }
func (f fixedCore) block(primitives.Hash) (*block.Block, bool) { return nil, false }

func testGets(t *testing.T, started bool) (*alone, *gets) {
	a := testAlone(t)
	core := fixedCore{a, started, snowman.Anchor{ID: primitives.Hash{7}, Height: 3}}
	return a, &gets{
		sub: a.sub, send: testSender(a), core: core,
		questions: newQuestions(partSet(t, 4), a.sub, func() bool { return false }),
	}
}

// opened is the only message that was sent, which is for one peer.
func opened(t *testing.T, sent []overseertest.Sent) *enginev1.PeerMessage {
	t.Helper()
	if len(sent) != 1 {
		t.Fatalf("%d messages were sent: %v", len(sent), sent)
	}
	to, payload := addressed(sent[0])
	w, err := open(partChain.ID, payload)
	if err != nil || len(to) != 1 {
		t.Fatalf("%v to %d peers", err, len(to))
	}
	return w
}

func TestWhatIsAcceptedIsAnsweredInOneMessageInTheOrderOfTheQuestion(t *testing.T) {
	a, g := testGets(t, true)
	id := func(i byte) []byte { return bytes.Repeat([]byte{i}, 32) }
	last := g.core.last().ID
	ids := [][]byte{id(1), id(2), id(3), last[:]}
	a.do(func() { g.accepted(partNode(1), &enginev1.GetAccepted{RequestId: 4, ContainerIds: ids}) })
	for i := range 3 {
		asks := a.Sent()
		if q, ok := asks[0].Body.(*vmv1.GetConsensusBlock); !ok || len(asks) != 1 ||
			!bytes.Equal(q.GetBlockId(), ids[i]) {
			t.Fatalf("for id %d the host is asked %v", i+1, asks)
		}
		if i == 1 {
			asks[0].Fail(subsystem.Unavailable, "restarting")
		} else {
			asks[0].Reply(&vmv1.GetConsensusBlockResponse{Block: &vmv1.AcceptedBlock{}})
		}
	}
	got := opened(t, a.Sent()).GetAccepted_().GetContainerIds()
	if want := [][]byte{ids[0], ids[2], ids[3]}; !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("accepted: %x", got)
	}
}

func TestWhatCantBeServedIsRefusedExplicitly(t *testing.T) {
	id := bytes.Repeat([]byte{1}, 32)
	for what, at := range map[string]struct {
		started bool
		ask     func(*gets)
		answer  requests.Answer
	}{
		"a frontier before the start": {false, func(g *gets) {
			g.acceptedFrontier(partNode(1), &enginev1.GetAcceptedFrontier{RequestId: 4})
		}, requests.AcceptedFrontier},
		"a block while the host is down": {true, func(g *gets) {
			g.get(partNode(1), &enginev1.Get{RequestId: 4, ContainerId: id})
		}, requests.Put},
		"ancestors while the host is down": {true, func(g *gets) {
			g.ancestors(partNode(1), &enginev1.GetAncestors{RequestId: 4, ContainerId: id})
		}, requests.Ancestors},
	} {
		a, g := testGets(t, at.started)
		a.do(func() { at.ask(g) })
		sent := a.Sent()
		if sent[0].Request {
			sent[0].Fail(subsystem.Unavailable, "restarting")
			sent = a.Sent()
		}
		u := opened(t, sent).GetUnanswered()
		if u.GetRequestId() != 4 || u.GetAnswer() != enginev1.Answer(at.answer) || u.GetReason() == "" {
			t.Errorf("%s: %v", what, u)
		}
	}
}

// What a stranger asks for comes in short pieces, and costs it when it asks for more than it may.
func TestStrangersAreServedInShortPiecesAndPayForGreed(t *testing.T) {
	a, g := testGets(t, true)
	stranger, id := partNode(100), bytes.Repeat([]byte{1}, 32)
	for n, most := range map[primitives.NodeID]uint32{stranger: shortAnswer, partNode(1): maxAnswer} {
		a.do(func() { g.ancestors(n, &enginev1.GetAncestors{RequestId: 1, ContainerId: id}) })
		if q, _ := overseertest.Expect[*vmv1.GetAncestors](a.Overseer); q.GetMaxBytes() != most {
			t.Errorf("%v is served %d bytes at once", n.Short(), q.GetMaxBytes())
		}
	}
	a.do(func() { g.ancestors(stranger, &enginev1.GetAncestors{RequestId: 2, ContainerId: id}) })
	overseertest.Expect[*nbv1.SendConsensusMessage](a.Overseer) // the refusal
	if r, _ := overseertest.Expect[*nbv1.ReportPeer](a.Overseer); r.GetCostBenefit() != -costGreedy {
		t.Errorf("it costs %d", -r.GetCostBenefit())
	}
}

func TestEveryMessageTravelsOnTheLaneOfItsKind(t *testing.T) {
	a := testAlone(t)
	s := testSender(a)
	send := func(m proto.Message) { a.do(func() { s.to(partNode(1), m) }) }
	send(&enginev1.Chits{})
	overseertest.Expect[*nbv1.SendConsensusMessage](a.Overseer)
	send(&enginev1.Ancestors{})
	overseertest.Expect[*nbv1.SendBulk](a.Overseer)
	send(&enginev1.AppRequest{})
	overseertest.Expect[*nbv1.SendMessage](a.Overseer)
	send(&enginev1.AppGossip{})
	overseertest.Expect[*nbv1.SendGossip](a.Overseer)
	send(&enginev1.NetworkBridgeUpdate{}) // is nothing for peers
	a.ExpectNothing()
}

func TestAnAnswerThatCantBeReadEndsItsRequestAndCostsItsSender(t *testing.T) {
	short, whole := []byte{1}, bytes.Repeat([]byte{1}, 32)
	for what, say := range map[string]func(*consensus){
		"chits": func(c *consensus) {
			c.chits(partNode(1), &enginev1.Chits{
				RequestId: 4, PreferredId: whole, PreferredIdAtHeight: short, AcceptedId: whole,
			})
		},
		"a frontier": func(c *consensus) {
			c.acceptedFrontier(partNode(1), &enginev1.AcceptedFrontier{RequestId: 4, ContainerId: short})
		},
		"accepted ids": func(c *consensus) {
			c.accepted(partNode(1), &enginev1.Accepted{RequestId: 4, ContainerIds: [][]byte{whole, short}})
		},
	} {
		a := testAlone(t)
		c := &consensus{send: testSender(a), core: fixedCore{alone: a, stands: true}}
		a.do(func() { say(c) })
		overseertest.Expect[*nbv1.ReportPeer](a.Overseer)
		in := a.got()
		failed, ok := in[0].(snowman.RequestFailed)
		if len(in) != 1 || !ok || failed.Reason != requests.Undecodable || failed.RequestID != 4 {
			t.Errorf("%s: the core is handed %v", what, in)
		}
	}
}

func TestAQueryIsAnsweredEvenBeforeTheStart(t *testing.T) {
	a := testAlone(t)
	c := &consensus{send: testSender(a), core: fixedCore{alone: a}}
	id := bytes.Repeat([]byte{1}, 32)
	a.do(func() { c.pullQuery(partNode(1), &enginev1.PullQuery{RequestId: 4, ContainerId: id}) })
	if u := opened(t, a.Sent()).GetUnanswered(); u.GetRequestId() != 4 || len(a.got()) != 0 {
		t.Errorf("it is answered %v", u)
	}
}
