package proc

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Confinement is what a program that isn't trusted may do. The zero value confines nothing.
type Confinement struct {
	// User runs it as another user, which only root can; nil: as this process's.
	User *syscall.Credential
	// Paths has the kernel's landlock open these parts of the file system alone, where the kernel has it, and its seccomp
	// refuse the calls that no such program needs; and whatever the program executes gives it no privileges. nil: the
	// user's rights are the bounds.
	Paths *Paths
	// Memory, Files and Processes bound each of its processes, the last all of its user's; 0: no bound.
	Memory, Files, Processes uint64
}

// Paths are files and directories with all that is in them. Those that don't exist, or that its
// user can't reach, are left out.
type Paths struct {
	Read, Write []string // what can be read can be executed, what can be written be read
}

// Rights of landlock, by what they are for.
const (
	readRights  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_EXECUTE
	fileRights  = readRights&^unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | truncateRight
	firstRights = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1
	// Rights that came later.
	referRight    = unix.LANDLOCK_ACCESS_FS_REFER
	truncateRight = unix.LANDLOCK_ACCESS_FS_TRUNCATE
	ioctlRight    = unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
)

// Landlock is the version of the kernel's landlock; 0: it has none.
func Landlock() int {
	v, _, err := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if err != 0 {
		return 0
	}
	return int(v)
}

// handled are the rights that a version of landlock knows.
func handled(version int) uint64 {
	rights := uint64(firstRights)
	for _, later := range []struct {
		since int
		right uint64
	}{{2, referRight}, {3, truncateRight}, {5, ioctlRight}} {
		if version >= later.since {
			rights |= later.right
		}
	}
	return rights
}

// confiner is the name by which a program of ours knows that it was started to confine itself and then to become
// another one. A thread of this process can't do that for its child: what is confined may look into all that is confined
// the same way, and so into this process's memory.
const confiner = "reeve: confined"

// prepared: this program calls Confined, and can start others within bounds.
var prepared bool

// CanConfine tells whether StartConfined works in this program.
func CanConfine() bool { return prepared }

// confined is what such a program is told.
type confined struct {
	Path   string
	Args   []string
	Bounds Confinement
	Sealed bool // the program is at descriptor 3
}

// StartConfined starts a program like Start, within bounds. The program that calls it must call Confined as the first
// thing in main. sealed, if there is one, is the program's content, and cmd's path is only its name.
func StartConfined(cmd *exec.Cmd, c Confinement, sealed *os.File) (*Child, error) {
	told, err := json.Marshal(confined{Path: cmd.Path, Args: cmd.Args, Bounds: c, Sealed: sealed != nil})
	if err != nil {
		return nil, err
	}
	cmd.Path, cmd.Args = "/proc/self/exe", []string{confiner, string(told)}
	if sealed != nil {
		cmd.ExtraFiles = []*os.File{sealed}
	}
	return start(cmd, c.User)
}

// Confined is for main: a process that was started by StartConfined becomes the program in question here, and any other
// goes on.
func Confined() {
	prepared = true
	if len(os.Args) != 2 || os.Args[0] != confiner {
		return
	}
	fmt.Fprintln(os.Stderr, "it can't be confined:", become(os.Args[1]))
	os.Exit(126)
}

// become returns only with an error.
func become(told string) error {
	var c confined
	if err := json.Unmarshal([]byte(told), &c); err != nil {
		return err
	}
	if c.Sealed {
		c.Path = "/proc/self/fd/3"
		unix.CloseOnExec(3)
	}
	runtime.LockOSThread() // it alone is confined, and goes on as the program
	if err := c.Bounds.enter(); err != nil {
		return err
	}
	return syscall.Exec(c.Path, c.Args, os.Environ())
}

func (c *Confinement) enter() error {
	if err := c.limit(); err != nil || c.Paths == nil {
		return err
	}
	if err := c.Paths.enter(); err != nil {
		return err
	}
	return enterFilter()
}

// enter confines this thread, and with it what it becomes: there is no way back.
func (p *Paths) enter() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := dropCapabilities(); err != nil {
		return err
	}
	version := Landlock()
	if version == 0 {
		return nil
	}
	attr := unix.LandlockRulesetAttr{Access_fs: handled(version)}
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	rules, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)),
		unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	defer unix.Close(int(rules))
	for _, path := range p.Read {
		if err := allow(int(rules), path, readRights); err != nil {
			return err
		}
	}
	for _, path := range p.Write {
		if err := allow(int(rules), path, attr.Access_fs); err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, rules, 0, 0); errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	return nil
}

// dropCapabilities takes from root what makes it more than the owner of its files, for good.
func dropCapabilities() error {
	for c := range uintptr(unix.CAP_LAST_CAP + 1) { // fails when this process may not, and then it has none to give
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData // version 3 takes two
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	return nil
}

// allow adds what may be done below a path.
func allow(rules int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, os.ErrPermission) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("landlock: %s: %w", path, err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("landlock: %s: %w", path, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= fileRights | ioctlRight
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & handled(Landlock()), Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("landlock: %s: %w", path, errno)
	}
	return nil
}

// limit bounds this process.
func (c *Confinement) limit() error {
	for _, l := range []struct {
		resource int
		most     uint64
	}{
		{unix.RLIMIT_DATA, c.Memory}, {unix.RLIMIT_NOFILE, c.Files}, {unix.RLIMIT_NPROC, c.Processes},
	} {
		var has syscall.Rlimit
		if l.most == 0 {
			continue
		}
		err := syscall.Getrlimit(l.resource, &has)
		if err == nil {
			most := min(l.most, has.Max)
			err = syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: most, Max: most})
		}
		if err != nil {
			return fmt.Errorf("it can't be bounded: %w", err)
		}
	}
	return syscall.Setrlimit(unix.RLIMIT_CORE, &syscall.Rlimit{}) // what it knows isn't left in a file
}
