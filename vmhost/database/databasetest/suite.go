// Package databasetest is the one suite that every database passes: memory, pebble, and the plugin's view of the
// host's. It is imported by tests alone.
package databasetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/vmhost/database"
)

// Run checks what open gives, a fresh and empty database with each call.
func Run(t *testing.T, open func(t *testing.T) database.Database) {
	RunOpen(t, open)
	t.Run("after Close everything says so", func(t *testing.T) { closed(t, open(t)) })
}

// RunOpen is Run for a database that isn't the caller's to close.
func RunOpen(t *testing.T, open func(t *testing.T) database.Database) {
	for _, c := range []struct {
		name  string
		check func(*testing.T, database.Database)
	}{
		{"what is put can be got", putGet},
		{"a batch is read in the order asked", getBatch},
		{"a batch is applied in order", batchOrder},
		{"iteration is in key order and half open", iterate},
		{"an iterator keeps the state it began with", iteratorIsStable},
		{"a snapshot keeps its state", snapshotIsStable},
		{"keys and values have limits", limits},
		{"returned slices are the caller's", slicesAreCopies},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, open(t)) })
	}
	t.Run("it does what a map does", func(t *testing.T) { model(t, open) })
}

var ctx = context.Background()

func write(t *testing.T, db database.Database, pairs ...string) {
	t.Helper()
	var b database.Batch
	for i := 0; i < len(pairs); i += 2 {
		b.Put([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	if err := db.Write(ctx, &b, database.Sync); err != nil {
		t.Fatal(err)
	}
}

func entries(t *testing.T, it database.Iterator) []string {
	t.Helper()
	defer it.Close()
	var out []string
	for it.Next() {
		out = append(out, fmt.Sprintf("%s=%s", it.Key(), it.Value()))
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-want +got)\n%s", d)
	}
}

func putGet(t *testing.T, db database.Database) {
	write(t, db, "a", "1", "empty", "")
	v, err := db.Get(ctx, []byte("a"))
	if err != nil || string(v) != "1" {
		t.Fatalf("Get(a) = %q, %v", v, err)
	}
	if v, err = db.Get(ctx, []byte("empty")); err != nil || v == nil || len(v) != 0 {
		t.Fatalf("Get(empty) = %v, %v; an empty value isn't an absent one", v, err)
	}
	if _, err = db.Get(ctx, []byte("b")); !errors.Is(err, database.ErrNotFound) {
		t.Fatalf("Get(b): %v", err)
	}
	for key, want := range map[string]bool{"a": true, "empty": true, "b": false} {
		if got, err := db.Has(ctx, []byte(key)); err != nil || got != want {
			t.Fatalf("Has(%s) = %v, %v", key, got, err)
		}
	}
}

func getBatch(t *testing.T, db database.Database) {
	write(t, db, "a", "1", "b", "2", "empty", "")
	got, err := db.GetBatch(ctx, [][]byte{[]byte("b"), []byte("x"), []byte("empty"), []byte("a"), []byte("b")})
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, [][]byte{[]byte("2"), nil, {}, []byte("1"), []byte("2")})
	if none, err := db.GetBatch(ctx, nil); err != nil || len(none) != 0 {
		t.Fatalf("no keys: %v, %v", none, err)
	}
}

func batchOrder(t *testing.T, db database.Database) {
	var b database.Batch
	b.Put([]byte("a"), []byte("1"))
	b.Delete([]byte("a"))
	b.Put([]byte("b"), []byte("1"))
	b.Put([]byte("b"), []byte("2"))
	b.Delete([]byte("never there"))
	if err := db.Write(ctx, &b, database.NoSync); err != nil {
		t.Fatal(err)
	}
	same(t, entries(t, db.Iterate(ctx, nil, nil)), []string{"b=2"})
}

func iterate(t *testing.T, db database.Database) {
	write(t, db, "b", "2", "a", "1", "d", "4", "c", "3", "ca", "x")
	same(t, entries(t, db.Iterate(ctx, nil, nil)), []string{"a=1", "b=2", "c=3", "ca=x", "d=4"})
	same(t, entries(t, db.Iterate(ctx, []byte("b"), []byte("d"))), []string{"b=2", "c=3", "ca=x"})
	same(t, entries(t, db.Iterate(ctx, []byte("c"), database.PrefixEnd([]byte("c")))), []string{"c=3", "ca=x"})
	if got := entries(t, db.Iterate(ctx, []byte("x"), nil)); len(got) != 0 {
		t.Fatalf("beyond the end: %v", got)
	}
}

func iteratorIsStable(t *testing.T, db database.Database) {
	write(t, db, "a", "1", "b", "2")
	it := db.Iterate(ctx, nil, nil)
	write(t, db, "a", "changed", "ab", "new")
	same(t, entries(t, it), []string{"a=1", "b=2"})
	if err := it.Close(); err != nil {
		t.Fatalf("a second Close: %v", err)
	}
}

func snapshotIsStable(t *testing.T, db database.Database) {
	write(t, db, "a", "1")
	s, err := db.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, "a", "2", "b", "2")
	v, err := s.Get(ctx, []byte("a"))
	if err != nil || string(v) != "1" {
		t.Fatalf("Get in the snapshot = %q, %v", v, err)
	}
	got, err := s.GetBatch(ctx, [][]byte{[]byte("a"), []byte("b")})
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, [][]byte{[]byte("1"), nil})
	same(t, entries(t, s.Iterate(ctx, nil, nil)), []string{"a=1"})
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, []byte("a")); !errors.Is(err, database.ErrClosed) {
		t.Fatalf("Get in a closed snapshot: %v", err)
	}
}

func limits(t *testing.T, db database.Database) {
	for _, key := range [][]byte{nil, make([]byte, database.MaxKeySize+1)} {
		var b database.Batch
		b.Put([]byte("fine"), nil)
		b.Put(key, nil)
		if err := db.Write(ctx, &b, database.Sync); err == nil {
			t.Fatalf("a key of %d bytes was taken", len(key))
		}
	}
	if ok, _ := db.Has(ctx, []byte("fine")); ok {
		t.Fatal("half of a refused batch was applied")
	}
}

func slicesAreCopies(t *testing.T, db database.Database) {
	key, value := []byte("key"), []byte("value")
	var b database.Batch
	b.Put(key, value)
	if err := db.Write(ctx, &b, database.Sync); err != nil {
		t.Fatal(err)
	}
	key[0], value[0] = 'X', 'X'
	got, err := db.Get(ctx, []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	got[0] = 'Y'
	again, err := db.Get(ctx, []byte("key"))
	if err != nil || !bytes.Equal(again, []byte("value")) {
		t.Fatalf("changed from outside: %q, %v", again, err)
	}
}

func closed(t *testing.T, db database.Database) {
	write(t, db, "a", "1")
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	_, err := db.Get(ctx, []byte("a"))
	_, err2 := db.GetBatch(ctx, [][]byte{[]byte("a")})
	_, err3 := db.Snapshot(ctx)
	it := db.Iterate(ctx, nil, nil)
	for it.Next() {
		t.Fatal("an iterator of a closed database gave an entry")
	}
	var b database.Batch
	b.Put([]byte("a"), nil)
	for i, err := range []error{err, err2, err3, it.Err(), db.Write(ctx, &b, database.Sync)} {
		if !errors.Is(err, database.ErrClosed) {
			t.Errorf("call %d after Close: %v", i, err)
		}
	}
}

// model compares with a map under random batches.
func model(t *testing.T, open func(t *testing.T) database.Database) {
	db := open(t)
	want := map[string]string{}
	rapid.Check(t, func(r *rapid.T) {
		var b database.Batch
		for range rapid.IntRange(0, 8).Draw(r, "changes") {
			key := rapid.StringMatching(`[ab]{1,3}`).Draw(r, "key")
			if rapid.Bool().Draw(r, "delete") {
				b.Delete([]byte(key))
				delete(want, key)
			} else {
				value := rapid.StringN(0, 3, 8).Draw(r, "value")
				b.Put([]byte(key), []byte(value))
				want[key] = value
			}
		}
		if err := db.Write(ctx, &b, database.NoSync); err != nil {
			r.Fatal(err)
		}
		got := map[string]string{}
		it := db.Iterate(ctx, nil, nil)
		defer it.Close()
		last := ""
		for it.Next() {
			if string(it.Key()) <= last {
				r.Fatalf("%q came after %q", it.Key(), last)
			}
			last = string(it.Key())
			got[last] = string(it.Value())
		}
		if d := cmp.Diff(want, got); d != "" || it.Err() != nil {
			r.Fatalf("%v (-want +got)\n%s", it.Err(), d)
		}
	})
}
