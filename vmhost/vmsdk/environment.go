package vmsdk

import (
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/reevenet/reeve/internal/bus/intercept"
)

// Environment is what a Server runs in. Serve makes the one of a plugin process; a simulation makes its own, in which
// nothing depends on the clock or on chance. The zero value of each field has a sensible meaning.
type Environment struct {
	// Host leads to the host's services. nil: dial the address that Initialize names.
	Host grpc.ClientConnInterface
	// Now is the time. nil: time.Now.
	Now func() time.Time
	// After calls f once after d. nil: time.AfterFunc.
	After func(d time.Duration, f func()) (cancel func())
	// Go runs f beside the caller. nil: on a goroutine.
	Go func(f func())
	// Log and Level take the VM's log. nil: discarded.
	Log   *slog.Logger
	Level *slog.LevelVar
	// Around stands around the calls between host and VM.
	Around intercept.Chain
	// Tracer opens the spans of transactions, of so large a share of them. nil: none.
	Tracer  trace.Tracer
	Sampled float64
	// Alone says that nothing else runs while a call does, so that nothing can be waited for.
	Alone bool
	// CacheSize is the database cache's size in bytes. 0: the default.
	CacheSize int
}

func (e Environment) withDefaults() Environment {
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.After == nil {
		e.After = func(d time.Duration, f func()) func() {
			t := time.AfterFunc(d, f)
			return func() { t.Stop() }
		}
	}
	if e.Go == nil {
		e.Go = func(f func()) { go f() }
	}
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.Level == nil {
		e.Level = new(slog.LevelVar)
	}
	return e
}
