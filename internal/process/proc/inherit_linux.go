package proc

import (
	"errors"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// KeepToSelf sees that what this process was given by chance isn't handed on: every descriptor above the standard streams
// is closed in what it starts, so that nobody waits for the end of a pipe that a program holds which it knows nothing of;
// and new files can't be written by everybody, nor be out of their owner's own reach, whatever the caller's umask was.
func KeepToSelf() {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // kernels before 5.11 don't know it
	old := syscall.Umask(0o022)
	syscall.Umask((old | 0o022) &^ 0o700)
}

// Standard has standard output and standard error lead to a file from now on.
func Standard(f *os.File) error {
	return errors.Join(unix.Dup3(int(f.Fd()), 1, 0), unix.Dup3(int(f.Fd()), 2, 0))
}

// clearMask lets what this thread starts get every signal, also those that the caller of this process had blocked.
func clearMask() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil) }
