// Package accepttest is what listeners do at their worst, for the tests of all who accept.
package accepttest

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"
)

// Exhausted is a listener for whose first connections the process has no descriptor.
func Exhausted(l net.Listener, times int32) net.Listener {
	e := &exhausted{Listener: l}
	e.left.Store(times)
	return e
}

type exhausted struct {
	net.Listener
	left atomic.Int32
}

// Err is what the kernel says when there is no descriptor left.
func Err() error {
	return &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
}

func (e *exhausted) Accept() (net.Conn, error) {
	if e.left.Add(-1) >= 0 {
		return nil, Err()
	}
	return e.Listener.Accept()
}

// Broken is a listener that has ended by itself.
type Broken struct{ net.Listener }

// Cause is why.
var Cause = &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EBADF)}

// Accept fails for good.
func (Broken) Accept() (net.Conn, error) { return nil, Cause }
