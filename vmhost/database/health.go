package database

import "errors"

// FaultError is the answer to every call while the disk fails: nothing is known about what was asked, least of all
// that it isn't there.
type FaultError struct{ Cause error }

func (e *FaultError) Error() string { return "the database refuses: " + e.Cause.Error() }

func (e *FaultError) Unwrap() error { return e.Cause }

// Faulty is a FaultError with that cause, or the one that it is already.
func Faulty(cause error) *FaultError {
	if fault, ok := errors.AsType[*FaultError](cause); ok {
		return fault
	}
	return &FaultError{Cause: cause}
}

// Health is how the disk under a database is. The zero value is well.
type Health struct {
	// Fault is why every call is refused now; nil: they aren't. It ends by itself, unless Lost is set.
	Fault error
	// Lost: only a person can help, or another process.
	Lost bool
	// Warning is something that a person should know and that stops nothing yet.
	Warning string
}

// Text is the fault or the warning; empty when all is well.
func (h Health) Text() string {
	if h.Fault != nil {
		return h.Fault.Error()
	}
	return h.Warning
}

// Watched is a Database on a disk.
type Watched interface {
	Database
	// Health is how the disk is.
	Health() Health
	// Watch has f called with each change from now on, and at once when all isn't well. It may not wait, nor call the
	// database.
	Watch(f func(Health))
	// Resume tells that whoever writes looks anew at what is there. After a fault in which writes without a sync may
	// have been lost every call is refused until then: a later write would stand there without those before it.
	Resume()
}
