package requests

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Answer is a kind of answer that a request expects.
type Answer uint8

// The kinds, in the order of the protocol's enum.
const (
	_ Answer = iota
	StateSummaryFrontier
	AcceptedStateSummary
	AcceptedFrontier
	Accepted
	Ancestors
	Put
	Chits
	AppResponse
	answers
)

func (a Answer) String() string {
	if a == 0 || a >= answers {
		return fmt.Sprintf("answer %d", uint8(a))
	}
	return [...]string{
		"", "StateSummaryFrontier", "AcceptedStateSummary", "AcceptedFrontier", "Accepted", "Ancestors", "Put", "Chits",
		"AppResponse",
	}[a]
}

// Reason says why a request got no answer.
type Reason uint8

// The reasons, in the order of the protocol's enum.
const (
	_ Reason = iota
	TimedOut
	Unsent
	Disconnected
	Benched
	Undecodable
	Cancelled
	Remote
)

func (r Reason) String() string {
	if r == 0 || r > Remote {
		return fmt.Sprintf("reason %d", uint8(r))
	}
	return [...]string{"", "timed out", "unsent", "disconnected", "benched", "undecodable", "cancelled",
		"remote error"}[r]
}

// AppError is an error of the application protocol between two VMs. Codes above zero are the VMs' own; those at zero
// and below mean the same to everybody, and each has one meaning alone. Compare with errors.Is: codes decide, words
// don't.
type AppError struct {
	Code    int32
	Message string
}

// The errors that aren't a VM's own. The network's other reasons have codes of their own below these.
var (
	ErrUndefined = &AppError{Code: 0, Message: "undefined"}
	ErrTimeout   = &AppError{Code: -1, Message: "timed out"}
)

func (e *AppError) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Message) }

// Is tells whether target is an AppError with the same code.
func (e *AppError) Is(target error) bool {
	t, ok := target.(*AppError)
	return ok && t.Code == e.Code
}

// AppErrorFor is the error that a VM gets for a failed request of its own. A remote error is the peer's own and not
// made here.
func AppErrorFor(r Reason) *AppError {
	switch r {
	case TimedOut:
		return ErrTimeout
	case Unsent, Disconnected, Benched, Undecodable, Cancelled:
		return &AppError{Code: -int32(r), Message: r.String()}
	}
	return ErrUndefined
}

// Request is a readable key: a node and a number.
type Request struct {
	NodeID    primitives.NodeID
	RequestID uint32
}

func (r Request) String() string { return fmt.Sprintf("%s:%d", r.NodeID, r.RequestID) }

// MarshalText makes a request a readable JSON string and map key, NodeID-…:7.
func (r Request) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
