package proc

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	// otherNumbers begin those of x32, which are the same calls once more.
	otherNumbers = 1 << 30
)

// deniedHere are denied calls that other machines don't have: the ports of devices.
var deniedHere = []uint32{unix.SYS_IOPERM, unix.SYS_IOPL}
