package leaf

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

// Timeout is how long runtime-api may take to answer one question.
const Timeout = 5 * time.Second

// Error is runtime-api's word that there is no answer. That something doesn't exist in the state is no error.
type Error struct {
	Code   runtimeapiv1.RuntimeApiError_Code
	Detail string
}

func (e *Error) Error() string { return "runtime-api: " + e.Detail }

// Temporary tells whether the same question may be answered later.
func (e *Error) Temporary() bool {
	return e.Code == runtimeapiv1.RuntimeApiError_CODE_UNKNOWN_BLOCK || e.Code == runtimeapiv1.RuntimeApiError_CODE_VM_FAILED
}

// Question asks runtime-api about the state after a block, once. The error is an *Error or a *subsystem.Failure.
func Question(sub *subsystem.Sub, relayParent primitives.Hash, q *runtimeapiv1.RuntimeApiRequest,
	then func(*runtimeapiv1.RuntimeApiAnswer, error)) {
	request := &runtimeapiv1.Request{RelayParent: relayParent[:], Request: q}
	subsystem.Ask(sub, request, Timeout, func(r *runtimeapiv1.RequestResponse, err error) {
		failure := r.GetError()
		switch {
		case err != nil:
			then(nil, err)
		case failure != nil:
			then(nil, &Error{Code: failure.GetCode(), Detail: failure.GetDetail()})
		case r.GetAnswer() == nil:
			then(nil, fmt.Errorf("runtime-api: an answer without content"))
		default:
			then(r.GetAnswer(), nil)
		}
	})
}
