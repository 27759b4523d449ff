// Package errcode is the contract between reeve and whoever runs it from a script: the exit codes, and the one type of
// error that reaches a person. Such an error says what happened, why, and what to do, and has a number that stays the
// same from release to release. Everything else in the program returns plain Go errors; the command line turns the ones
// that a caller decides something by into an Error of this package.
package errcode

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Code is a process's exit status.
type Code int

// The exit codes of every reeve command.
const (
	OK           Code = 0
	Failed       Code = 1 // it didn't work; the message says why
	Usage        Code = 2 // the command, a flag or a configuration value is wrong
	Unreachable  Code = 3 // nobody answers at that address
	NotReady     Code = 4 // the node answers, and isn't ready
	CheckFailed  Code = 5 // a test, conformance check or simulation found a fault
	Incompatible Code = 6 // two parts speak no common version
	Timeout      Code = 7 // it didn't happen in the time that was given
	SafetyHalt   Code = 8 // a chain stopped rather than go on with state it can't trust
	// Misconfigured is Usage of a node's process. The Go runtime ends what crashed with the code of Usage, and whoever
	// keeps a process running must restart the one and leave the other alone.
	Misconfigured Code = 9
	Interrupted   Code = 130 // the second signal
)

// Error is an error that a person reads. ID names its kind for good; What is one sentence.
type Error struct {
	ID   ID
	What string // what happened
	Do   string // what to do about it; empty if the sentence says it all
	Err  error  // why; may be nil

	exit Code // in place of its kind's
}

// New returns an error of the kind id.
func New(id ID, do string, why error, what string, args ...any) *Error {
	return &Error{ID: id, What: fmt.Sprintf(what, args...), Do: do, Err: why}
}

// Exit has the error end the program with a code that isn't its kind's: that of what it is about.
func (e *Error) Exit(c Code) *Error {
	e.exit = c
	return e
}

// Error is the form for people: the sentence with its reason, then what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.What)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Do != "" {
		fmt.Fprintf(&b, "\n  %s", e.Do)
	}
	return b.String()
}

// Unwrap gives errors.Is and errors.As the reason.
func (e *Error) Unwrap() error { return e.Err }

// Of returns the exit code that belongs to err: the one of its kind, Timeout for a deadline, Failed for the rest.
func Of(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &e) && e.exit != OK:
		return e.exit
	case errors.As(err, &e):
		return e.ID.exit()
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	}
	return Failed
}

// OfProcess returns the exit code of a node's process that ends with err.
func OfProcess(err error) Code {
	if c := Of(err); c != Usage {
		return c
	}
	return Misconfigured
}
