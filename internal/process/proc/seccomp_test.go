package proc

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// call makes a system call with arguments that do no harm where nothing forbids it.
func call(number uint32, first uintptr) unix.Errno {
	_, _, err := unix.RawSyscall6(uintptr(number), first, 0, 0, 0, 0, 0)
	return err
}

// tryCalls is what the confined program does: it writes down what it is let do.
func tryCalls() {
	for _, number := range denied {
		if err := call(number, 0); err != unix.EPERM {
			fmt.Printf("call %d is answered with %v\n", number, err)
		}
	}
	var flags [11]uint64 // of clone3
	flags[0] = unix.CLONE_NEWUSER
	_, _, err := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&flags)), unsafe.Sizeof(flags), 0)
	fmt.Println("clone3:", err)
	fmt.Println("clone:", call(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.CLONE_THREAD)))
	fmt.Println("personality:", call(unix.SYS_PERSONALITY, 0x40000), call(unix.SYS_PERSONALITY, 0),
		call(unix.SYS_PERSONALITY, 0xffffffff))
}

// playCalls starts this test's program as the one that tries.
func playCalls(t *testing.T, c Confinement) string {
	t.Helper()
	return playMode(t, "calls", c)
}

// playMode starts it for another purpose.
func playMode(t *testing.T, mode string, c Confinement) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child, err := StartConfined(&exec.Cmd{Path: self, Args: []string{self, mode}, Stdout: write, Stderr: write}, c, nil)
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer child.Kill()
	out, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestAConfinedProgramIsRefusedTheCallsThatItHasNoUseFor(t *testing.T) {
	if !Seccomp() {
		t.Skip("this kernel filters no calls, or nobody knows their numbers on this machine")
	}
	want := fmt.Sprintln("clone3:", unix.ENOSYS) + fmt.Sprintln("clone:", unix.EPERM) +
		fmt.Sprintln("personality:", unix.EPERM, unix.Errno(0), unix.Errno(0))
	if got := playCalls(t, Confinement{Paths: &Paths{Read: append(system, "/")}}); got != want {
		t.Errorf("it wrote\n%s", got)
	}
}

// A program in any language starts threads and processes, and none of that is refused.
func TestAConfinedProgramStartsOthers(t *testing.T) {
	c := Confinement{Paths: &Paths{Read: system, Write: []string{"/dev/null"}}}
	if out := runConfined(t, "echo one | cat; sh -c 'echo two'", c); !strings.Contains(out, "one\ntwo\n") {
		t.Errorf("a shell wrote %q", out)
	}
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("there is no Python here")
	}
	script := "import threading, subprocess, tempfile, multiprocessing as m\n" +
		"t = threading.Thread(target=lambda: print('thread', flush=True)); t.start(); t.join()\n" +
		"print(subprocess.run(['/bin/echo', 'process'], capture_output=True, text=True).stdout, flush=True)\n" +
		"p = m.get_context('fork').Process(target=lambda: print('fork', flush=True)); p.start(); p.join()\n"
	out := runConfined(t, "exec "+python+" -c \""+script+"\"", c)
	if !strings.Contains(out, "thread\nprocess\n\nfork\n") {
		t.Errorf("Python wrote %q", out)
	}
}

// judge has the filter judge a call as the kernel would, but in the byte order of the package that does it.
func judge(t *testing.T, arch, number uint32, first uint32) uint32 {
	t.Helper()
	vm, err := bpf.NewVM(filter())
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[callOffset:], number)
	binary.BigEndian.PutUint32(data[archOffset:], arch)
	binary.BigEndian.PutUint32(data[argumentOffset:], first)
	verdict, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(verdict)
}

func TestCallsByOtherNumbersAreRefused(t *testing.T) {
	if auditArch == 0 {
		t.Skip("calls aren't filtered on this machine")
	}
	const refused, allowed = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM), unix.SECCOMP_RET_ALLOW
	const i386 = 0x40000003
	for _, c := range []struct {
		what                string
		arch, number, first uint32
		want                uint32
	}{
		{"a read", auditArch, unix.SYS_READ, 0, allowed},
		{"a read by the numbers of i386", i386, unix.SYS_READ, 0, refused},
		{"ptrace by the numbers of i386", i386, 26, 0, refused},
		{"a read by other numbers", auditArch, unix.SYS_READ + otherNumbers, 0, refused},
		{"the last call that there may be", auditArch, otherNumbers - 1, 0, allowed},
		{"a thread", auditArch, unix.SYS_CLONE, unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND, allowed},
		{"a process in a network of its own", auditArch, unix.SYS_CLONE, unix.CLONE_NEWNET | 17, refused},
	} {
		if got := judge(t, c.arch, c.number, c.first); got != c.want {
			t.Errorf("%s: %x", c.what, got)
		}
	}
	for _, flag := range []uint32{unix.CLONE_NEWNS, unix.CLONE_NEWCGROUP, unix.CLONE_NEWUTS, unix.CLONE_NEWIPC,
		unix.CLONE_NEWUSER, unix.CLONE_NEWPID, unix.CLONE_NEWNET} {
		if got := judge(t, auditArch, unix.SYS_CLONE, flag); got != refused {
			t.Errorf("clone with %x: %x", flag, got)
		}
	}
}
