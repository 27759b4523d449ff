package pebbledisk

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// The library panics when it is used after Close; a read may come that late, since reads are made off the loop.
func TestAfterCloseThereAreErrors(t *testing.T) {
	d, err := Open(vfs.NewMem(), "/availability", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_, data := d.Data(primitives.Hash{})
	_, chunk := d.Chunk(primitives.Hash{}, 1)
	_, _, load := d.Load()
	for name, err := range map[string]error{
		"Data": data, "Chunk": chunk, "Load": load, "Write": d.Write(nil), "Close": d.Close(),
	} {
		if !errors.Is(err, errClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNotThereIsNil(t *testing.T) {
	d, err := Open(vfs.NewMem(), "/availability", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if b, err := d.Data(primitives.Hash{1}); b != nil || err != nil {
		t.Errorf("%v, %v", b, err)
	}
	if b, err := d.Chunk(primitives.Hash{1}, 1); b != nil || err != nil {
		t.Errorf("%v, %v", b, err)
	}
	if room, err := d.Room(); room == 0 && err == nil {
		t.Error("no room")
	}
}
