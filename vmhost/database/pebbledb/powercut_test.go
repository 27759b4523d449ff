package pebbledb

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/reevenet/reeve/vmhost/database"
)

// The power is cut before each operation that changes the disk: of what wasn't synced any part may be there. What Sync
// has acknowledged is, no batch is there in part, and none without those before it. A store that is written without
// syncs fails this.
func TestAPowerCutAtAnyMomentLosesNothingThatWasAcknowledged(t *testing.T) {
	const batches = 30
	memory := vfs.NewCrashableMem()
	if err := memory.MkdirAll("/db", 0o700); err != nil { // as the data directory is, before there is a store
		t.Fatal(err)
	}
	luck := rand.New(rand.NewPCG(1, 2))
	var acknowledged atomic.Int64
	var one sync.Mutex
	cuts := 0
	disk := &ill{}
	disk.set(func(int64, errorfs.Op) error {
		one.Lock()
		defer one.Unlock()
		sure := int(acknowledged.Load())
		after := memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: luck.IntN(3) * 50, RNG: luck})
		cuts++
		if !t.Failed() {
			survives(t, after, sure, batches)
		}
		return nil
	})
	d := storeIn(t, Config{Dir: "/db", FS: errorfs.Wrap(memory, disk)})
	for n := range batches {
		durability := database.Durability(n%3 != 0)
		if err := put(d, n, durability); err != nil {
			t.Fatal(err)
		}
		if durability == database.Sync {
			acknowledged.Store(int64(n + 1))
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d power cuts", cuts)
	if cuts < 100 {
		t.Errorf("only %d power cuts", cuts)
	}
}

func survives(t *testing.T, disk vfs.FS, sure, batches int) {
	t.Helper()
	d, err := Config{Dir: "/db", FS: disk, Log: nothing, memTable: 64 << 10}.Open()
	if err != nil {
		t.Errorf("after a power cut: %v", err)
		return
	}
	defer d.Close()
	for n, gone := 0, false; n < batches; n++ {
		a, errA := d.Has(context.Background(), append([]byte("a"), keyOf(n)...))
		b, errB := d.Has(context.Background(), append([]byte("b"), keyOf(n)...))
		if errA != nil || errB != nil || a != b || a && gone || !a && n < sure {
			t.Errorf("after a power cut: batch %d of %d acknowledged ones: %v %v, %v %v", n, sure, a, errA, b, errB)
			return
		}
		gone = !a
	}
}
