package pebbledb_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/databasetest"
	"github.com/reevenet/reeve/vmhost/database/pebbledb"
)

func open(t *testing.T, dir string) *pebbledb.DB {
	t.Helper()
	db, err := pebbledb.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestSuite(t *testing.T) {
	databasetest.Run(t, func(t *testing.T) database.Database { return open(t, t.TempDir()) })
}

func TestSyncedDataIsThereAfterReopening(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	var b database.Batch
	b.Put([]byte("a"), []byte("1"))
	if err := db.Write(context.Background(), &b, database.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	v, err := open(t, dir).Get(context.Background(), []byte("a"))
	if err != nil || string(v) != "1" {
		t.Fatalf("Get = %q, %v", v, err)
	}
}

func TestASecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	db, err := pebbledb.Open(dir, slog.New(slog.DiscardHandler))
	if err == nil {
		db.Close()
		t.Fatal("the directory was opened twice")
	}
	if readable, ok := errors.AsType[*errcode.Error](err); !ok || readable.ID != errcode.DataDirInUse {
		t.Errorf("%v", err)
	}
}

func TestADamagedDatabaseIsAReadableError(t *testing.T) {
	dir := t.TempDir()
	open(t, dir).Close()
	manifests, err := filepath.Glob(filepath.Join(dir, "MANIFEST-*"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("no manifest: %v", err)
	}
	for _, m := range manifests {
		if err := os.WriteFile(m, []byte("damaged beyond repair"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err = pebbledb.Open(dir, slog.New(slog.DiscardHandler))
	if readable, ok := errors.AsType[*errcode.Error](err); !ok || readable.ID != errcode.DataDamaged {
		t.Errorf("%v", err)
	}
}
