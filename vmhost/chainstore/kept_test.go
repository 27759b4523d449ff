package chainstore_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
)

func keep(t *testing.T, r *chainstore.Record, height uint64, name string, also string) {
	t.Helper()
	other := primitives.Hash{}
	if also != "" {
		other = primitives.HashOf([]byte(also))
	}
	kept := chainstore.Undecided{Height: height, Consensus: []byte(name)}
	if err := r.Keep(ctx, primitives.HashOf([]byte(name)), kept, other); err != nil {
		t.Fatal(err)
	}
}

// keeps tells which of the names are kept.
func keeps(t *testing.T, r *chainstore.Record, names ...string) (kept string) {
	t.Helper()
	for _, name := range names {
		switch b, err := r.Kept(ctx, primitives.HashOf([]byte(name))); {
		case err == nil && string(b.Consensus) == name && len(b.Proof) == 0:
			kept += name
		case !errors.Is(err, chainstore.ErrNotFound):
			t.Fatalf("%s: %v, %v", name, b, err)
		}
	}
	return kept
}

func TestWhatIsKeptSurvivesAPowerCutUntilItsHeightIsDecided(t *testing.T) {
	disk := memdb.New()
	r := open(t, disk)
	commit(t, r, 0)
	keep(t, r, 1, "a", "")
	keep(t, r, 2, "c", "")
	disk.Crash()
	r = open(t, disk)
	if got := keeps(t, r, "a", "b", "c"); got != "ac" {
		t.Fatalf("after a power cut it has %q", got)
	}
	commit(t, r, 1)
	if got := keeps(t, r, "a", "c"); got != "c" {
		t.Errorf("when height 1 is decided it has %q", got)
	}
	disk.Crash()
	if r = open(t, disk); keeps(t, r, "a", "c") != "c" {
		t.Error("what was given up is back")
	}
	if state := r.State(); state != nil { // it is no part of the VM's state
		it := state.Iterate(ctx, nil, nil)
		defer it.Close()
		for it.Next() {
			if string(it.Key()) != "height" {
				t.Errorf("the VM sees %q", it.Key())
			}
		}
	}
}

func TestOnlyTheNamedBlockStaysBesideANewOneOfItsHeight(t *testing.T) {
	r := open(t, memdb.New())
	commit(t, r, 0)
	keep(t, r, 1, "a", "")
	keep(t, r, 1, "b", "a")
	keep(t, r, 1, "b", "a") // again
	if got := keeps(t, r, "a", "b"); got != "ab" {
		t.Fatalf("it has %q", got)
	}
	keep(t, r, 1, "c", "a")
	if got := keeps(t, r, "a", "b", "c"); got != "ac" {
		t.Fatalf("it has %q", got)
	}
	keep(t, r, 1, "d", "nothing that there is")
	if got := keeps(t, r, "a", "b", "c", "d"); got != "d" {
		t.Fatalf("it has %q", got)
	}
}

func TestAProofIsKeptWithItsBlock(t *testing.T) {
	disk := memdb.New()
	r := open(t, disk)
	commit(t, r, 0)
	keep(t, r, 1, "a", "")
	want := chainstore.Undecided{Height: 1, Consensus: []byte("a"), Proof: []byte("a quorum has prepared it")}
	id := primitives.HashOf(want.Consensus)
	if err := r.Keep(ctx, id, want, primitives.Hash{}); err != nil {
		t.Fatal(err)
	}
	disk.Crash()
	r = open(t, disk)
	got, err := r.Kept(ctx, id)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatalf("%v\n%s", err, diff)
	}
	if commit(t, r, 1); keeps(t, r, "a") != "" {
		t.Error("its height is decided, and it is there")
	}
}

func TestWhatCouldntBeWrittenIsNotKept(t *testing.T) {
	disk := memdb.New()
	r := open(t, disk)
	commit(t, r, 0)
	disk.FailWrites(errors.New("no space"))
	kept := chainstore.Undecided{Height: 1, Consensus: []byte("a")}
	if r.Keep(ctx, primitives.Hash{1}, kept, primitives.Hash{}) == nil {
		t.Error("it didn't notice")
	}
	disk.FailWrites(nil)
	var none database.Batch
	if err := r.Commit(ctx, entry(1), &none, database.Sync); err != nil {
		t.Fatal(err)
	}
}
