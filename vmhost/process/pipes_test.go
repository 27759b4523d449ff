package process

import (
	"io"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// breaking is a pipe that breaks after half a line.
type breaking struct {
	io.Reader
	closed bool
}

func (b *breaking) Close() error { b.closed = true; return nil }

func halfALine() *breaking {
	return &breaking{Reader: io.MultiReader(strings.NewReader("half a line"), iotest.ErrReader(syscall.EIO))}
}

// A pipe that nobody reads and nobody closes would hold up the plugin for ever.
func TestAPipeThatBreaksIsClosedAndWhatCameIsHeard(t *testing.T) {
	o, from := newOutput(slog.New(slog.DiscardHandler)), halfALine()
	o.read(from)
	o.reading.Wait()
	if last := o.last(); !from.closed || !slices.Equal(last, []string{"half a line"}) {
		t.Errorf("it is closed: %t; %q was heard", from.closed, last)
	}
}

func TestAHandshakesPipeThatBreaksEndsTheLibrarysWait(t *testing.T) {
	library, to := io.Pipe()
	s := &stdout{library: to}
	go s.read(halfALine())
	if heard, err := io.ReadAll(library); err != nil || string(heard) != "half a line\n" {
		t.Errorf("the library heard %q, %v", heard, err)
	}
}
