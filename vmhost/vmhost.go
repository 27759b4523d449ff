// Package vmhost is the subsystem "vm": it keeps the chain's virtual machine running as a plugin and owns what must
// outlive it, which is the database and the record of accepted blocks. The engine asks it to build, verify and accept
// blocks; peers' VMs reach the plugin through it; users reach the plugin's HTTP handlers through it.
//
// The plugin may crash, hang, or be killed at any moment. vmhost notices, starts another process, tells it everything
// that its predecessor knew (stage, peers, undecided blocks, preference) and repeats the call that was interrupted;
// whoever asks meanwhile waits or gets a typed error. It never trusts the plugin with durability: what a block changes
// comes back in the answer to Accept, and is committed here together with the record of the block.
//
// This package and its children are the only ones that import hashicorp/go-plugin. The plugin process itself is a port,
// Launcher, so that a simulation can run the VM as a Go value.
package vmhost

import (
	"math"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/launch"
)

// Config is one chain and the two ports through which vmhost reaches the world.
type Config struct {
	// NetworkID is the network's number.
	NetworkID uint32
	// Chain is the chain's name, as in /ext/bc/<chain>/.
	Chain string
	// ChainID is the hash of the chain's genesis.
	ChainID primitives.Hash
	// NodeID is this node.
	NodeID primitives.NodeID
	// Genesis reads what goes to the VM as it is, at each start of a plugin: it may be long. Nil: it gets none.
	Genesis func() ([]byte, error)
	// Upgrade and Settings go to the VM as they are, too.
	Upgrade, Settings []byte
	// LogLevel is where the plugin's log begins; slog's numbers.
	LogLevel int32

	// OpenDB opens the chain's database: the disk port.
	OpenDB func() (database.Database, error)
	// Launcher starts the plugin: the plugin port.
	Launcher launch.Launcher
	// Count counts the calls between host and plugin; nil: nobody does.
	Count intercept.Counter
	// Tracing opens spans for those that are part of a sampled trace; nil: none, and the plugin opens none either.
	Tracing trace.TracerProvider
	// HTTPSocket is where the VM's HTTP handlers are served for the gateway. Empty: not at all.
	HTTPSocket string

	// Limits are times and counts; zero fields have defaults.
	Limits Limits
}

// Limits are how long things may take and how many there may be.
type Limits struct {
	// Start is for initializing a plugin that is launched, and catching it up. 2 min.
	Start time.Duration
	// BlockCall is for one block call. A plugin that misses it is replaced. 10 s.
	BlockCall time.Duration
	// AppCall is for handing one app message to the VM. 5 s.
	AppCall time.Duration
	// Wait is how long a call waits for a plugin that isn't there. 15 s.
	Wait time.Duration
	// Heartbeat is the pause between two pings. 1 s.
	Heartbeat time.Duration
	// Silence is how long the answer to a ping may take; two that aren't answered in a row are a hang. 2 s.
	Silence time.Duration
	// Stop is for a graceful end. 3 s.
	Stop time.Duration
	// RestartMin and RestartMax bound the pause before a restart, which doubles each time. 50 ms and 30 s.
	RestartMin, RestartMax time.Duration
	// CrashLoop deaths within CrashWindow open the breaker, but for those in the midst of judging a block. 5 in 60 s.
	CrashLoop   int
	CrashWindow time.Duration
	// Queue is how many block calls may wait. 1,024.
	Queue int
	// AppQueue is how many app messages may wait. 4,096.
	AppQueue int
}

// waits is Limits.Wait where nothing else is said.
const waits = 15 * time.Second

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.Start, launch.StartLimit}, {&l.BlockCall, launch.CallLimit}, {&l.AppCall, 5 * time.Second},
		{&l.Wait, waits},
		{&l.Heartbeat, time.Second}, {&l.Silence, 2 * time.Second}, {&l.Stop, 3 * time.Second},
		{&l.RestartMin, 50 * time.Millisecond}, {&l.RestartMax, 30 * time.Second}, {&l.CrashWindow, time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	for _, n := range []struct {
		field *int
		value int
	}{{&l.CrashLoop, 5}, {&l.Queue, 1024}, {&l.AppQueue, 4096}} {
		if *n.field == 0 {
			*n.field = n.value
		}
	}
	return l
}

// restarts is the policy for a plugin that dies.
func (l Limits) restarts() supervise.Policy {
	return supervise.Policy{
		Intensity: l.CrashLoop - 1, Window: l.CrashWindow,
		First: l.RestartMin, Base: 2 * l.RestartMin, Max: l.RestartMax, Jitter: 0.2,
	}
}

// mostBlamed is the longest pause before a plugin is started that has ended on a block: there are others to be looked
// at.
const mostBlamed = time.Second

// blamed is the policy for deaths that a block is blamed for: they are answered with another start however many there
// are.
func (l Limits) blamed() supervise.Policy {
	p := l.restarts()
	p.Intensity, p.Max = math.MaxInt, min(p.Max, mostBlamed)
	return p
}

func Spec(cfg Config) subsystem.Spec {
	cfg.Limits = cfg.Limits.withDefaults()
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.PerChain,
		Sends: []proto.Message{
			&enginev1.Notify{}, &enginev1.SendAppRequest{}, &enginev1.SendAppResponse{}, &enginev1.SendAppError{},
			&enginev1.SendAppGossip{}, &enginev1.InvalidAppGossip{},
		},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { return newHandler(sub, cfg) },
	}
}
