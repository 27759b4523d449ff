package engine

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// diesOn has a node's VM die whenever it is shown a block with a text, and forget the transaction by that. It counts.
func (n *node) diesOn(text string, times *int) {
	n.refuse = func(m proto.Message) *pluginv1.Error {
		var content []byte
		switch q := m.(type) {
		case *pluginv1.VerifyBlockRequest:
			content = q.GetContent()
		case *vmv1.AcceptBlock:
			content = q.GetConsensusBlock()
		}
		if !bytes.Contains(content, []byte(text)) {
			return nil
		}
		*times++
		n.pending = slices.DeleteFunc(n.pending, func(p string) bool { return p == text })
		return died
	}
}

// A validator, whose own VM lives through it, makes a block on which the VMs of the others die; or the only one does,
// and its own VM dies. The other blocks are final all the same, and who can't judge the block says so as long as it is
// there.
func TestABlockOnWhichVMsDieStopsNoNode(t *testing.T) {
	for _, size := range []int{1, 4} {
		s := newFixture(t, size).start()
		s.pass(100 * time.Millisecond)
		hit := s.nodes[size/4:]
		times := make([]int, len(hit))
		for i, n := range hit {
			n.diesOn("deadly", &times[i])
		}
		s.nodes[0].offer("deadly")
		s.until(5*time.Second, func() bool { return !slices.Contains(times, 0) })
		s.pass(3 * time.Second)
		for i, n := range hit {
			why := n.Trouble("judging")
			if !strings.Contains(why, "at height 1 by validator") || !strings.Contains(why, "the VM died on it") {
				t.Errorf("%d nodes: node %d says %q", size, i, why)
			}
			if times[i] > 4 {
				t.Errorf("%d nodes: the VM of node %d has died %d times", size, i, times[i])
			}
		}
		s.nodes[0].pending = nil
		for round := 1; round <= 3; round++ {
			for _, n := range s.nodes {
				n.offer("tx " + strings.Repeat("i", round))
			}
			s.until(10*time.Second, s.allAt(round))
		}
		for i, n := range s.nodes {
			if why := n.Trouble("judging"); why != "" || len(n.costs) > 0 {
				t.Errorf("%d nodes: after three blocks node %d says %q and has charged %v", size, i, why, n.costs)
			}
		}
	}
}

// The VM of one node can't execute what the others have decided. The node can't go on without it; it says so, answers
// its peers, and goes on when the VM is mended.
func TestANodeWhoseVMCantExecuteADecidedBlockWaitsForThatAlone(t *testing.T) {
	s := newFixture(t, 4).start()
	s.pass(100 * time.Millisecond)
	victim, others, times := s.nodes[3], s.nodes[:3], 0
	victim.diesOn("deadly", &times)
	for round, text := range []string{"tx", "deadly", "tx i", "tx ii"} {
		for _, n := range others {
			n.offer(text)
		}
		s.until(10*time.Second, func() bool {
			return !slices.ContainsFunc(others, func(n *node) bool { return len(n.accepted) != round+1 })
		})
	}
	s.pass(5 * time.Second)
	why := victim.Trouble("executing")
	if !strings.Contains(why, "at height 2, which is decided, since") || len(victim.accepted) != 1 {
		t.Errorf("at height %d it says %q", len(victim.accepted), why)
	}
	if times > 8 {
		t.Errorf("its VM has died %d times", times)
	}
	wire, err := seal(s.chain.ID, &enginev1.GetAcceptedFrontier{RequestId: 77})
	if err != nil {
		t.Fatal(err)
	}
	victim.update(peerMessage(ProtocolConsensus, others[0].id, wire))
	answered := false
	for _, sent := range victim.Sent() {
		if m, ok := sent.Body.(*nbv1.SendConsensusMessage); ok {
			w, err := open(s.chain.ID, m.GetPayload())
			answered = answered || err == nil && w.GetAcceptedFrontier_().GetRequestId() == 77
		}
		victim.serve(sent)
	}
	if !answered {
		t.Error("it doesn't answer its peers")
	}
	victim.refuse = nil
	s.until(time.Minute, s.allAt(4))
	if why := victim.Trouble("executing"); why != "" {
		t.Errorf("in the end it says %q", why)
	}
}

// A VM that has gone mad refuses what it builds itself. The node says so, and what waits is final without another
// transaction when the VM is mended.
func TestWhatTheVMRefusedOfItsOwnIsBuiltAgainWhenItIsMended(t *testing.T) {
	for _, size := range []int{1, 4} {
		s := newFixture(t, size).start()
		s.pass(100 * time.Millisecond)
		for _, n := range s.nodes {
			n.refuse = func(m proto.Message) *pluginv1.Error {
				if _, ok := m.(*pluginv1.VerifyBlockRequest); ok {
					return invalid("I am mad")
				}
				return nil
			}
			n.offer("tx")
		}
		s.pass(20 * time.Second)
		for i, n := range s.nodes {
			if why := n.Trouble("proposing"); !strings.Contains(why, "I am mad") {
				t.Errorf("%d nodes: node %d says %q", size, i, why)
			}
			n.refuse = nil
		}
		s.until(20*time.Second, s.allAt(1))
		if why := s.nodes[0].Trouble("proposing"); why != "" {
			t.Errorf("%d nodes: in the end it says %q", size, why)
		}
	}
}
