package supervise

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"time"
)

// A pipe that nobody reads and nobody closes would hold up the process for ever. It is told at its next line.
func TestAPipeThatCanNotBeReadIsClosed(t *testing.T) {
	o, write, err := newOutput(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	if err := o.read.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	o.drain()
	if _, err := write.WriteString("a line\n"); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("who writes on gets %v", err)
	}
}
