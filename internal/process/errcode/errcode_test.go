package errcode

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestEveryErrorHasItsExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, OK},
		{errors.New("anything"), Failed},
		{New(PortTaken, "", nil, "port 9650 is taken"), Failed},
		{New(BadConfig, "", nil, "unknown key"), Usage},
		{fmt.Errorf("while starting: %w", New(NodeUnreachable, "", nil, "nobody answers")), Unreachable},
		{fmt.Errorf("asking: %w", context.DeadlineExceeded), Timeout},
		{New(PluginIncompatible, "", nil, "speaks 5, we speak 7"), Incompatible},
		{New(SimViolation, "", nil, "seed 7"), CheckFailed},
		{New(ChainHalted, "", nil, "kv"), SafetyHalt},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
	}
}

func TestAnErrorSaysWhatWhyAndWhatToDo(t *testing.T) {
	err := New(DataDirBroken, "Choose another one with --data-dir.", fs.ErrPermission, "can't write to %s", "/nowhere")
	const want = "can't write to /nowhere: permission denied\n  Choose another one with --data-dir."
	if err.Error() != want {
		t.Errorf("got  %q\nwant %q", err, want)
	}
	if err.ID.String() != "REEVE-1011" {
		t.Errorf("the number is %s", err.ID)
	}
	if !errors.Is(err, fs.ErrPermission) {
		t.Error("the reason is lost")
	}
}

func TestNoProcessOfANodeEndsOnPurposeAsOneThatCrashed(t *testing.T) {
	const crashed = 2 // the Go runtime's code for a panic, a fatal error and a signal that it doesn't outlive
	for id := range exits {
		if c := OfProcess(New(id, "", nil, "x")); c == crashed {
			t.Errorf("%s ends a process with code %d", id, c)
		}
	}
	if c := OfProcess(New(BadConfig, "", nil, "unknown key")); c != Misconfigured {
		t.Errorf("a process with wrong settings ends with code %d", c)
	}
	if c := OfProcess(nil); c != OK {
		t.Errorf("a process that ends as it should has code %d", c)
	}
}
