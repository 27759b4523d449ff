package driver

import (
	"fmt"
	"strings"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// The failures that a machine makes itself.
const (
	timedOut      = overseerv1.Failure_CODE_TIMED_OUT
	overloaded    = overseerv1.Failure_CODE_OVERLOADED
	unavailable   = overseerv1.Failure_CODE_UNAVAILABLE
	cancelled     = overseerv1.Failure_CODE_CANCELLED
	refused       = overseerv1.Failure_CODE_REFUSED
	unimplemented = overseerv1.Failure_CODE_UNIMPLEMENTED
)

func failf(code overseerv1.Failure_Code, format string, args ...any) *wire.Failure {
	return &wire.Failure{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Kind is what people call a kind of failure: "timed out".
func Kind(code overseerv1.Failure_Code) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(code.String(), "CODE_"), "_", " "))
}
