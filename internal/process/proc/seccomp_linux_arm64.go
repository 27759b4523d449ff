package proc

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_AARCH64
	// otherNumbers begin what is no call.
	otherNumbers = 1 << 30
)

// deniedHere are denied calls that other machines don't have.
var deniedHere []uint32

// sealedHere are calls of Seal's that other machines don't have.
var sealedHere = []uint32{unix.SYS_RENAMEAT, unix.SYS_ACCEPT}
