package snowman

import (
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
)

// A node whose record ends below the height at which its key voted last doesn't forget where that was: until it has
// caught up the keystore refuses its votes, and its status says why.
func TestWhereTheKeyHasVotedLastIsKnownUntilItVotesAgain(t *testing.T) {
	vote := func(round uint32) finality.Signed {
		return finality.Signed{Vote: finality.Vote{Round: round, Phase: finality.Prepare}}
	}
	c, now := testCore(t, 4)
	c.deciding.own = ownVotes{height: 9, votes: []finality.Signed{vote(2)}}
	c.Tick(now)
	if own := c.deciding.own.at(c.deciding.height); len(own) != 0 || c.Status().OwnHeight != 9 {
		t.Errorf("at height %d it has %d votes; the key's last height is %d", c.deciding.height, len(own),
			c.Status().OwnHeight)
	}
	o := &c.deciding.own
	o.add(10, vote(0))
	o.add(10, vote(1))
	if len(o.at(9)) != 0 || len(o.at(10)) != 2 || o.height != 10 {
		t.Errorf("after two votes at height 10: %+v", o)
	}
}

// In a later round others may be locked on another block since an earlier one. What opens their lock is durable before
// this node commits itself, and shown to them in its next life, in which nobody may be left who voted for it.
func TestACommitVoteOfALaterRoundWaitsForItsProofWhichOutlivesACrash(t *testing.T) {
	const round = 1
	everybody := func(c *Core) *Core {
		c.deciding.genuine = func(uint64, finality.Signed) bool { return true }
		return c
	}
	c, now := testCore(t, 4)
	b, out := everybody(c).issue(t, now, 10)
	for i := 1; i < 4; i++ {
		v := finality.Signed{Vote: finality.Vote{Validator: i, Round: round, Phase: finality.Prepare, Block: b.ID()}}
		out = append(out, c.Step(now, Votes{Node: node(i), Height: 1, Votes: []finality.Signed{v}})...)
	}
	commits := func(out []Action) bool {
		return slices.ContainsFunc(out, func(a Action) bool {
			s, ok := a.(SignVote)
			return ok && s.Vote.Phase == finality.Commit && s.Vote.Block == b.ID() && s.Vote.Round == round
		})
	}
	var kept []Keep
	for _, a := range out {
		if k, ok := a.(Keep); ok {
			kept = append(kept, k)
		}
	}
	if len(kept) != 2 || len(kept[0].Proof) != 0 || len(kept[1].Proof) == 0 || kept[1].Block.ID() != b.ID() {
		t.Fatalf("it keeps %d times: %+v", len(kept), kept)
	}
	if out = append(out, c.Step(now, BlockKept{Number: kept[0].Number})...); commits(out) {
		t.Error("it is bound to the block, and can't show why")
	}
	if out = c.Step(now, BlockKept{Number: kept[1].Number}); !commits(out) {
		t.Error("it doesn't vote")
	}

	c, now = testCore(t, 4)
	c.deciding.own = ownVotes{height: 1, votes: []finality.Signed{
		{Vote: finality.Vote{Round: round, Phase: finality.Commit, Block: b.ID()}}}}
	everybody(c).deciding.end() // its votes were known before it began
	out = c.Step(now, Restored{Block: b, Proof: kept[1].Proof})
	out = append(out, c.Tick(now.Add(defaultPace.Votes+defaultPace.Growth*2))...)
	if !slices.ContainsFunc(out, func(a Action) bool {
		shown, ok := a.(SendProof)
		return ok && slices.Equal(shown.Proof, kept[1].Proof)
	}) {
		t.Error("it doesn't show the others why")
	}
}

// A certificate shows a vote of this node's key that its keystore knows nothing of: the record was put back, or somebody
// else has the key. Whatever the node signed now could be its second word in one place.
func TestWhoseKeyHasVotedWithoutItsKeystoreVotesAndProposesNoMore(t *testing.T) {
	for what, c := range map[string]struct {
		own       uint64 // the last height at which the key voted, as its keystore knows
		signers   []int
		forgotten uint64
	}{
		"an old record":            {0, []int{0, 1, 2}, 1},
		"a record that is whole":   {1, []int{0, 1, 2}, 0},
		"it was there, and silent": {0, []int{1, 2, 3}, 0},
	} {
		core, now := testCore(t, 4)
		core.deciding.genuine = func(uint64, finality.Signed) bool { return true }
		core.deciding.own.height = c.own
		b := core.issuing.next(t, testRoot, 10)
		proof := &finality.Proof{Phase: finality.Commit, Block: b.ID()}
		for _, i := range c.signers {
			proof.Votes = append(proof.Votes, finality.Signature{Validator: i})
		}
		core.Step(now, Certified{Node: node(1), Container: b.Bytes(), Certificate: proof.Encode(1)})
		out := core.Step(now, Committed{ID: b.ID()})
		out = append(out, core.Step(now, PendingTxs{})...)
		for range 100 {
			now = now.Add(100 * time.Millisecond)
			out = append(out, core.Tick(now)...)
		}
		says := slices.ContainsFunc(out, func(a Action) bool {
			_, votes := a.(SignVote)
			_, builds := a.(Build)
			return votes || builds
		})
		if root := core.accepted.root.Height; root != 1 {
			t.Fatalf("%s: the last block is at height %d", what, root)
		}
		if got := core.Status().Forgotten; got != c.forgotten || says == (c.forgotten > 0) {
			t.Errorf("%s: the status says %d, and that it votes or proposes is %v", what, got, says)
		}
	}
}
