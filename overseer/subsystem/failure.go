package subsystem

import (
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Code says what kind of failure ended an ask: what the asker should do about it.
type Code = overseerv1.Failure_Code

// The codes, with the decision that each asks for.
const (
	TimedOut        = overseerv1.Failure_CODE_TIMED_OUT        // ask again if the answer is still wanted
	Overloaded      = overseerv1.Failure_CODE_OVERLOADED       // slow down
	Unavailable     = overseerv1.Failure_CODE_UNAVAILABLE      // ask again when it is present
	StaleGeneration = overseerv1.Failure_CODE_STALE_GENERATION // forget it
	Cancelled       = overseerv1.Failure_CODE_CANCELLED        // forget it
	Poisoned        = overseerv1.Failure_CODE_POISONED         // never ask that again
	Refused         = overseerv1.Failure_CODE_REFUSED          // never ask that again
	Unimplemented   = overseerv1.Failure_CODE_UNIMPLEMENTED    // do without
	Responder       = overseerv1.Failure_CODE_RESPONDER        // the responder's own failure
)

// Failure is the error that an Ask ends with, and that a responder may give to Fail.
type Failure struct {
	Code    Code
	Message string // one sentence
	Detail  int32  // the responder's own code, with Responder
}

// Error is the sentence, after the kind.
func (f *Failure) Error() string { return f.kind() + ": " + f.Message }

func (f *Failure) kind() string {
	switch f.Code {
	case TimedOut:
		return "timed out"
	case Overloaded:
		return "overloaded"
	case Unavailable:
		return "unavailable"
	case StaleGeneration:
		return "stale generation"
	case Cancelled:
		return "cancelled"
	case Poisoned:
		return "poisoned"
	case Refused:
		return "refused"
	case Unimplemented:
		return "unimplemented"
	case Responder:
		return fmt.Sprintf("failed (%d)", f.Detail)
	}
	return "failure"
}

// Failf makes a failure.
func Failf(code Code, format string, args ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf is the code of the failure in err's chain; Responder for any other error, and 0 for none.
func CodeOf(err error) Code {
	var f *Failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &f):
		return f.Code
	}
	return Responder
}

// Temporary tells whether asking the same again later can help.
func Temporary(err error) bool {
	switch CodeOf(err) {
	case TimedOut, Overloaded, Unavailable:
		return true
	}
	return false
}

func fromWire(f *wire.Failure) *Failure {
	if f == nil {
		return Failf(Refused, "the failure came without a reason")
	}
	return &Failure{Code: Code(f.Code), Message: f.Message, Detail: f.Detail}
}

func toWire(err error) *wire.Failure {
	var f *Failure
	if errors.As(err, &f) {
		return &wire.Failure{Code: uint32(f.Code), Message: f.Message, Detail: f.Detail}
	}
	return &wire.Failure{Code: uint32(Responder), Message: err.Error()}
}
