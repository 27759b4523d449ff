// Package runtimeapi is the node's door to the state of the relay chain: it answers every question about the state
// after a given block, processing or accepted.
//
// It receives Request from the subsystems of the parachain host and asks the relay chain's VM with QueryRuntime, once
// for all who ask the same at the same time. The state after a block never changes, so answers are remembered (cache);
// errors never are. It never answers from another block's state, sends nothing, and keeps nothing on disk. As nothing
// here has to be agreed on, any number of instances share the work.
//
// What an askers decides by (RuntimeApiError):
//
//	UNKNOWN_BLOCK  the VM doesn't know the block; it may yet arrive
//	PRUNED_STATE   the state after it is no longer kept; it won't come back
//	UNSUPPORTED    the VM has no parachain runtime, or doesn't know this question
//	BAD_REQUEST    the question isn't well formed
//	VM_FAILED      the VM failed or is away: ask again
package runtimeapi

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// Name is the subsystem's name.
const Name = "runtime-api"

// Config is what runtime-api needs.
type Config struct {
	// Chain is the relay chain.
	Chain string
}

// Spec declares runtime-api.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Pool,
		Asks:  []proto.Message{&pluginv1.QueryRuntimeRequest{}},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			return &api{sub: sub, vm: sub.On(cfg.Chain), flights: map[key]*flight{}}, nil
		},
	}
}

// api is the handler.
type api struct {
	sub     *subsystem.Sub
	vm      *subsystem.Sub // the way to the relay chain's VM
	cache   cache
	flights map[key]*flight

	asked, remembered, failed int64 // since the process began
	trouble                   string
}

// Signal means nothing here: what is about a block holds whether it is a leaf or not.
func (a *api) Signal(*overseerv1.Signal) {}

// Handle takes one message.
func (a *api) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *runtimeapiv1.Request:
		a.onRequest(m, body)
	default:
		m.Unknown()
	}
}

// Status says how runtime-api is.
func (a *api) Status(s *subsystem.Status) {
	s.Check("relay-chain", a.trouble)
	s.Number("asked", a.asked)
	s.Number("remembered", a.remembered)
	s.Number("failed", a.failed)
	s.Number("in-flight", int64(len(a.flights)))
	s.Number("blocks", int64(len(a.cache.blocks)))
	s.Number("cached-bytes", int64(a.cache.bytes))
}
