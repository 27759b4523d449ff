package engine

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

func (s *fixture) allAt(height int) func() bool {
	return func() bool {
		for _, n := range s.nodes {
			if len(n.accepted) != height {
				return false
			}
		}
		return true
	}
}

func TestOneValidatorFinalisesAlone(t *testing.T) {
	s := newFixture(t, 1).start()
	s.nodes[0].offer("hello")
	s.until(time.Second, s.allAt(1))
	s.settle()
	want := []string{"build 1", "verify 1", "imported 1", "accept 1", "final 1"}
	if diff := cmp.Diff(want, s.nodes[0].events); diff != "" {
		t.Error(diff)
	}
}

// proves checks what was stored with a block, with nothing but the validators' keys.
func (s *fixture) proves(a *vmv1.AcceptBlock) {
	s.t.Helper()
	height, p, err := finality.DecodeProof(a.GetCertificate())
	if err == nil {
		err = p.Verify(s.chain.NetworkID, s.chain.ID, a.GetHeight(), s.set)
	}
	if err != nil || height != a.GetHeight() || !bytes.Equal(p.Block[:], a.GetBlockId()) {
		s.t.Errorf("height %d: the certificate is for height %d, %v", a.GetHeight(), height, err)
	}
}

func TestATransactionOfEveryNodeIsFinalOnAll(t *testing.T) {
	for _, size := range []int{2, 4, 5} {
		s := newFixture(t, size).start()
		for round := 1; round <= 5; round++ {
			for _, n := range s.nodes {
				n.offer("tx " + strings.Repeat("i", round))
			}
			s.until(5*time.Second, s.allAt(round))
		}
		for _, n := range s.nodes[1:] {
			for h := range n.accepted {
				a, b := n.accepted[h], s.nodes[0].accepted[h] // certificates may be of other quorums
				if !bytes.Equal(a.GetConsensusBlock(), b.GetConsensusBlock()) ||
					!bytes.Equal(a.GetVmBlockId(), b.GetVmBlockId()) {
					t.Errorf("%d nodes: height %d differs", size, h+1)
				}
				s.proves(a)
			}
			if len(n.costs) > 0 {
				t.Errorf("%d nodes: honest peers were charged %v", size, n.costs)
			}
		}
	}
}

func TestAnIdleNetworkIsQuiet(t *testing.T) {
	s := newFixture(t, 4).start()
	s.pass(5 * time.Second)
	for _, n := range s.nodes {
		n.asked, n.events = 0, nil
	}
	s.pass(10 * time.Second)
	for i, n := range s.nodes {
		if len(n.events) > 0 || n.asked > 60 {
			t.Errorf("node %d: %d messages in ten idle seconds, and %v", i, n.asked, n.events)
		}
	}
}

func TestARestartOfTheHostLosesNothing(t *testing.T) {
	s := newFixture(t, 4).start()
	s.pass(100 * time.Millisecond)
	down := func(m proto.Message) subsystem.Code {
		if strings.HasPrefix(string(m.ProtoReflect().Descriptor().FullName()), "reeve.vm.") {
			return subsystem.Unavailable
		}
		return 0
	}
	for _, n := range s.nodes {
		n.offer("hello")
	}
	victim := s.nodes[1]
	victim.down = down
	s.pass(3 * time.Second)
	if len(victim.accepted) != 0 || len(s.nodes[0].accepted) == 0 {
		t.Fatalf("without its host the node accepted %d blocks, the others %d",
			len(victim.accepted), len(s.nodes[0].accepted))
	}
	if victim.Trouble("vm") == "" || victim.Status().GetReady() {
		t.Errorf("the engine doesn't say what is wrong: %v", victim.Status())
	}
	victim.down = nil
	clear(victim.processing) // a new host knows nothing that wasn't durable
	s.until(10*time.Second, s.allAt(len(s.nodes[0].accepted)))
}

func TestAnEngineThatRestartsGoesOn(t *testing.T) {
	s := newFixture(t, 4).start()
	for _, n := range s.nodes {
		n.offer("one")
	}
	s.until(5*time.Second, s.allAt(1))
	s.nodes[2].start()
	for _, o := range s.nodes {
		if o != s.nodes[2] {
			s.nodes[2].update(peerConnected(o.id))
		}
	}
	for _, n := range s.nodes {
		n.offer("two")
	}
	s.until(10*time.Second, s.allAt(2))
}

func TestANodeWithoutHistoryCatchesUp(t *testing.T) {
	s := newFixture(t, 4).start()
	late := s.withoutHistory(30)
	s.until(5*time.Second, s.allAt(30))
	if len(late.processing) > 0 {
		t.Errorf("%d blocks are still undecided", len(late.processing))
	}
}

// The host takes decided blocks in a row; one that it can't take now holds up those above it and loses none.
func TestABlockThatCantBeAcceptedNowHoldsUpTheNext(t *testing.T) {
	s := newFixture(t, 4).start()
	refused := 0
	s.nodes[3].refuse = func(m proto.Message) *pluginv1.Error {
		if q, ok := m.(*vmv1.AcceptBlock); ok && q.GetHeight() == 5 && len(s.nodes[3].accepted) == 4 && refused < 3 {
			refused++
			starting := &pluginv1.Unavailable{Cause: "the plugin is starting"}
			return &pluginv1.Error{Kind: &pluginv1.Error_Unavailable{Unavailable: starting}}
		}
		return nil
	}
	s.withoutHistory(30)
	refused = 0
	s.until(5*time.Second, s.allAt(30))
	if refused != 3 {
		t.Errorf("height 5 was refused %d times", refused)
	}
}

// withoutHistory lets a network finalise some blocks and then starts its last node anew, with nothing.
func (s *fixture) withoutHistory(blocks int) *node {
	late := s.nodes[3]
	for round := 1; round <= blocks; round++ {
		for _, n := range s.nodes {
			n.offer("tx " + strings.Repeat("i", round))
		}
		s.until(5*time.Second, s.allAt(round))
	}
	late.accepted, late.events = nil, nil
	clear(late.processing)
	late.start()
	for _, o := range s.nodes[:3] {
		late.update(peerConnected(o.id))
	}
	return late
}

func TestTheVMRefusingWhatWasDecidedStopsTheChain(t *testing.T) {
	s := newFixture(t, 1).start()
	n := s.nodes[0]
	n.refuse = func(m proto.Message) *pluginv1.Error {
		if _, ok := m.(*vmv1.AcceptBlock); ok {
			return &pluginv1.Error{Kind: &pluginv1.Error_Corrupt{Corrupt: &pluginv1.Corrupt{Reason: "the state root differs"}}}
		}
		return nil
	}
	n.offer("hello")
	s.pass(time.Second)
	ended, err := n.Ended()
	if !ended || errcode.Of(err) != errcode.SafetyHalt || !strings.Contains(err.Error(), "the state root differs") {
		t.Errorf("ended %v with %v", ended, err)
	}
}

func TestAnInvalidBlockCostsItsSender(t *testing.T) {
	s := newFixture(t, 4).start()
	for _, n := range s.nodes {
		n.offer("bad")
	}
	s.pass(2 * time.Second)
	if !s.allAt(0)() {
		t.Error("an invalid block was accepted")
	}
	for _, n := range s.nodes {
		n.pending = nil
		n.offer("good")
	}
	s.until(10*time.Second, s.allAt(1))
}

func TestEveryVariantIsHandled(t *testing.T) {
	s := newFixture(t, 4)
	n := s.nodes[0]
	overseertest.Exhaustive(t,
		Spec(Config{Chain: s.chain, NodeID: n.id, Validators: s.set, Disk: n.disk.Process(), Dir: "/"}))
}
