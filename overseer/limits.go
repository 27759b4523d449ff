package overseer

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Limits are the constants of a bus. What is zero has a usable default.
type Limits struct {
	// Messages and Bytes are the credit of every edge: what may be unfinished on it.
	Messages, Bytes int
	// MaxMessage is the longest message in bytes.
	MaxMessage int
	// Hold is how long a request waits for a subsystem that has no instance, and a retry-safe one for the next
	// instance.
	Hold time.Duration
	// Heartbeat and Progress are the watchdogs' patience; Start is that for an instance's first work.
	Heartbeat, Progress, Start time.Duration
	// MaxRSS ends an instance whose resident memory in bytes exceeds it; 0: no limit.
	MaxRSS uint64
}

// broker is the broker's configuration in a node of these subsystems.
func (cfg *Config) broker(dir *registry.Directory, graph *Graph) broker.Config {
	l := cfg.Limits
	return broker.Config{
		Epoch: cfg.Epoch, Chains: cfg.Chains, Window: wire.Window{Messages: l.Messages, Bytes: l.Bytes},
		MaxMessage: l.MaxMessage, Hold: l.Hold, Heartbeat: l.Heartbeat, Progress: l.Progress, Start: l.Start,
		MaxRSS:   l.MaxRSS,
		PerChain: func(name string) bool { return graph.specs[name].Class == subsystem.PerChain },
		Lookup: func(enum, field protowire.Number) (broker.Variant, bool) {
			v := dir.At(enum, field)
			if v == nil {
				return broker.Variant{}, false
			}
			return broker.Variant{
				Name: string(v.Name), Subsystem: v.Subsystem, Lane: v.Lane, Request: v.IsRequest(), Stream: v.Stream,
				RetrySafe: v.RetrySafe,
			}, true
		},
	}.Defaults()
}
