package availabilitystore_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	"github.com/reevenet/reeve/services/availabilitystore"
)

// again ends the store as a restart of its process does, and starts another on the same disk.
func (w *world) again(t *testing.T) *world {
	t.Helper()
	w.Conclude()
	return startOn(t, w.n, availabilitystore.Config{}, w.disk)
}

func TestWhatIsKeptIsThereAfterARestartWithTheTimeItHas(t *testing.T) {
	w, p, q := start(t, 4), paraOf(t, 1, 100, 4), paraOf(t, 2, 100, 4)
	w.storeData(p)
	w.block(1, event(backed, q))
	w.storeChunk(q, 3)
	w.pass(40 * time.Minute)
	w = w.again(t)
	if !w.hasData(p) || !w.hasChunk(q, 3) || w.hasChunk(q, 2) {
		t.Fatal("it isn't as it was")
	}
	w.pass(19 * time.Minute)
	if !w.hasData(p) {
		t.Error("the restart took time away")
	}
	w.pass(7 * time.Minute) // the age is written every five minutes
	if w.hasData(p) || w.hasChunk(q, 3) {
		t.Error("the restart added more time than the age is behind")
	}
}

// Nothing is said to be here, or kept, before it is durable.
func TestNothingIsAnsweredBeforeItIsDurable(t *testing.T) {
	w, p := start(t, 4), paraOf(t, 1, 100, 4)
	w.block(1, event(backed, p))
	var chunk, data *overseertest.Answer
	writes := 0
	w.disk.before = func() {
		if writes++; chunk != nil && chunk.Done || data != nil && data.Done {
			t.Error("it was answered before")
		}
	}
	chunk = w.Ask("availability-distribution", &storev1.StoreChunk{Candidate: p.id[:], Validator: 1, Chunk: p.chunk(1)})
	if o := overseertest.Must[*storev1.StoreChunkResponse](t, chunk).GetOutcome(); o != chunkStored {
		t.Fatalf("%v", o)
	}
	chunk = nil
	data = w.data(p, p.coded.Root())
	o := overseertest.Must[*storev1.StoreAvailableDataResponse](t, data).GetOutcome()
	if o != dataStored || writes != 2 {
		t.Errorf("%v after %d writes", o, writes)
	}
}

// What a disk that fails was given isn't here; it is opened again, and then has what was durable. The chain is looked
// at again as well, since what was heard of it may not be on the disk.
func TestADiskThatFailsIsOpenedAgainAndNothingIsClaimed(t *testing.T) {
	w, p, q := start(t, 4), paraOf(t, 1, 100, 4), paraOf(t, 2, 100, 4)
	w.storeData(p)
	w.disk.fail = errIll
	w.block(1, event(backed, q))
	if o := w.Ask("x", &storev1.QueryChunkAvailability{Candidate: q.id[:]}); o.Err == nil {
		t.Error("it answers without a disk")
	}
	if w.Trouble("disk") == "" {
		t.Error("no trouble is shown")
	}
	w.disk.fail = nil
	w.pass(time.Second)
	if !w.hasData(p) || w.Trouble("disk") != "" || w.disk.opened != 2 {
		t.Errorf("opened %d times; %s", w.disk.opened, w.Trouble("disk"))
	}
	if o := w.storeChunk(q, 0); o != chunkStored {
		t.Errorf("what the chain says is forgotten: %v", o)
	}
	w.disk.fail = errIll
	if o := w.storeChunk(q, 1); o != chunkFailed {
		t.Errorf("%v", o)
	}
	w.disk.fail = nil
	w.pass(time.Second)
	w.disk.fail = errIll
	r := paraOf(t, 3, 100, 4)
	if o := w.storeData(r); o != dataFailed {
		t.Errorf("%v", o)
	}
	w.disk.fail = nil
	w.pass(time.Second)
	if w.hasChunk(q, 1) || w.hasData(r) || !w.hasChunk(q, 0) {
		t.Error("something is here that failed")
	}
}

func TestADiskThatCantBeOpenedIsTriedAgain(t *testing.T) {
	memory := vfs.NewMem()
	broken := true
	d := &disk{room: 1 << 40, fs: errorfs.Wrap(memory, errorfs.InjectorFunc(func(errorfs.Op) error {
		if broken {
			return errIll
		}
		return nil
	}))}
	w := startOn(t, 4, availabilitystore.Config{}, d)
	if a := w.Ask("x", &storev1.QueryDataAvailability{}); a.Err == nil || w.Trouble("disk") == "" {
		t.Error("it works without a disk")
	}
	broken = false
	w.pass(time.Minute)
	if o := w.storeData(paraOf(t, 1, 100, 4)); o != dataStored {
		t.Errorf("%v", o)
	}
}

// The asker hears of data that can't be read, and may get it from elsewhere.
func TestWhatCantBeReadIsAFailureAndNotAbsent(t *testing.T) {
	w, p := start(t, 4), paraOf(t, 1, 100, 4)
	w.storeData(p)
	w.disk.data = map[primitives.Hash]error{p.id: errIll}
	if a := w.Ask("x", &storev1.QueryPoV{Candidate: p.id[:]}); a.Err == nil {
		t.Errorf("%v", a.Reply)
	}
}

func TestWithLittleRoomOnTheDiskNothingNewIsKept(t *testing.T) {
	cfg := availabilitystore.Config{MinFree: 1 << 20}
	w, p, q := startWith(t, 4, cfg), paraOf(t, 1, 100, 4), paraOf(t, 2, 100, 4)
	w.block(1, event(backed, q))
	w.storeData(p)
	w.disk.room = 1<<20 - 1
	w.storeChunk(q, 0)
	if w.Trouble("room") == "" {
		t.Error("no trouble is shown")
	}
	if o := w.storeData(paraOf(t, 3, 100, 4)); o != dataNoSpace {
		t.Errorf("data: %v", o)
	}
	if o := w.storeChunk(q, 1); o != chunkNoSpace || !w.hasData(p) || !w.hasChunk(q, 0) {
		t.Errorf("a chunk: %v", o)
	}
	w.disk.room = 1 << 20 // somebody has made room
	w.pass(10 * time.Second)
	if o := w.storeChunk(q, 1); o != chunkStored || w.Trouble("room") != "" {
		t.Errorf("with room: %v", o)
	}
}

// Collators alone can't fill the room, nor can all that is kept be more than the settings say.
func TestTheQuotaHoldsAndCollatorsFillAQuarterOfIt(t *testing.T) {
	w := startWith(t, 4, limits(1<<20, 1000))
	for seed := range byte(40) {
		w.storeData(paraOf(t, seed, 30_000, 4))
		if n := w.Number("proposed-bytes"); n > 1<<18 {
			t.Fatalf("%d bytes", n)
		}
	}
	if o := w.storeData(paraOf(t, 99, 300_000, 4)); o != dataNoSpace {
		t.Errorf("%v", o)
	}
}

// The power is cut before each operation that changes the disk: of what wasn't synced any part may be there. All that
// was acknowledged is, and nothing is said to be there that can't be read.
func TestAPowerCutAtAnyMomentLosesNothingThatWasAcknowledged(t *testing.T) {
	const candidates = 6
	memory := vfs.NewCrashableMem()
	if err := memory.MkdirAll("/availability", 0o700); err != nil {
		t.Fatal(err)
	}
	luck := rand.New(rand.NewPCG(1, 2))
	paras := make([]*para, candidates)
	for i := range paras {
		paras[i] = paraOf(t, byte(i), 5000, 4)
	}
	var kept []func(*world) bool // what was acknowledged
	var one sync.Mutex           // the disk is also written to in the background
	cuts := 0
	one.Lock()
	writes := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || !one.TryLock() {
			return nil
		}
		defer one.Unlock()
		after := memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: luck.IntN(3) * 50, RNG: luck})
		cuts++
		w := startOn(t, 4, availabilitystore.Config{}, &disk{fs: after, room: 1 << 40})
		for i, here := range kept {
			if !here(w) {
				t.Errorf("after power cut %d: %d of %d is gone", cuts, i, len(kept))
			}
		}
		for _, p := range paras { // each checks that what is said to be here can be read
			w.hasData(p)
			for v := range uint32(4) {
				w.hasChunk(p, v)
			}
		}
		w.Conclude()
		return nil
	})
	w := startOn(t, 4, availabilitystore.Config{}, &disk{fs: errorfs.Wrap(memory, writes), room: 1 << 40})
	one.Unlock()
	acknowledged := func(f func(*world) bool) {
		one.Lock()
		kept = append(kept, f)
		one.Unlock()
	}
	for i, p := range paras {
		if i%2 == 0 {
			if o := w.storeData(p); o != dataStored {
				t.Fatalf("%v", o)
			}
			acknowledged(func(w *world) bool { return w.hasData(p) && w.hasChunk(p, 3) })
		}
		w.block(byte(i+1), event(backed, p))
		if o := w.storeChunk(p, 1); o != chunkStored && o != chunkHere {
			t.Fatalf("%v", o)
		}
		acknowledged(func(w *world) bool { return w.hasChunk(p, 1) })
	}
	one.Lock() // the rest of its life is of no interest
	if t.Logf("%d power cuts", cuts); cuts < 2*candidates {
		t.Errorf("only %d power cuts", cuts)
	}
}
