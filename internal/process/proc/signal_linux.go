package proc

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNoProcess says that the process has ended.
var ErrNoProcess = errors.New("the process has ended")

// Signal sends sig to that process and to no other. The pidfd makes sure that the pid can't change hands in between.
func (id Identity) Signal(sig syscall.Signal) error {
	if id.PID <= 1 || id.Started == 0 {
		return ErrNoProcess
	}
	fd, err := unix.PidfdOpen(id.PID, 0)
	if err != nil {
		return ErrNoProcess
	}
	defer unix.Close(fd)
	if !id.Alive() {
		return ErrNoProcess
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}
