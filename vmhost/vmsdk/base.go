package vmsdk

import (
	"context"
	"net/http"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Base has the defaults of everything a VM may leave out. Embed it.
type Base struct{}

// A VM without a name, that is always healthy, needs no stage, has nothing to end and serves nothing.
func (Base) Version() (name, version string)                                 { return "vm", "0.0.0" }
func (Base) HealthCheck(context.Context) error                               { return nil }
func (Base) Committed(context.Context, Block)                                {}
func (Base) SetState(context.Context, State) error                           { return nil }
func (Base) Shutdown(context.Context) error                                  { return nil }
func (Base) CreateHandlers(context.Context) (map[string]http.Handler, error) { return nil, nil }

// Peers and their messages are ignored: a VM that asks nothing gets no answers.
func (Base) Connected(context.Context, NodeID, string) error                   { return nil }
func (Base) Disconnected(context.Context, NodeID) error                        { return nil }
func (Base) AppGossip(context.Context, NodeID, []byte) error                   { return nil }
func (Base) AppResponse(context.Context, NodeID, uint32, []byte) error         { return nil }
func (Base) AppRequestFailed(context.Context, NodeID, uint32, *AppError) error { return nil }

// AppRequest says that requests aren't served; the SDK answers so.
func (Base) AppRequest(context.Context, NodeID, uint32, time.Time, []byte) error {
	return &UnimplementedError{What: "AppRequest"}
}

// idOf is the id that a block call names. What isn't one is the zero id, which no block has.
func idOf(name []byte) ID {
	id, _ := primitives.HashFrom(name)
	return id
}
