package engine

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// stranger speaks to the first node of a fixture and hears what it answers.
type stranger struct {
	*node
	id primitives.NodeID
}

func newStranger(s *fixture) *stranger {
	st := &stranger{node: s.nodes[0], id: primitives.NodeID{200}}
	st.update(peerConnected(st.id))
	s.settle()
	return st
}

// ask sends a message and returns the answers to it.
func (st *stranger) ask(m proto.Message) (answers []proto.Message) {
	wire, err := seal(st.fixture.chain.ID, m)
	if err != nil {
		st.fixture.t.Fatal(err)
	}
	return st.sendOn(travelsOn(wrap(m)), wire)
}

func (st *stranger) sendRaw(payload []byte) (answers []proto.Message) {
	return st.sendOn(ProtocolConsensus, payload)
}

func (st *stranger) sendOn(protocol string, payload []byte) (answers []proto.Message) {
	st.update(peerMessage(protocol, st.id, payload))
	for sent := st.Sent(); len(sent) > 0; sent = st.Sent() {
		for _, s := range sent {
			if to, payload := addressed(s); len(to) == 1 && bytes.Equal(to[0], st.id[:]) {
				w, err := open(st.fixture.chain.ID, payload)
				if err != nil {
					st.fixture.t.Fatal(err)
				}
				answers = append(answers, content(w))
				continue
			}
			st.serve(s)
		}
	}
	return answers
}

// content is what a peer's message has inside.
func content(w *enginev1.PeerMessage) proto.Message {
	m := w.ProtoReflect()
	return m.Get(m.WhichOneof(m.Descriptor().Oneofs().ByName("kind"))).Message().Interface()
}

func addressed(s overseertest.Sent) (to [][]byte, payload []byte) {
	switch m := s.Body.(type) {
	case *nbv1.SendConsensusMessage:
		return m.GetPeers(), m.GetPayload()
	case *nbv1.SendBulk:
		return m.GetPeers(), m.GetPayload()
	case *nbv1.SendMessage:
		return m.GetPeers(), m.GetPayload()
	}
	return nil, nil
}

func TestEveryRequestOfAPeerIsAnswered(t *testing.T) {
	for _, started := range []bool{false, true} {
		s := newFixture(t, 1).start()
		if started {
			s.pass(50 * time.Millisecond)
			s.nodes[0].offer("hello")
			s.until(time.Second, s.allAt(1))
		}
		st := newStranger(s)
		nowhere := bytes.Repeat([]byte{7}, 32)
		for name, m := range map[string]proto.Message{
			"GetAcceptedFrontier":     &enginev1.GetAcceptedFrontier{RequestId: 1},
			"GetAccepted":             &enginev1.GetAccepted{RequestId: 1, ContainerIds: [][]byte{nowhere, {1}, nil}},
			"GetAccepted of nothing":  &enginev1.GetAccepted{RequestId: 1},
			"GetAccepted of too many": &enginev1.GetAccepted{RequestId: 1, ContainerIds: make([][]byte, 1000)},
			"GetAncestors":            &enginev1.GetAncestors{RequestId: 1, ContainerId: nowhere},
			"Get":                     &enginev1.Get{RequestId: 1, ContainerId: nowhere},
			"Get of no id":            &enginev1.Get{RequestId: 1, ContainerId: []byte{1}},
			"PullQuery":               &enginev1.PullQuery{RequestId: 1, ContainerId: nowhere},
			"PullQuery of no id":      &enginev1.PullQuery{RequestId: 1},
			"PushQuery of no block":   &enginev1.PushQuery{RequestId: 1, Container: []byte("nonsense")},
			"GetStateSummaryFrontier": &enginev1.GetStateSummaryFrontier{RequestId: 1},
			"GetAcceptedStateSummary": &enginev1.GetAcceptedStateSummary{RequestId: 1, Heights: []uint64{1, 2}},
			"summaries of too many":   &enginev1.GetAcceptedStateSummary{RequestId: 1, Heights: make([]uint64, 1000)},
		} {
			if answers := st.ask(m); len(answers) == 0 {
				t.Errorf("started %v: %s gets no answer", started, name)
			}
		}
	}
}

func TestABlockThatWasAcceptedIsServed(t *testing.T) {
	s := newFixture(t, 1).start()
	s.pass(50 * time.Millisecond)
	for i := 1; i <= 3; i++ {
		s.nodes[0].offer("tx")
		s.until(time.Second, s.allAt(i))
	}
	st, last := newStranger(s), s.nodes[0].accepted[2]
	id := last.GetBlockId()
	put, ok := st.ask(&enginev1.Get{RequestId: 1, ContainerId: id})[0].(*enginev1.Put)
	if !ok || !bytes.Equal(put.GetContainer(), last.GetConsensusBlock()) {
		t.Errorf("Get: %v", put)
	}
	ancestors, ok := st.ask(&enginev1.GetAncestors{RequestId: 1, ContainerId: id})[0].(*enginev1.Ancestors)
	if !ok || len(ancestors.GetContainers()) != 3 {
		t.Errorf("GetAncestors: %d blocks", len(ancestors.GetContainers()))
	}
	ids := [][]byte{id, make([]byte, 32)}
	accepted, ok := st.ask(&enginev1.GetAccepted{RequestId: 1, ContainerIds: ids})[0].(*enginev1.Accepted)
	if !ok || len(accepted.GetContainerIds()) != 1 {
		t.Errorf("GetAccepted: %v", accepted)
	}
	q := &enginev1.PullQuery{RequestId: 1, ContainerId: id, RequestedHeight: 2}
	chits, ok := st.ask(q)[0].(*enginev1.Chits)
	second := s.nodes[0].accepted[1].GetBlockId()
	if !ok || chits.GetAcceptedHeight() != 3 || !bytes.Equal(chits.GetPreferredIdAtHeight(), second) {
		t.Errorf("PullQuery: %v", chits)
	}
}

func TestNonsenseCostsReputationAndNothingElse(t *testing.T) {
	s := newFixture(t, 1).start()
	s.pass(50 * time.Millisecond)
	st := newStranger(s)
	st.sendRaw([]byte("nonsense"))
	st.sendRaw(nil) // another chain's, as far as can be told
	st.ask(&enginev1.PushQuery{Container: make([]byte, 3<<20>>1)})
	if st.costs[st.id] != 2*costUndecodable {
		t.Errorf("it cost %d", st.costs[st.id])
	}
	s.nodes[0].offer("hello")
	s.until(time.Second, s.allAt(1))
}

// An empty element takes two bytes on the wire and an allocation here, so a frame could be worth dozens of its size.
func TestAFrameOfEmptyElementsIsRefusedBeforeItIsDecoded(t *testing.T) {
	s := newFixture(t, 1).start()
	s.pass(50 * time.Millisecond)
	st, most := newStranger(s), 1<<20-64
	for name, m := range map[string]proto.Message{
		"Ancestors":               &enginev1.Ancestors{Containers: make([][]byte, most)},
		"GetAccepted":             &enginev1.GetAccepted{ContainerIds: make([][]byte, most)},
		"Accepted":                &enginev1.Accepted{ContainerIds: make([][]byte, most)},
		"AcceptedStateSummary":    &enginev1.AcceptedStateSummary{SummaryIds: make([][]byte, most)},
		"GetAcceptedStateSummary": &enginev1.GetAcceptedStateSummary{Heights: make([]uint64, 2*most)},
	} {
		frame, err := seal(s.chain.ID, m)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = open(s.chain.ID, frame)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, decode.ErrBudget) || grown > 64<<10 {
			t.Errorf("%s: refusing %d bytes took %d bytes of memory: %v", name, len(frame), grown, err)
		}
		st.costs[st.id] = 0
		if answers := st.sendRaw(frame); len(answers) > 0 || st.costs[st.id] != costUndecodable {
			t.Errorf("%s: it was answered with %v and cost %d", name, answers, st.costs[st.id])
		}
	}
}

func TestTheLongestHonestAncestorsAreRead(t *testing.T) {
	blocks := make([][]byte, maxAncestors)
	for i := range blocks {
		blocks[i] = make([]byte, maxAnswer/maxAncestors)
	}
	frame, err := seal(primitives.Hash{1}, &enginev1.Ancestors{RequestId: 1, Containers: blocks})
	if err != nil {
		t.Fatal(err)
	}
	w, err := open(primitives.Hash{1}, frame)
	if err != nil || len(w.GetAncestors_().GetContainers()) != maxAncestors {
		t.Errorf("%d blocks in %d bytes: %v", maxAncestors, len(frame), err)
	}
}

// Who sent something is the connection's word, not the message's.
func TestAPeerCantSpeakInAnothersName(t *testing.T) {
	s := newFixture(t, 1).start()
	s.pass(50 * time.Millisecond)
	st, other := newStranger(s), primitives.NodeID{201}
	answers := st.ask(&enginev1.GetAcceptedFrontier{NodeId: other[:], RequestId: 4})
	if len(answers) != 1 {
		t.Errorf("the stranger was answered %v", answers)
	}
}

// A recorded message can be given to an engine as it is: the bus has each of them under a name of its own.
func TestAMessageOfTheBusNamesItsPeerItself(t *testing.T) {
	s := newFixture(t, 1).start()
	s.pass(50 * time.Millisecond)
	st := newStranger(s)
	st.Send("test", &enginev1.GetAcceptedFrontier{NodeId: st.id[:], RequestId: 4})
	for _, sent := range st.Sent() {
		if to, payload := addressed(sent); len(to) == 1 && bytes.Equal(to[0], st.id[:]) {
			w, err := open(s.chain.ID, payload)
			if err != nil || w.GetAcceptedFrontier_().GetRequestId() != 4 {
				t.Errorf("the answer is %v, %v", w, err)
			}
			return
		}
	}
	t.Error("it wasn't answered")
}

// FuzzPeerMessage gives an engine any bytes of any peer.
func FuzzPeerMessage(f *testing.F) {
	id := primitives.HashOf([]byte("chain"))
	for _, m := range []proto.Message{
		&enginev1.Chits{}, &enginev1.PushQuery{Container: []byte{1}}, &enginev1.Ancestors{Containers: [][]byte{{1}}},
		&enginev1.Unanswered{Answer: 7},
	} {
		wire, err := seal(id, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		s := newFixture(t, 1).start()
		s.pass(5 * time.Millisecond)
		for st, i := newStranger(s), 0; i < len(protocols); i++ {
			st.sendOn(protocols[i], payload)
		}
		if ended, err := s.nodes[0].Ended(); ended {
			t.Fatal(err)
		}
	})
}
