package memdb_test

import (
	"context"
	"errors"
	"testing"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/databasetest"
	"github.com/reevenet/reeve/vmhost/database/memdb"
)

func TestSuite(t *testing.T) {
	databasetest.Run(t, func(*testing.T) database.Database { return memdb.New().Open() })
}

func put(t *testing.T, db database.Database, key string, d database.Durability) {
	t.Helper()
	var b database.Batch
	b.Put([]byte(key), nil)
	if err := db.Write(context.Background(), &b, d); err != nil {
		t.Fatal(err)
	}
}

func TestACrashKeepsWhatWasSynced(t *testing.T) {
	disk := memdb.New()
	before := disk.Open()
	put(t, before, "a", database.NoSync)
	put(t, before, "b", database.Sync)
	put(t, before, "c", database.NoSync)
	disk.Crash()

	if _, err := before.Get(context.Background(), []byte("a")); !errors.Is(err, database.ErrClosed) {
		t.Errorf("a handle of before the crash still reads: %v", err)
	}
	after := disk.Open()
	for key, want := range map[string]bool{"a": true, "b": true, "c": false} {
		if got, _ := after.Has(context.Background(), []byte(key)); got != want {
			t.Errorf("after the crash Has(%s) = %v, want %v", key, got, want)
		}
	}
}

func TestAFullDiskChangesNothing(t *testing.T) {
	disk := memdb.New()
	full := errors.New("no space left on device")
	disk.FailWrites(full)
	db := disk.Open()
	var b database.Batch
	b.Put([]byte("a"), nil)
	if err := db.Write(context.Background(), &b, database.Sync); !errors.Is(err, full) {
		t.Fatalf("Write: %v", err)
	}
	disk.FailWrites(nil)
	if ok, _ := db.Has(context.Background(), []byte("a")); ok {
		t.Fatal("the failed write is there")
	}
}
