package pebbledb

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What is left of a life that is over gets no answer: with an error pebble would end the process.
func TestWhoIsLeftOfALifeThatIsOverGetsNoAnswer(t *testing.T) {
	failed := make(chan error, 100)
	g := newGate(vfs.NewMem(), func(err error) { failed <- err })
	f, err := g.Create("/file", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Remove("/nothing"); !errors.Is(err, fs.ErrNotExist) || len(failed) > 0 {
		t.Errorf("removing what isn't there: %v, %d faults", err, len(failed))
	}
	g.close()
	answered := make(chan string, 100)
	for name, do := range map[string]func() error{
		"Read":       func() error { _, err := f.Read(make([]byte, 1)); return err },
		"ReadAt":     func() error { _, err := f.ReadAt(make([]byte, 1), 0); return err },
		"Write":      func() error { _, err := f.Write([]byte{1}); return err },
		"WriteAt":    func() error { _, err := f.WriteAt([]byte{1}, 0); return err },
		"Stat":       func() error { _, err := f.Stat(); return err },
		"Sync":       f.Sync,
		"SyncData":   f.SyncData,
		"SyncTo":     func() error { _, err := f.SyncTo(1); return err },
		"allocating": func() error { return f.Preallocate(0, 1) },
		"Create":     func() error { _, err := g.Create("/other", vfs.WriteCategoryUnspecified); return err },
		"Open":       func() error { _, err := g.Open("/file"); return err },
		"OpenDir":    func() error { _, err := g.OpenDir("/"); return err },
		"Rename":     func() error { return g.Rename("/file", "/other") },
		"Link":       func() error { return g.Link("/file", "/other") },
		"Remove":     func() error { return g.Remove("/file") },
		"MkdirAll":   func() error { return g.MkdirAll("/dir", 0o700) },
	} {
		go func() {
			_ = do()
			answered <- name
		}()
	}
	select {
	case name := <-answered:
		t.Errorf("%s was answered", name)
	case <-time.After(100 * time.Millisecond): // one that comes later isn't noticed by this run
	}
	if err := f.Prefetch(0, 1); err == nil { // a hint: its answer is of no interest to anybody
		t.Error("a closed file was read ahead")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
