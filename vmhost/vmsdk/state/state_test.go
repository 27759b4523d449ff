package state_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/vmsdk/lthash"
	"github.com/reevenet/reeve/vmhost/vmsdk/state"
)

var ctx = context.Background()

// counted is a database that counts how often it is read.
type counted struct {
	database.Database
	reads int
}

func (c *counted) GetBatch(ctx context.Context, keys [][]byte) ([][]byte, error) {
	c.reads++
	return c.Database.GetBatch(ctx, keys)
}

func accept(t testing.TB, db database.Database, s *state.State) {
	var batch database.Batch
	s.Accept(&batch)
	if err := db.Write(ctx, &batch, database.Sync); err != nil {
		t.Fatal(err)
	}
}

// rootOf is the root of entries that were put one after another.
func rootOf(entries map[string]string) [32]byte {
	var h lthash.Hash
	for k, v := range entries {
		h.Add([]byte(k), []byte(v))
	}
	return h.Sum()
}

// A chain of blocks of which some are accepted, beside a plain map per block: both show the same entries and the same
// root.
func TestAStateIsWhatItsBlockAndThoseBelowHaveMadeOfIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db := memdb.New().Open()
		s, want := state.New(db), map[string]string{}
		var undecided []*state.State
		for range rapid.IntRange(1, 6).Draw(rt, "blocks") {
			s = s.Child()
			undecided = append(undecided, s)
			for range rapid.IntRange(0, 6).Draw(rt, "changes") {
				key := rapid.StringMatching("[abc]").Draw(rt, "key")
				if err := s.Load(ctx, key, key); err != nil {
					rt.Fatal(err)
				}
				if value := rapid.StringMatching("[xy]?").Draw(rt, "value"); rapid.Bool().Draw(rt, "put") {
					s.Put(key, []byte(value))
					want[key] = value
				} else {
					s.Delete(key)
					delete(want, key)
				}
			}
			if s.Root() != rootOf(want) {
				rt.Fatalf("another root than that of %v", want)
			}
			for _, b := range undecided[:rapid.IntRange(0, len(undecided)).Draw(rt, "accepted")] {
				accept(t, db, b)
				undecided = undecided[1:]
			}
			values, err := s.Read(ctx, []string{"a", "b", "c"})
			if err != nil {
				rt.Fatal(err)
			}
			got := map[string]string{}
			for i, key := range []string{"a", "b", "c"} {
				if values[i] != nil {
					got[key] = string(values[i])
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				rt.Fatal(d)
			}
		}
	})
}

func TestSiblingsSeeNothingOfOneAnother(t *testing.T) {
	db := memdb.New().Open()
	parent := state.New(db).Child()
	one, two := parent.Child(), parent.Child()
	for i, s := range []*state.State{one, two} {
		if err := s.Load(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		s.Put("k", fmt.Append(nil, i))
	}
	if string(one.Get("k")) != "0" || string(two.Get("k")) != "1" || one.Root() == two.Root() {
		t.Errorf("one has %s, the other %s", one.Get("k"), two.Get("k"))
	}
}

func TestABlockReadsTheDatabaseOnce(t *testing.T) {
	db := &counted{Database: memdb.New().Open()}
	s := state.New(db).Child()
	if err := s.Load(ctx, "a", "b", "c", "a"); err != nil {
		t.Fatal(err)
	}
	s.Put("a", s.Get("b"))
	child := s.Child()
	if err := child.Load(ctx, "a", "b"); err != nil || db.reads != 1 {
		t.Errorf("%v; %d reads of the database for two blocks with the same entries, want 1", err, db.reads)
	}
}

func TestTheStateGoesOnWhereTheDatabaseIsAndNowhereElse(t *testing.T) {
	db := memdb.New().Open()
	s := state.New(db).Child()
	if err := s.Load(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	s.Put("k", nil)
	root := s.Root()
	accept(t, db, s)
	again, err := state.Open(ctx, db, root)
	if err != nil || again.Root() != root {
		t.Fatalf("opened again: %v", err)
	}
	if values, _ := again.Read(ctx, []string{"k"}); values[0] == nil {
		t.Error("an empty value isn't an absent one")
	}
	if _, err := state.Open(ctx, db, [32]byte{1}); err == nil {
		t.Error("a database at another block was taken")
	}
}

func TestAnEntryThatIsntLoadedIsAMistakeThatShows(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	state.New(memdb.New().Open()).Child().Put("k", nil)
}
