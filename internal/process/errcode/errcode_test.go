package errcode

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
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

func TestWhatAProgramPrintedIsTheErrorThatItMeant(t *testing.T) {
	meant := New(BadConfig, "Correct the file.\nThen start it again.", errors.New("unknown key steak"), "node v1 can't be configured")
	printed := "  v1/engine is left alone: REEVE-1014: another one\n" + meant.ID.String() + ": " + meant.Error() + "\nbye"
	read := Read(strings.Split(printed, "\n"))
	if read == nil || read.ID != BadConfig || Of(read) != Usage || read.What != "node v1 can't be configured: unknown key steak" {
		t.Errorf("got %#v", read)
	}
	if read := Read([]string{"panic: REEVE-1014"}); read != nil {
		t.Errorf("got %v", read)
	}
}

func TestAnErrorAboutAProcessHasThatProcessesCode(t *testing.T) {
	for text, want := range map[string]Code{
		"exited with code 9: REEVE-1002: config":   Usage,
		"exited with code 6: REEVE-1016: its data": Incompatible,
		"killed by signal 9":                       Failed,
		"REEVE-9999: of a later release":           Failed,
	} {
		err := fmt.Errorf("node v1: %w", New(ProcessDied, "", nil, "%s", text).Exit(Named(text)))
		if got := Of(err); got != want {
			t.Errorf("%s: exit code %d, want %d", text, got, want)
		}
	}
}
