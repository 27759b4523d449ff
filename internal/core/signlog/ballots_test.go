package signlog

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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

// ballotLimits make a memory forget soon.
func ballotLimits(votes int) Limits {
	return Limits{Chains: 2, BlocksPerChain: 4, VotesPerChain: votes, VoteBytes: 1 << 20, Collations: 4}
}

// What an engine asks for when it starts again survives in the file; the votes of the heights before don't.
func TestTheVotesOfTheLastHeightAreListedAlsoAfterARestart(t *testing.T) {
	m := NewMemory(ballotLimits(4))
	for h := uint64(1); h <= 20; h++ {
		admit(t, m, ballot(h, 0, signbytes.Prepare, byte(h)))
		admit(t, m, ballot(h, 0, signbytes.Commit, byte(h)))
	}
	height, votes := m.Ballots(1, hash(1))
	if height != 20 || len(votes) != 2 || m.Remembered() != 2 {
		t.Fatalf("%d votes at height %d, %d records are remembered", len(votes), height, m.Remembered())
	}
	m = reread(t, m, m.limits)
	again, same := m.Ballots(1, hash(1))
	if diff := cmp.Diff(votes, same); diff != "" || again != height {
		t.Errorf("height %d: %s", again, diff)
	}
	for _, v := range []signbytes.Vote{
		ballot(2, 0, signbytes.Prepare, 9), ballot(20, 0, signbytes.Prepare, 9), ballot(19, 7, signbytes.Commit, 9),
		ballot(19, 0, signbytes.Commit, 19), // given, but its height is past
	} {
		if rec, _, err := m.Admit(v); err == nil {
			t.Errorf("%s was admitted as record %d after a restart", v, rec.Seq)
		}
	}
	if height, votes := m.Ballots(1, hash(3)); height != 0 || votes != nil {
		t.Errorf("%d votes at height %d of a chain without any", len(votes), height)
	}
	if diff := cmp.Diff([]Turn{{Chain: hash(1), Height: 20}}, m.Turns()); diff != "" {
		t.Error(diff)
	}
}

// A height may take a thousand rounds in which nothing is committed to. What was committed to before them stays known,
// and in its place nothing else is signed; another lock takes its place, and the next height ends it.
func TestTheLockOutlivesAllRoundsOfItsHeight(t *testing.T) {
	m := NewMemory(ballotLimits(4))
	lock := admit(t, m, ballot(5, 2, signbytes.Commit, 1))
	for r := uint32(3); r < 1000; r++ {
		admit(t, m, ballot(5, r, signbytes.Prepare, 1))
		admit(t, m, ballot(5, r, signbytes.Commit, 0))
		if r%100 == 0 {
			m = reread(t, m, m.limits)
		}
		if _, votes := m.Ballots(1, hash(1)); votes[0].Seq != lock.Seq || len(votes) > 8 {
			t.Fatalf("round %d: %d votes are known, the first is record %d", r, len(votes), votes[0].Seq)
		}
	}
	var conflict *ConflictError
	if _, _, err := m.Admit(ballot(5, 2, signbytes.Commit, 2)); !errors.As(err, &conflict) {
		t.Errorf("another vote in the place of the lock: %v", err)
	}
	lock = admit(t, m, ballot(5, 1000, signbytes.Commit, 2))
	if _, votes := m.Ballots(1, hash(1)); votes[0].Seq == 1 || votes[len(votes)-1].Seq != lock.Seq {
		t.Errorf("after the second lock: %+v", votes)
	}
	admit(t, m, ballot(6, 0, signbytes.Prepare, 2))
	if height, votes := m.Ballots(1, hash(1)); height != 6 || len(votes) != 1 || m.Remembered() != 1 {
		t.Errorf("%d votes at height %d, %d records", len(votes), height, m.Remembered())
	}
}

func TestAFloorOfTheOperatorHoldsForVotes(t *testing.T) {
	m := NewMemory(ballotLimits(4))
	admit(t, m, ballot(20, 0, signbytes.Commit, 1))
	m.RefuseHeight(30)
	m = reread(t, m, m.limits)
	other := ballot(30, 0, signbytes.Prepare, 1)
	other.ChainID = hash(2)
	for _, v := range []signbytes.Vote{ballot(30, 0, signbytes.Prepare, 1), other} {
		var pruned *PrunedError
		if _, _, err := m.Admit(v); !errors.As(err, &pruned) {
			t.Errorf("%s, below a floor that was raised: %v", v, err)
		}
		if height, votes := m.Ballots(1, v.ChainID); height != 30 || votes != nil {
			t.Errorf("%d votes at height %d of chain %s", len(votes), height, v.ChainID.Short())
		}
	}
	admit(t, m, ballot(31, 0, signbytes.Prepare, 1))
	if height, votes := m.Ballots(1, hash(1)); height != 31 || len(votes) != 1 {
		t.Errorf("%d votes at height %d", len(votes), height)
	}
}

// voter says in its own words what a key has voted at its last height.
type voter struct {
	height uint64
	given  []Record // in order
	votes  []signbytes.Vote
}

func (v *voter) gives(p signbytes.Vote, rec Record) {
	if p.Height != v.height {
		*v = voter{height: p.Height}
	}
	v.given, v.votes = append(v.given, rec), append(v.votes, p)
}

// lock is the place of the latest commit to a block in what was given; -1: none.
func (v *voter) lock() int {
	for i := len(v.votes) - 1; i >= 0; i-- {
		if v.votes[i].Phase == signbytes.Commit && v.votes[i].Block != hash(0) {
			return i
		}
	}
	return -1
}

// check compares a memory with what was given: the latest ones are known, the lock is, and nothing that wasn't given.
func (v *voter) check(t *rapid.T, m *Memory, limit int) {
	height, known := m.Ballots(1, hash(1))
	if height != v.height || len(known) > 2*limit || m.Remembered() != len(known) {
		t.Fatalf("%d votes at height %d of %d, %d records", len(known), height, v.height, m.Remembered())
	}
	at := map[uint64]string{}
	for i, rec := range known {
		at[rec.Seq] = string(rec.Payload)
		if i > 0 && known[i-1].Seq >= rec.Seq {
			t.Fatal("they aren't listed in the order in which they were given")
		}
	}
	lock := v.lock()
	for i, rec := range v.given {
		text, ok := at[rec.Seq]
		if !ok && (i == lock || i >= len(v.given)-limit) || ok && text != string(rec.Payload) {
			t.Fatalf("vote %d of %d (lock %d) isn't known: %s", i, len(v.given), lock, v.votes[i])
		}
		delete(at, rec.Seq)
	}
	if len(at) > 0 {
		t.Fatalf("%d votes are known that weren't given", len(at))
	}
}

// Whatever is voted, however little is remembered and however often the file is read again: the lock of the height and
// the latest votes are known, and each vote that is admitted comes after all before it.
func TestTheLockIsNeverForgottenAtItsHeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 3).Draw(t, "limit")
		m, v, top := NewMemory(ballotLimits(limit)), &voter{}, position{}
		for range rapid.IntRange(1, 80).Draw(t, "requests") {
			if rapid.IntRange(0, 7).Draw(t, "reread") == 0 {
				m = reread(t, m, m.limits)
			}
			p := anyBallot(t, top)
			rec, isNew, err := m.Admit(p)
			if isNew {
				if turnOf(p).compare(top) <= 0 {
					t.Fatalf("%s was admitted after %v", p, top)
				}
				top = turnOf(p)
				v.gives(p, rec)
			} else if err == nil && !slices.Contains(v.votes, p) {
				t.Fatalf("%s was given before, says record %d", p, rec.Seq)
			}
			v.check(t, m, limit)
		}
	})
}

// anyBallot is most often a vote a little after the last one.
func anyBallot(t *rapid.T, top position) signbytes.Vote {
	round := max(0, int(roundOf(top))+rapid.IntRange(-2, 3).Draw(t, "round"))
	height := max(1, top.height)
	if rapid.IntRange(0, 19).Draw(t, "next height") == 0 {
		height, round = height+1, 0
	}
	phase := signbytes.Phase(rapid.IntRange(1, 2).Draw(t, "phase"))
	return ballot(height, uint32(round), phase, rapid.ByteRange(0, 2).Draw(t, "block"))
}
