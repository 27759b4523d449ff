package proc

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	// otherNumbers begin those of x32, which are the same calls once more.
	otherNumbers = 1 << 30
)

// deniedHere are denied calls that other machines don't have: the ports of devices.
var deniedHere = []uint32{unix.SYS_IOPERM, unix.SYS_IOPL}

// sealedHere are calls of Seal's that other machines don't have: older forms of the same.
var sealedHere = []uint32{unix.SYS_OPEN, unix.SYS_CREAT, unix.SYS_MKDIR, unix.SYS_MKNOD, unix.SYS_UNLINK, unix.SYS_RMDIR,
	unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_LINK, unix.SYS_SYMLINK, unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_FORK,
	unix.SYS_VFORK, unix.SYS_ACCEPT}
