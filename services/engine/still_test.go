package engine

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// cannotBuild fails whoever asks for a block.
func cannotBuild(m proto.Message) subsystem.Code {
	if _, ok := m.(*pluginv1.BuildBlockRequest); ok {
		return subsystem.Unavailable
	}
	return 0
}

// No block is wrong, since there is none: all other checks are about blocks.
func TestThatSomethingWaitsAndNothingIsUnderWayIsSaidUntilABlockIsMade(t *testing.T) {
	for _, size := range []int{1, 4} {
		s := newFixture(t, size).start()
		s.pass(100 * time.Millisecond)
		for _, n := range s.nodes {
			n.down = cannotBuild
			n.offer("tx")
		}
		s.pass(stillAfter - time.Second)
		for i, n := range s.nodes {
			if why := n.Trouble("progress"); why != "" {
				t.Errorf("%d nodes: node %d says too early %q", size, i, why)
			}
		}
		s.pass(2 * time.Second)
		for i, n := range s.nodes {
			if why := n.Trouble("progress"); !strings.Contains(why, "none can be built here: ") {
				t.Errorf("%d nodes: node %d says %q", size, i, why)
			}
		}
		for _, n := range s.nodes {
			n.down = nil
		}
		s.until(20*time.Second, s.allAt(1))
		s.pass(time.Second)
		for i, n := range s.nodes {
			if why := n.Trouble("progress"); why != "" {
				t.Errorf("%d nodes: at the end node %d says %q", size, i, why)
			}
		}
	}
}

func TestAVMThatCallsForABlockAndHasNothingForItIsNamed(t *testing.T) {
	s := newFixture(t, 1).start()
	for range 2 * stillAfter / time.Second {
		s.nodes[0].Send("vm", &enginev1.Notify{Event: enginev1.Event_EVENT_PENDING_TXS})
		s.pass(time.Second)
	}
	if why := s.nodes[0].Trouble("progress"); !strings.Contains(why, "has nothing for it") {
		t.Errorf("it says %q", why)
	}
	if s.pass(2 * time.Second); s.nodes[0].Trouble("progress") != "" {
		t.Error("it calls no more, and is still named")
	}
}

func TestANodeWhoseEverySlotIsRefusedSaysSoUntilOneIsnt(t *testing.T) {
	s := newFixture(t, 1).start()
	n, refuse := s.nodes[0], true
	n.refuseSlot = func() bool { return refuse }
	n.offer("tx")
	s.pass(5 * time.Second)
	if why := n.Trouble("proposing"); !strings.Contains(why, "the keystore has refused the last ") ||
		!strings.Contains(why, "slots of this node: signed before") {
		t.Errorf("it says %q", why)
	}
	refuse = false
	if s.until(20*time.Second, s.allAt(1)); n.Trouble("proposing") != "" {
		t.Errorf("when it signs again it says %q", n.Trouble("proposing"))
	}
}

func TestAChainOnWhichNothingWaitsStandsStillInPeace(t *testing.T) {
	s := newFixture(t, 4).start()
	for round := 1; round <= 2; round++ {
		s.pass(2 * stillAfter)
		for _, n := range s.nodes {
			n.offer("tx " + strings.Repeat("i", round))
		}
		s.until(10*time.Second, s.allAt(round))
		for i, n := range s.nodes {
			if why := n.Trouble("progress"); why != "" {
				t.Errorf("node %d says %q", i, why)
			}
		}
	}
}
