package engine

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// The validators have committed to a block, and the lights go out before any host has heard that it is decided. They go
// on with that block, though nobody but the hosts' disks has it any more.
func TestABlockThatAllAreBoundToOutlivesThemAll(t *testing.T) {
	for _, size := range []int{1, 4} {
		s := newFixture(t, size).start()
		for _, n := range s.nodes {
			n.refuse = func(m proto.Message) *pluginv1.Error {
				if _, ok := m.(*vmv1.AcceptBlock); ok {
					return &pluginv1.Error{Kind: &pluginv1.Error_Busy{Busy: &pluginv1.Busy{}}}
				}
				return nil
			}
			n.offer("the block")
		}
		s.until(5*time.Second, func() bool { return s.bound() == size })
		want := s.nodes[0].kept[0].GetBlockId()
		for _, n := range s.nodes {
			n.refuse, n.pending = nil, []string{"another"}
			clear(n.processing)
		}
		s.start()
		for _, n := range s.nodes {
			n.offer("a third")
		}
		s.until(10*time.Second, func() bool { return len(s.nodes[0].accepted) > 0 })
		if got := s.nodes[0].accepted[0].GetBlockId(); string(got) != string(want) {
			t.Errorf("%d validators: they were bound to block %x and decided %x", size, want[:4], got[:4])
		}
	}
}

// bound counts the nodes that have given a commit vote for a block.
func (s *fixture) bound() (count int) {
	for _, n := range s.nodes {
		for _, v := range n.votes.GetVotes() {
			if v.GetPhase() == keystorev1.VotePhase_VOTE_PHASE_COMMIT && len(v.GetBlockId()) > 0 {
				count++
				break
			}
		}
	}
	return count
}

// What can't be kept isn't voted for, and the node says so.
func TestNobodyIsBoundToABlockThatCantBeKept(t *testing.T) {
	s := newFixture(t, 1).start()
	n := s.nodes[0]
	n.refuse = func(m proto.Message) *pluginv1.Error {
		if _, ok := m.(*vmv1.KeepBlock); ok {
			return &pluginv1.Error{Kind: &pluginv1.Error_Internal{Internal: &pluginv1.Internal{Reason: "no space"}}}
		}
		return nil
	}
	n.offer("hello")
	s.pass(3 * time.Second)
	if len(n.accepted) > 0 || s.bound() > 0 || n.Trouble("voting") == "" {
		t.Errorf("%d accepted, %d bound, %q", len(n.accepted), s.bound(), n.Trouble("voting"))
	}
	n.refuse = nil
	s.until(5*time.Second, s.allAt(1))
	if why := n.Trouble("voting"); why != "" {
		t.Errorf("it still says %q", why)
	}
}

func TestAfterAStartTheLockAndTheLastVotesBlockAreLookedFor(t *testing.T) {
	vote := func(r uint32, p finality.Phase, block byte) finality.Signed {
		return finality.Signed{Vote: finality.Vote{Round: r, Phase: p, Block: primitives.Hash{block}}}
	}
	for _, c := range []struct {
		votes []finality.Signed
		want  []primitives.Hash
	}{
		{nil, nil},
		{[]finality.Signed{vote(0, finality.Prepare, 0), vote(0, finality.Commit, 0)}, nil},
		{[]finality.Signed{vote(0, finality.Prepare, 1), vote(0, finality.Commit, 1)}, []primitives.Hash{{1}}},
		{[]finality.Signed{vote(2, finality.Prepare, 3), vote(0, finality.Commit, 1), vote(1, finality.Commit, 2),
			vote(2, finality.Commit, 0)}, []primitives.Hash{{2}, {3}}},
	} {
		got := boundTo(c.votes)
		if len(got) != len(c.want) {
			t.Errorf("%v: %v, want %v", c.votes, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v: %v, want %v", c.votes, got, c.want)
			}
		}
	}
}
