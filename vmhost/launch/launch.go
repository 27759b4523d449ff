// Package launch is how a host starts a VM, whatever the VM is: a process (package process), a Go value inside a
// simulation (InProcess), a value behind a pipe (package vmtest). It holds what they have in common, and nothing of the
// host.
package launch

import (
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/vmhost/fastcall"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// How long a plugin may take, unless a setting says otherwise: in a node, and in the kit for authors, which would else
// refuse a VM that a node runs, or the other way round.
const (
	// HandshakeLimit is for saying where it listens.
	HandshakeLimit = 10 * time.Second
	// StartLimit is for everything until it answers: a VM may have something to migrate.
	StartLimit = 2 * time.Minute
	// CallLimit is for one block call.
	CallLimit = 10 * time.Second
)

// Launcher starts VMs: processes in production, Go values in a simulation.
type Launcher interface {
	// Launch starts one and returns when its services can be called. It takes at most a few seconds. An error wraps
	// ErrPermanent when another try can't help.
	Launch(r Request) (Plugin, error)
}

// Request is what a launch is given.
type Request struct {
	// Services registers the host's services, which the plugin may call until it ends.
	Services func(grpc.ServiceRegistrar)
	// OnExit is called once, on any goroutine, when the plugin has ended for whatever reason.
	OnExit func(cause error)
	// Log takes what the plugin writes.
	Log *slog.Logger
	// Around stands around the calls in both directions. Traces go on in the plugin, which opens spans of its own if
	// Around does.
	Around intercept.Chain
	// Now and After are the host's time, for a VM that runs inside it.
	Now   func() time.Time
	After func(d time.Duration, f func()) (cancel func())
}

// Plugin is a running VM.
type Plugin interface {
	// Conn leads to its services. Calls fail as unavailable once it has ended.
	Conn() grpc.ClientConnInterface
	// PID is its process, 0 when it has none of its own.
	PID() int
	// File is the program that it runs; zero when there is none.
	File() File
	// Guard says what protects its host from it; empty: nothing is between them.
	Guard() string
	// Sockets are the files by which it and its host reach one another.
	Sockets() []string
	// Host is what Initialize must tell the plugin about the host's services.
	Host() (address, token, runDir string)
	// Dump has the plugin write down what it is doing, into the log, and returns when that is done or can't be waited
	// for.
	Dump()
	// Kill ends it at once, whatever state it is in, and all that it has started.
	Kill()
	// Stop ends it after it has answered Shutdown, and kills it if it doesn't end within the limit. It returns when it
	// is gone.
	Stop(limit time.Duration)
}

// File is a plugin's program.
type File struct {
	// SHA256 in hexadecimal.
	SHA256   string
	Modified time.Time
}

// Capabilities are what a plugin is told that its host can do beyond the core: it says what is durable, and a host that
// is reached by a socket serves fast calls on it.
func Capabilities(p Plugin) []string {
	can := []string{vmsdk.HostCommits}
	if address, _, _ := p.Host(); address != "" {
		can = append(can, fastcall.Capability)
	}
	return can
}

// ErrPermanent marks a launch error that another try can't mend: no such file, wrong version.
var ErrPermanent = errors.New("the plugin can't be started")
