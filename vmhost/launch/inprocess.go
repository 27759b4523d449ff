package launch

import (
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/reevenet/reeve/vmhost/inproc"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// InProcess runs the VM as a Go value on the host's own goroutine: no socket, no clock and no randomness of its own. It
// is for simulation and tests. Kill is its crash: the value is dropped with all it knew, and what isn't in the database
// is gone.
type InProcess struct {
	// New makes a VM for each launch.
	New func() vmsdk.VM
	// CacheSize is the database cache's; 0 means the default.
	CacheSize int
}

func (l InProcess) Launch(r Request) (Plugin, error) {
	p := &inProcess{toVM: inproc.New(), toHost: inproc.New(), onExit: r.OnExit}
	r.Services(p.toHost)
	server := vmsdk.NewServer(l.New(), vmsdk.Environment{
		Host: p.toHost, Now: r.Now, After: p.guard(r.After), Go: func(f func()) { f() }, Log: r.Log,
		CacheSize: l.CacheSize, Alone: true,
	})
	server.Register(p.toVM)
	return p, nil
}

type inProcess struct {
	toVM, toHost *inproc.Conn
	onExit       func(error)
	dead         atomic.Bool
}

// guard keeps the timers of a dead VM from firing.
func (p *inProcess) guard(after func(time.Duration, func()) func()) func(time.Duration, func()) func() {
	return func(d time.Duration, f func()) func() {
		return after(d, func() {
			if !p.dead.Load() {
				f()
			}
		})
	}
}

func (p *inProcess) Conn() grpc.ClientConnInterface        { return p.toVM }
func (p *inProcess) PID() int                              { return 0 }
func (p *inProcess) Host() (address, token, runDir string) { return "", "", "" }
func (p *inProcess) File() File                            { return File{} }
func (p *inProcess) Sockets() []string                     { return nil }
func (p *inProcess) Guard() string                         { return "" }
func (p *inProcess) Dump()                                 {}

func (p *inProcess) Kill() { p.end(errors.New("killed")) }

func (p *inProcess) Stop(time.Duration) { p.end(nil) }

func (p *inProcess) end(cause error) {
	if p.dead.Swap(true) {
		return
	}
	gone := errors.New("the VM has ended")
	p.toVM.Break(gone)
	p.toHost.Break(gone)
	p.onExit(cause)
}
