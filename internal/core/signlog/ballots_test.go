package signlog

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

func TestVotesOnlyGoForward(t *testing.T) {
	m := NewMemory(DefaultLimits)
	first := admit(t, m, ballot(5, 1, signbytes.Prepare, 1))
	admit(t, m, ballot(5, 3, signbytes.Prepare, 1))
	for _, v := range []signbytes.Vote{
		ballot(4, 9, signbytes.Commit, 1), ballot(5, 0, signbytes.Commit, 1),
		ballot(5, 1, signbytes.Commit, 1), ballot(5, 2, signbytes.Prepare, 1),
	} {
		var passed *PassedError
		if _, _, err := m.Admit(v); !errors.As(err, &passed) || passed.Height != 5 || passed.Round != 3 {
			t.Errorf("%s after round 3 of height 5: %v", v, err)
		}
	}
	if again, isNew, err := m.Admit(ballot(5, 1, signbytes.Prepare, 1)); err != nil || isNew || again.Seq != first.Seq {
		t.Errorf("asked for again: %+v, %v, %v", again, isNew, err)
	}
	other := ballot(1, 0, signbytes.Prepare, 1)
	other.ChainID = hash(2)
	admit(t, m, other)
}

// What an engine asks for when it starts again survives in the file.
func TestVotesAreListedFromAHeightOnAlsoAfterARestart(t *testing.T) {
	m := NewMemory(Limits{Chains: 2, BlocksPerChain: 4, VotesPerChain: 4, VoteBytes: 1 << 20, Collations: 4})
	for h := uint64(1); h <= 20; h++ {
		admit(t, m, ballot(h, 0, signbytes.Prepare, byte(h)))
		admit(t, m, ballot(h, 0, signbytes.Commit, byte(h)))
	}
	votes := m.Ballots(1, hash(1), 20)
	if len(votes) != 2 || m.Remembered() > 8 {
		t.Fatalf("%d votes at height 20, %d records are remembered", len(votes), m.Remembered())
	}
	data, _ := Encode(Header{}, m)
	f, err := Decode(data, m.limits)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(votes, f.Memory.Ballots(1, hash(1), 20)); diff != "" {
		t.Error(diff)
	}
	for _, v := range []signbytes.Vote{
		ballot(2, 0, signbytes.Prepare, 9), ballot(20, 0, signbytes.Prepare, 9), ballot(19, 7, signbytes.Commit, 9),
	} {
		if rec, _, err := f.Memory.Admit(v); err == nil {
			t.Errorf("%s was admitted as record %d after a restart", v, rec.Seq)
		}
	}
	if f.Memory.Ballots(1, hash(3), 0) != nil {
		t.Error("there are votes on a chain without any")
	}
	f.Memory.RefuseHeight(30)
	var pruned *PrunedError
	if _, _, err := f.Memory.Admit(ballot(30, 0, signbytes.Prepare, 1)); !errors.As(err, &pruned) {
		t.Errorf("below a floor that was raised: %v", err)
	}
}
