package vmsdk

import (
	"context"
	"net/http"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Base has the defaults of everything a VM may leave out. Embed it.
type Base struct{}

// SetState ignores the stage.
func (Base) SetState(context.Context, State) error { return nil }

// Shutdown has nothing to end.
func (Base) Shutdown(context.Context) error { return nil }

// Version is a name for VMs that have none.
func (Base) Version() (name, version string) { return "vm", "0.0.0" }

// HealthCheck is always well.
func (Base) HealthCheck(context.Context) error { return nil }

// Connected ignores peers.
func (Base) Connected(context.Context, NodeID, string) error { return nil }

// Disconnected ignores peers.
func (Base) Disconnected(context.Context, NodeID) error { return nil }

// CreateHandlers serves nothing.
func (Base) CreateHandlers(context.Context) (map[string]http.Handler, error) { return nil, nil }

// AppRequest says that requests aren't served; the SDK answers so.
func (Base) AppRequest(context.Context, NodeID, uint32, time.Time, []byte) error {
	return &UnimplementedError{What: "AppRequest"}
}

// AppResponse ignores it: a VM that asks nothing gets none.
func (Base) AppResponse(context.Context, NodeID, uint32, []byte) error { return nil }

// AppRequestFailed ignores it.
func (Base) AppRequestFailed(context.Context, NodeID, uint32, *AppError) error { return nil }

// AppGossip ignores it.
func (Base) AppGossip(context.Context, NodeID, []byte) error { return nil }

func idFrom(b []byte) (ID, error) { return primitives.HashFrom(b) }
