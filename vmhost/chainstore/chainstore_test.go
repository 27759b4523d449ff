package chainstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/databasetest"
	"github.com/reevenet/reeve/vmhost/database/memdb"
)

var (
	ctx   = context.Background()
	chain = primitives.HashOf([]byte("chain"))
)

func open(t *testing.T, disk *memdb.DB) *chainstore.Record {
	t.Helper()
	r, err := chainstore.Open(ctx, disk.Open(), chain)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func entry(height uint64) *chainstore.Entry {
	content := fmt.Appendf(nil, "vm block %d", height)
	e := &chainstore.Entry{Height: height, VMBlock: primitives.HashOf(content), Content: content}
	e.BlockID = e.VMBlock
	if height > 0 {
		e.Consensus = fmt.Appendf(nil, "consensus(%s)", content)
		e.BlockID = primitives.HashOf(e.Consensus)
		e.Certificate = fmt.Appendf(nil, "certificate of %d", height)
	}
	return e
}

func commit(t *testing.T, r *chainstore.Record, heights ...uint64) {
	t.Helper()
	for _, h := range heights {
		var changes database.Batch
		changes.Put([]byte("height"), fmt.Append(nil, h))
		if err := r.Commit(ctx, entry(h), &changes, database.Sync); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStateOfTheVMIsAPlainDatabase(t *testing.T) {
	databasetest.RunOpen(t, func(t *testing.T) database.Database { return open(t, memdb.New()).State() })
}

func TestEntriesAreFoundByEveryName(t *testing.T) {
	r := open(t, memdb.New())
	commit(t, r, 0, 1, 2)
	for h := range uint64(3) {
		want := entry(h)
		for name, find := range map[string]func() (*chainstore.Entry, error){
			"height":   func() (*chainstore.Entry, error) { return r.AtHeight(ctx, h) },
			"block id": func() (*chainstore.Entry, error) { return r.ByBlockID(ctx, want.BlockID) },
			"vm block": func() (*chainstore.Entry, error) { return r.ByVMBlock(ctx, want.VMBlock) },
		} {
			got, err := find()
			if err != nil {
				t.Fatalf("height %d by %s: %v", h, name, err)
			}
			if len(got.Consensus) == 0 {
				got.Consensus = nil
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("height %d by %s (-want +got)\n%s", h, name, d)
			}
		}
	}
	if _, err := r.AtHeight(ctx, 3); !errors.Is(err, chainstore.ErrNotFound) {
		t.Errorf("height 3: %v", err)
	}
}

func TestAncestorsEndAtTheLimitsAndAtGenesis(t *testing.T) {
	r := open(t, memdb.New())
	commit(t, r, 0, 1, 2, 3)
	size := len(entry(3).Consensus) + len(entry(3).Certificate)
	for _, c := range []struct{ blocks, bytes, want int }{
		{10, 1 << 20, 3}, {2, 1 << 20, 2}, {10, 2 * size, 2}, {10, 2*size - 1, 1}, {10, 1, 1}, {0, 0, 1},
	} {
		got, err := r.Ancestors(ctx, entry(3).BlockID, c.blocks, c.bytes)
		if err != nil || len(got) != c.want {
			t.Errorf("limits %d and %d bytes: %d blocks, %v; want %d", c.blocks, c.bytes, len(got), err, c.want)
		}
		for i, e := range got {
			if d := cmp.Diff(entry(uint64(3-i)), e); d != "" {
				t.Errorf("ancestor %d (-want +got)\n%s", i, d)
			}
		}
	}
}

func TestAfterACrashRecordAndStateAreAtTheSameBlock(t *testing.T) {
	disk := memdb.New()
	r := open(t, disk)
	commit(t, r, 0, 1)
	disk.FailWrites(errors.New("power cut"))
	var changes database.Batch
	changes.Put([]byte("height"), []byte("2"))
	if err := r.Commit(ctx, entry(2), &changes, database.Sync); err == nil {
		t.Fatal("the commit didn't notice the power cut")
	}
	disk.FailWrites(nil)
	disk.Crash()

	r = open(t, disk)
	state, err := r.State().Get(ctx, []byte("height"))
	if err != nil || r.Last().Height != 1 || string(state) != "1" ||
		string(r.Last().Certificate) != "certificate of 1" {
		t.Fatalf("the record is at %d with %q, the state at %s, %v", r.Last().Height, r.Last().Certificate, state, err)
	}
	commit(t, r, 2)
}

// One write carries a block, its certificate and the state: there is no moment at which one of them is there without
// the others.
func TestABlockItsCertificateAndItsStateAreOneWrite(t *testing.T) {
	disk := memdb.New()
	db := &counted{Database: disk.Open()}
	r, err := chainstore.Open(ctx, db, chain)
	if err != nil {
		t.Fatal(err)
	}
	db.writes = 0
	commit(t, r, 0, 1)
	if db.writes != 2 {
		t.Errorf("two blocks are accepted in %d writes", db.writes)
	}
	disk.Crash()
	r = open(t, disk)
	if d := cmp.Diff(entry(1), r.Last()); d != "" {
		t.Errorf("after a power cut (-want +got)\n%s", d)
	}
}

type counted struct {
	database.Database
	writes int
}

func (c *counted) Write(ctx context.Context, b *database.Batch, d database.Durability) error {
	c.writes++
	return c.Database.Write(ctx, b, d)
}

func TestEntriesThatWaitForTheDiskAreShownToNobody(t *testing.T) {
	disk := memdb.New()
	r := open(t, disk)
	commit(t, r, 0)
	var none database.Batch
	for h := uint64(1); h <= 2; h++ {
		if err := r.Commit(ctx, entry(h), &none, database.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	_, byHeight := r.AtHeight(ctx, 1)
	_, byID := r.ByBlockID(ctx, entry(2).BlockID)
	if r.Last().Height != 0 || r.Head().Height != 2 || !errors.Is(byHeight, chainstore.ErrNotFound) ||
		!errors.Is(byID, chainstore.ErrNotFound) {
		t.Fatalf("last %d, head %d, %v, %v", r.Last().Height, r.Head().Height, byHeight, byID)
	}
	disk.Crash()
	if r = open(t, disk); r.Last().Height != 0 {
		t.Fatalf("after a crash the record is at %d", r.Last().Height)
	}
	for h := uint64(1); h <= 2; h++ {
		if err := r.Commit(ctx, entry(h), &none, database.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Sync(ctx); err != nil || r.Last().Height != 2 {
		t.Fatalf("last %d, %v", r.Last().Height, err)
	}
	disk.Crash()
	r = open(t, disk)
	if d := cmp.Diff(entry(2), r.Last()); d != "" {
		t.Fatalf("what was synced isn't there (-want +got)\n%s", d)
	}
}

func TestABlockThatDoesNotFollowIsRefused(t *testing.T) {
	r := open(t, memdb.New())
	var none database.Batch
	if err := r.Commit(ctx, entry(1), &none, database.Sync); err == nil {
		t.Error("a record began at height 1")
	}
	commit(t, r, 0, 1)
	for _, h := range []uint64{1, 3} {
		if err := r.Commit(ctx, entry(h), &none, database.Sync); err == nil {
			t.Errorf("height %d was taken after 1", h)
		}
	}
}

func TestAnotherChainsDatabaseIsRefused(t *testing.T) {
	disk := memdb.New()
	open(t, disk)
	_, err := chainstore.Open(ctx, disk.Open(), primitives.HashOf([]byte("other")))
	if _, ok := errors.AsType[*chainstore.MismatchError](err); !ok {
		t.Fatalf("%v", err)
	}
}
