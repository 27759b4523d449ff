package subsystem

import (
	"errors"
	"fmt"

	"github.com/reevenet/reeve/overseer/subsystem/driver"
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
func (f *Failure) Error() string {
	if f.Code == Responder {
		return fmt.Sprintf("failed (%d): %s", f.Detail, f.Message)
	}
	return driver.Kind(f.Code) + ": " + f.Message
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

func fromProtocol(f *overseerv1.Failure) *Failure {
	return &Failure{Code: f.GetCode(), Message: f.GetMessage(), Detail: f.GetDetail()}
}

func toProtocol(err error) *overseerv1.Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return &overseerv1.Failure{Code: f.Code, Message: f.Message, Detail: f.Detail}
	}
	return &overseerv1.Failure{Code: Responder, Message: err.Error()}
}
