package snowman

import (
	"fmt"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/snowball"
)

// agree tells whether all honest, running nodes stand at the same height with nothing left to decide.
func (n *simnet) agree(atLeast uint64) bool {
	height := -1
	for _, s := range n.nodes {
		if !s.honest || s.core == nil {
			continue
		}
		if height < 0 {
			height = len(s.committed)
		}
		if len(s.committed) != height || s.core.tree.Len() > 0 || len(s.core.accepted.pending) > 0 {
			return false
		}
	}
	return uint64(height) >= atLeast
}

func (n *simnet) describe() string {
	out := fmt.Sprintf("at %v: ", n.now)
	for _, s := range n.nodes {
		if s.core == nil {
			out += "- "
			continue
		}
		st := s.core.Status()
		out += fmt.Sprintf("[%d: %d +%d w%d polls %d txs %d", s.index, len(s.committed), st.Processing, st.Waiting,
			st.Polls, s.txs)
		if u := s.core.catchUp; u.active() {
			out += fmt.Sprintf(" catching up: stage %d, %d answers to come, request %d, %d in the VM's hands",
				u.stage, u.waiting, u.request, len(s.core.accepted.pending))
			if a := u.ancestry; a != nil {
				out += fmt.Sprintf(", ancestry of %d whole %v", a.left(), a.whole)
			}
		}
		out += "] "
	}
	return out
}

// offer gives a node's VM something to put into a block; the VMs' gossip brings it to all others.
func (n *simnet) offer() {
	for _, s := range n.nodes {
		n.after(n.slow(), func() {
			s.txs++
			s.step(PendingTxs{})
		})
	}
}

func (n *simnet) check(t *testing.T, seed uint64, done bool) {
	t.Helper()
	for _, b := range n.broken {
		t.Errorf("seed %d: %s", seed, b)
	}
	if !done {
		t.Errorf("seed %d: stuck %s", seed, n.describe())
	}
}

func TestOneValidatorAloneFinalises(t *testing.T) {
	n := newSimnet(1, equal(1), nil)
	n.offer()
	n.check(t, 1, n.run(time.Second, func() bool { return n.agree(1) }))
}

func TestNobodyWaitsForAProposerThatIsGone(t *testing.T) {
	for seed := range uint64(10) {
		n := newSimnet(seed, equal(5), nil)
		n.run(3*time.Second, nil)
		n.nodes[0].crash()
		for round := range uint64(5) {
			begin := n.now
			n.offer()
			n.check(t, seed, n.run(n.now+time.Second, func() bool { return n.agree(round + 1) }))
			if took := n.now - begin; took > 60*time.Millisecond {
				t.Errorf("seed %d: height %d took %v", seed, round+1, took)
			}
		}
	}
}

func TestATransactionIsFinalEverywhereWithinTensOfMilliseconds(t *testing.T) {
	for _, size := range []int{2, 3, 4, 5, 7, 13, 20} {
		n := newSimnet(uint64(size), equal(size), nil)
		n.run(3*time.Second, nil)
		before := n.steps
		begin := n.now
		n.offer()
		n.check(t, uint64(size), n.run(n.now+time.Second, func() bool { return n.agree(1) }))
		took := n.now - begin
		t.Logf("%d validators: %v, %d inputs", size, took, n.steps-before)
		if took > 60*time.Millisecond {
			t.Errorf("%d validators took %v", size, took)
		}
	}
}

// Nobody has forgotten anything in its first life, so a network can begin although one of it isn't there yet.
func TestANewNetworkVotesAtOnce(t *testing.T) {
	for seed := range uint64(5) {
		n := newSimnet(seed, equal(5), nil)
		n.nodes[4].crash()
		n.run(100*time.Millisecond, nil)
		begin := n.now
		n.offer()
		n.check(t, seed, n.run(begin+time.Second, func() bool { return n.agree(1) }))
		if took := n.now - begin; took > 150*time.Millisecond {
			t.Errorf("seed %d: the first block took %v", seed, took)
		}
	}
}

// Two of five are restarted while a block waits for them. They can't know whether they have voted for another one; but
// once they have heard everybody, and nobody speaks of another one, they vote.
func TestWhoIsRestartedVotesOnceAllOthersAgree(t *testing.T) {
	for seed := range uint64(5) {
		n := newSimnet(seed, equal(5), nil)
		n.run(100*time.Millisecond, nil)
		n.nodes[3].crash()
		n.nodes[4].crash()
		n.nodes[0].propose()
		n.run(n.now+time.Second, nil)
		begin := n.now
		n.nodes[3].boot()
		n.nodes[4].boot()
		n.check(t, seed, n.run(begin+5*time.Second, func() bool { return n.agree(1) }))
		if took := n.now - begin; took > 250*time.Millisecond {
			t.Errorf("seed %d: the block that waited took %v", seed, took)
		}
	}
}

// Stakes that are nearly equal are no reason to depend on whoever has a little more.
func TestNearlyEqualStakesAreAsGoodAsEqualOnes(t *testing.T) {
	for gone := range 4 {
		n := newSimnet(uint64(gone), []uint64{101, 100, 100, 100}, nil)
		if n.params != snowball.For(4) {
			t.Fatalf("their parameters are %s", n.params.String())
		}
		n.run(3*time.Second, nil)
		n.nodes[gone].crash()
		begin := n.now
		n.offer()
		n.check(t, uint64(gone), n.run(n.now+time.Second, func() bool { return n.agree(1) }))
		if took := n.now - begin; took > 60*time.Millisecond {
			t.Errorf("without validator %d a block took %v", gone, took)
		}
	}
}
