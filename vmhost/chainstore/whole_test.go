package chainstore_test

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/database/pebbledb"
)

func TestARecordThatIsntWholeIsNoticedAtTheStart(t *testing.T) {
	at := func(h uint64) string { return "h" + string(binary.BigEndian.AppendUint64(nil, h)) }
	first, second := entry(0), entry(2)
	for name, missing := range map[string]string{
		"the mark": "c", "the last height": "l", "the last entry": at(3), "one below it": at(2), "the genesis entry": at(0),
		"an id": "b" + string(second.BlockID[:]), "a VM's id": "v" + string(second.VMBlock[:]),
		"the id of the genesis block": "b" + string(first.BlockID[:]),
	} {
		disk := memdb.New()
		commit(t, open(t, disk), 0, 1, 2, 3)
		var b database.Batch
		b.Delete([]byte(missing))
		write(t, disk.Open(), &b)
		_, err := chainstore.Open(ctx, disk.Open(), chain)
		var damage *chainstore.DamageError
		if !errors.As(err, &damage) {
			t.Errorf("%s is missing: %v", name, err)
		}
	}
	for name, other := range map[string][2]string{
		"an entry above the last one": {at(4), "anything"}, "an entry that is cut off": {at(3), "short"},
		"a last height that is none": {"l", "3"}, "a kept block without a height": {"k", "3"},
	} {
		disk := memdb.New()
		commit(t, open(t, disk), 0, 1, 2, 3)
		var b database.Batch
		b.Put([]byte(other[0]), []byte(other[1]))
		write(t, disk.Open(), &b)
		_, err := chainstore.Open(ctx, disk.Open(), chain)
		if _, ok := errors.AsType[*chainstore.DamageError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func write(t *testing.T, db database.Database, b *database.Batch) {
	t.Helper()
	if err := db.Write(ctx, b, database.Sync); err != nil {
		t.Fatal(err)
	}
}

func TestAnIdWithoutItsEntryIsDamageAndNotAnUnknownBlock(t *testing.T) {
	disk := memdb.New()
	r := open(t, disk)
	commit(t, r, 0, 1, 2, 3)
	var b database.Batch
	b.Delete(append([]byte("h"), binary.BigEndian.AppendUint64(nil, 2)...))
	write(t, disk.Open(), &b)
	_, err := r.ByBlockID(ctx, entry(2).BlockID)
	if _, ok := errors.AsType[*chainstore.DamageError](err); !ok || errors.Is(err, chainstore.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestBelowTheBlockOfASyncedStateNothingIsMissed(t *testing.T) {
	disk := memdb.New()
	r := open(t, disk)
	commit(t, r, 0)
	synced := entry(50)
	synced.Consensus, synced.Certificate, synced.BlockID = nil, nil, synced.VMBlock
	if err := r.Jump(ctx, synced); err != nil {
		t.Fatal(err)
	}
	commit(t, r, 51)
	if got := open(t, disk).Last().Height; got != 51 {
		t.Errorf("height %d", got)
	}
}

// The database comes back with a part of what was committed and not yet synced.
func TestAfterAFaultTheRecordStandsWhereTheDatabaseDoes(t *testing.T) {
	disk := memdb.New()
	r := open(t, disk)
	commit(t, r, 0, 1)
	for h := range uint64(2) {
		if err := r.Commit(ctx, entry(2+h), &database.Batch{}, database.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	disk.FailWrites(errors.New("no space left on device"))
	if err := r.Commit(ctx, entry(4), &database.Batch{}, database.Sync); err == nil {
		t.Fatal("committed on a full disk")
	}
	disk.FailWrites(nil)
	if err := r.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	if r.Last().Height != 3 || r.Head().Height != 3 {
		t.Fatalf("height %d, head %d", r.Last().Height, r.Head().Height)
	}
	commit(t, r, 4)
}

// The real database fails and is well again between two commits, without a word to whoever commits.
func TestAFaultBetweenTwoCommitsLeavesNoGapInTheRecord(t *testing.T) {
	full := &full{}
	db := openAt(t, errorfs.Wrap(vfs.NewMem(), full))
	defer db.Close()
	r, err := chainstore.Open(ctx, db, chain)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, r, 0, 1)
	if err := r.Commit(ctx, entry(2), &database.Batch{}, database.NoSync); err != nil {
		t.Fatal(err)
	}
	changed := make(chan database.Health, 100)
	db.Watch(func(h database.Health) { changed <- h })
	full.now.Store(true)
	if err := r.Keep(ctx, entry(9).BlockID, undecided(9), entry(9).BlockID); err == nil {
		t.Fatal("kept on a full disk")
	}
	full.now.Store(false)
	for h := range changed {
		if h.Fault == nil {
			break
		}
	}
	if err := r.Commit(ctx, entry(3), &database.Batch{}, database.Sync); err == nil {
		t.Fatal("committed upon a block that may be lost")
	}
	if err := r.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	for h := r.Last().Height + 1; h < 6; h++ {
		commit(t, r, h)
	}
	if err := r.Reload(ctx); err != nil {
		t.Fatal(err)
	}
}

// full is an errorfs.Injector: a disk that is full when the test says so.
type full struct{ now atomic.Bool }

func (f *full) String() string { return "a full disk" }

func (f *full) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsRead && f.now.Load() {
		return &os.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
	}
	return nil
}

// The power is cut before each operation of the real database's disk. What was acknowledged is in the record after
// it, which is whole. A record that is written without syncs fails this.
func TestAPowerCutAtAnyMomentLosesNoAcknowledgedBlock(t *testing.T) {
	memory := vfs.NewCrashableMem()
	if err := memory.MkdirAll("/db", 0o700); err != nil {
		t.Fatal(err)
	}
	cut := &cuts{t: t, memory: memory, luck: rand.New(rand.NewPCG(3, 4))}
	db := openAt(t, errorfs.Wrap(memory, cut))
	r, err := chainstore.Open(ctx, db, chain)
	if err != nil {
		t.Fatal(err)
	}
	for h := range uint64(40) {
		var changes database.Batch
		changes.Put([]byte("height"), binary.BigEndian.AppendUint64(nil, h))
		durability := database.Durability(h%3 == 0)
		if err := r.Commit(ctx, entry(h), &changes, durability); err != nil {
			t.Fatal(err)
		}
		if h%3 == 1 {
			if err := r.Keep(ctx, entry(h+2).BlockID, undecided(h+2), entry(h).BlockID); err != nil {
				t.Fatal(err)
			}
		}
		if last := r.Last(); last != nil {
			cut.sure.Store(int64(last.Height))
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if cut.n < 50 {
		t.Errorf("only %d power cuts", cut.n)
	}
}

// cuts is an errorfs.Injector: at each change of the disk it looks what a power cut would leave.
type cuts struct {
	t      *testing.T
	memory *vfs.MemFS
	luck   *rand.Rand
	sure   atomic.Int64 // the height that is durable
	one    sync.Mutex
	n      int
}

func (c *cuts) String() string { return "power cuts" }

func (c *cuts) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead || c.t.Failed() {
		return nil
	}
	sure := c.sure.Load()
	if sure == 0 {
		return nil // the genesis block isn't acknowledged to anybody
	}
	c.one.Lock()
	defer c.one.Unlock()
	c.n++
	after := c.memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.luck.IntN(3) * 50, RNG: c.luck})
	db, err := pebbledb.Config{Dir: "/db", FS: after, Log: slog.New(slog.DiscardHandler)}.Open()
	if err != nil {
		c.t.Errorf("after a power cut: %v", err)
		return nil
	}
	defer db.Close()
	r, err := chainstore.Open(ctx, db, chain)
	if err != nil || r.Last() == nil || r.Last().Height < uint64(sure) {
		c.t.Errorf("after a power cut at height %d: %v", sure, err)
		return nil
	}
	state, err := r.State().Get(ctx, []byte("height"))
	if err != nil || binary.BigEndian.Uint64(state) != r.Last().Height {
		c.t.Errorf("after a power cut: the record is at height %d, the state at %x, %v", r.Last().Height, state, err)
	}
	return nil
}

func openAt(t *testing.T, disk vfs.FS) *pebbledb.DB {
	t.Helper()
	db, err := pebbledb.Config{Dir: "/db", FS: disk, Log: slog.New(slog.DiscardHandler)}.Open()
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func undecided(height uint64) chainstore.Undecided {
	return chainstore.Undecided{Height: height, Consensus: []byte("kept"), Proof: []byte("why")}
}
